"""Fusion: a small network that betters the light on a rendered face, by what the plate and the references show.

It looks at candidate pictures of one face in one place and answers with shares, not with pixels: how much of its broad light
the face ought to take from the plate bent to its shape (the carrier), and from the references as the mesh alone lights them.
Shares are bounded, what is taken is smooth, and eyes, brows and lips take nothing: features stay the person's, and the
picture as sharp as it was. Shares hold at any resolution: the network sees every face at one size, and they are carried to
the picture. With its first weights it changes nothing.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from understudy.errors import ModelError

FILE = Path(__file__).with_name("fusion.safetensors")
"""The weights that travel with the package."""

PER_UNIT = 80.0
"""Pixels per mean-face unit of the pictures that the network sees."""

SIDE = 192
"""Their side in pixels."""

CANDIDATES = 4
"""Pictures that are seen: the face as rendered, the same without the plate's broad light (the mesh's), the plate bent to the
new face's shape (the carrier), and the plate as filmed."""

MAPS = 10
"""Further channels: matte, share of the references, reach of the bend, what stands before the face (all 0..1), confidence,
mouth interior, plain skin, and the normal's x, y, z in the camera's axes."""

SHARES = 2
"""What the network answers: how much of the carrier's light, and how much of the mesh's; 0 is none, 1 is all."""

LIGHT = 0.1
"""Spread in mean-face units of the Gaussian that passes light alone."""

FLOOR = 0.02
"""Scene-linear light added before logarithms are taken."""

MATTE, REACH, SKIN = 0, 2, 6
"""Where the maps have the matte, the reach of the bend, and plain skin."""

_LEAST, _MOST = -0.2, 1.0  # shares: below 0 what sets the candidate apart is made stronger
_SOFT = 0.0625  # mean-face units over which light fades into eyes, brows and lips
_SMOOTH = 0.05  # mean-face units over which the mesh's share is smoothed
_SLOPE = 0.1  # of the leaky rectifiers
_WIDTHS = 32, 48, 64, 88


class Fusion(nn.Module):
    """Candidates in, shares out."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = _WIDTHS
        self.enter = nn.Sequential(nn.PixelUnshuffle(2), _pair(4 * (3 * CANDIDATES + MAPS), first))
        self.down = nn.ModuleList([_pair(first, second), _pair(second, third), _pair(third, last)])
        self.up = nn.ModuleList(
            [_pair(last + third, third), _pair(third + second, second), _pair(second + first, first)]
        )
        self.choice = nn.Conv2d(first, SHARES, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, _SLOPE)
                nn.init.zeros_(layer.bias if layer.bias is not None else layer.weight)
        nn.init.zeros_(self.choice.weight)

    def forward(self, candidates: Tensor, maps: Tensor) -> Tensor:
        """Shares (N, SHARES, SIDE, SIDE) for ``candidates`` (N, CANDIDATES, 3, SIDE, SIDE), scene-linear, and ``maps``
        (N, MAPS, SIDE, SIDE)."""
        logs = encode(candidates)
        matte = maps[:, None, MATTE : MATTE + 1]
        mean = (logs[:, :1] * matte).sum((-2, -1), keepdim=True) / matte.sum((-2, -1), keepdim=True).clamp(min=1)
        near = maps[:, None, REACH : REACH + 1]  # what is behind the head has no say
        seen = torch.cat([(logs[:, :1] - mean) * near, logs[:, 1:] - logs[:, :1]], 1).flatten(1, 2)
        level = self.enter(torch.cat([seen, maps], 1))
        levels = [level]
        for layer in self.down:
            level = layer(F.avg_pool2d(level, 2))
            levels.append(level)
        level = F.dropout2d(level, 0.1, self.training)
        for layer, beside in zip(self.up, levels[-2::-1], strict=True):
            level = layer(torch.cat([F.interpolate(level, scale_factor=2.0, mode="nearest"), beside], 1))
        shares = _enlarged(F.hardtanh(self.choice(level), _LEAST, _MOST), SIDE, SIDE)
        return torch.cat([shares[:, :1], smoothed(shares[:, 1:], _SMOOTH * PER_UNIT)], 1)


def fused(
    shares: Tensor, rendered: Tensor, mesh: Tensor, carrier: Tensor, matte: Tensor, skin: Tensor, unit: float
) -> Tensor:
    """(N, 3, h, w) the ``rendered`` face in light of which ``shares`` (N, SHARES, h, w) are the other candidates'.

    ``rendered``, ``mesh`` and ``carrier`` (N, 3, h, w) are scene-linear, see CANDIDATES; ``matte`` and ``skin``
    (N, 1, h, w) 0..1; ``unit`` pixels per mean-face unit. Where ``matte`` is 0, and where all shares are, nothing changes.
    """
    before = encode(rendered)
    wanted, within = before, matte * smoothed(skin, _SOFT * unit)
    for row, other in enumerate((carrier, mesh)):
        gap = smoothed((encode(other) - before) * matte, LIGHT * unit)
        wanted = wanted + within * shares[:, row : row + 1] * gap
    return rendered + (torch.exp(wanted) - torch.exp(before))


def encode(light: Tensor) -> Tensor:
    """Scene-linear light of any shape as logarithms."""
    return torch.log(light.clamp(min=0) + FLOOR)


def smoothed(picture: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of ``picture`` (N, C, h, w); a wide one on a smaller picture, which shows it as well."""
    factor = max(1, int(sigma / 2))
    if factor == 1:
        return _gaussian(picture, sigma)
    height, width = picture.shape[-2:]
    even = F.pad(picture, (0, -width % factor, 0, -height % factor), mode="replicate")
    small = _gaussian(F.avg_pool2d(even, factor), sigma / factor)
    return _enlarged(small, *even.shape[-2:])[..., :height, :width]


def load_fusion(path: Path) -> Fusion:
    """The network in a safetensors file, for inference on the CPU. Raises OSError, SafetensorError and RuntimeError."""
    network = Fusion()
    with safe_open(path, framework="pt") as file:
        network.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118
    return network.eval().requires_grad_(False)


@cache
def shipped_fusion() -> Fusion:
    """The network that travels with the package. Raises ModelError where the installation lacks it."""
    try:
        return load_fusion(FILE)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"The weights that better the light on a rendered face, {FILE.name}, are missing from this installation or damaged.",
            "Install Understudy again, or use --renderer network.",
        ) from error


def _gaussian(picture: Tensor, sigma: float) -> Tensor:
    radius = max(1, min(int(3 * sigma + 0.5), min(picture.shape[-2:]) - 1))
    offsets = torch.arange(-radius, radius + 1, dtype=picture.dtype, device=picture.device)
    taps = torch.exp(-0.5 * (offsets / sigma) ** 2)
    taps = (taps / taps.sum()).expand(picture.shape[1], 1, 1, -1)
    across = F.conv2d(F.pad(picture, (radius, radius, 0, 0), mode="replicate"), taps, groups=picture.shape[1])
    return F.conv2d(F.pad(across, (0, 0, radius, radius), mode="replicate"), taps.mT, groups=picture.shape[1])


def _enlarged(field: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(field, size=(height, width), mode="bilinear", align_corners=False)


def _pair(entering: int, leaving: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(entering, leaving, 3, padding=1), nn.LeakyReLU(_SLOPE),
        nn.Conv2d(leaving, leaving, 3, padding=1), nn.LeakyReLU(_SLOPE),
    )  # fmt: skip
