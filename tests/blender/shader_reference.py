"""What the shaders should draw, in numpy. Written from their description; shares no code with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_RAMP = np.array([[0, 0, 0], [0.30, 0.10, 0.55], [0.85, 0.20, 0.42], [1.00, 0.68, 0.18], [1, 1, 1]])


def srgb(linear: Array) -> Array:
    """The sRGB transfer, odd about 0 and not clipped."""
    size = np.abs(linear)
    return np.sign(linear) * np.where(size < 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055)


def shown(linear: Array, exposure: float = 0.0, gamma: float = 1.0) -> Array:
    """Display values 0..1 of scene-linear Rec.709 pixels (h, w, 3)."""
    return np.clip(srgb(linear * 2**exposure), 0, 1) ** (1 / gamma)


def _beside(left: Array, right: Array, split: float) -> Array:
    centres = (np.arange(left.shape[1]) + 0.5) / left.shape[1]
    return np.where((centres < split)[None, :, None], left, right)


def wipe(plate: Array, composite: Array, split: float, **view: float) -> Array:
    """The plate left of ``split``, the composite right of it."""
    return shown(_beside(plate, composite, split), **view)


def difference(plate: Array, composite: Array, gain: float) -> Array:
    """The largest difference of the encoded channels on the ramp."""
    amount = np.clip(gain * np.abs(srgb(composite) - srgb(plate)).max(-1), 0, 1)
    stops = np.linspace(0, 1, len(_RAMP))
    return np.stack([np.interp(amount, stops, column) for column in _RAMP.T], -1)


def matte(composite: Array, amount: Array, tint: tuple[float, float, float, float]) -> Array:
    """Half tint, half the picture's grey, laid over by the matte (h, w)."""
    picture = shown(composite)
    grey = picture @ np.array([0.2126, 0.7152, 0.0722])
    stained = 0.5 * (grey[..., None] + np.array(tint[:3]))
    over = (tint[3] * np.clip(amount, 0, 1))[..., None]
    return picture * (1 - over) + stained * over


def match(plate: Array, swap: Array, amount: Array, gain: Array, split: float = 0.0) -> Array:
    """Plate and an unpremultiplied swap (h, w, 3), regraded, mixed by the matte (h, w)."""
    over = amount[..., None]
    return shown(_beside(plate, plate + over * (swap * gain - plate), split))


def stroke(
    width: int, height: int, a: tuple[float, float], b: tuple[float, float], colour: tuple[float, ...], radius: float
) -> Array:
    """One round-ended stroke over black (h, w, 3), by the nearest of many discs set along it."""
    y, x = np.mgrid[:height, :width] + 0.5
    steps = np.linspace(0, 1, 4000)
    away = np.full((height, width), np.inf)
    for t in steps:
        away = np.minimum(away, np.hypot(x - (a[0] + t * (b[0] - a[0])), y - (a[1] + t * (b[1] - a[1]))))
    return np.clip(radius + 0.5 - away, 0, 1)[..., None] * colour[3] * np.array(colour[:3])
