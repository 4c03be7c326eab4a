"""How strongly faces are varied."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AugmentConfig:
    """Strength of each variation; 0 leaves it out, and it costs nothing then."""

    warp: float = 1.0  # random warp and exchange of shapes, of what is shown
    affine: float = 1.0  # rotation, scale and shift; 1 is what alignment leaves over
    exposure: float = 0.0  # spread in stops
    white_balance: float = 0.0  # spread of each channel's gain in stops
    hue: float = 0.0  # spread in degrees
    saturation: float = 0.0  # spread of the factor on it
    colour_of_others: float = 0.0  # how often a face is shown in a donor's colours, 0..1
    blur: float = 0.0  # how often, 0..1, like the following
    downscale: float = 0.0
    noise: float = 0.0
    occluders: float = 0.0

    @property
    def relights(self) -> bool:
        """Whether the light of what is shown changes."""
        return max(self.exposure, self.white_balance, self.hue, self.saturation) > 0
