"""What files say of their own colours beside an identifier: code points, gamma, chromaticities, ICC profiles."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Encoding:
    """A transfer and primaries as a file tells of them.

    ``interop_id`` is the Color Interop Forum's identifier of that space, None where there is none. ``said`` tells it in
    words. Where it is ``high_range``, nobody may take the file for an ordinary picture.
    """

    interop_id: str | None
    said: str
    high_range: bool = False


# ITU-T H.273, tables 2 and 3.
_PRIMARIES = {
    1: "BT.709", 4: "BT.470 M", 5: "BT.470 BG", 6: "SMPTE 170M", 7: "SMPTE 240M", 8: "film", 9: "BT.2020",
    10: "XYZ", 11: "DCI-P3", 12: "P3-D65", 22: "EBU 3213",
}  # fmt: skip
_TRANSFERS = {
    1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "SMPTE 170M", 7: "SMPTE 240M", 8: "linear", 9: "log 100:1",
    10: "log 316:1", 11: "xvYCC", 12: "BT.1361", 13: "sRGB", 14: "BT.2020", 15: "BT.2020", 16: "PQ", 17: "gamma 2.6",
    18: "HLG",
}  # fmt: skip
_UNSPECIFIED, _PQ, _HLG = 2, 16, 18
_VIDEO = {1, 6, 7, 11, 12, 14, 15}  # one curve but for its last digits
_OF_SCREENS = {1, 5, 6, 7, 22}  # primaries that nobody tells apart from BT.709 by eye

_BY_CODES = {
    (9, _PQ): "pq_rec2020_display",
    (12, _PQ): "pq_p3d65_display",
    (9, _HLG): "hlg_rec2020_display",
    (1, 13): "srgb_rec709_scene",
    (12, 13): "srgb_p3d65_scene",
    (12, 1): "srgb_p3d65_scene",  # as BT.709 is taken for sRGB, whose screens it is made for
    (9, 1): "g24_rec2020_display",
    (1, 4): "g22_rec709_scene",
    (1, 8): "lin_rec709_scene",
    (9, 8): "lin_rec2020_scene",
    (12, 8): "lin_p3d65_scene",
    (12, 17): "g26_p3d65_display",
    (11, 17): "g26_p3dci_display",
}


def from_code_points(primaries: int, transfer: int) -> Encoding | None:
    """The encoding of H.273 code points, of a movie or of PNG's cICP; None where they tell of an ordinary picture."""
    if transfer in (*_VIDEO, _UNSPECIFIED) and primaries in (*_OF_SCREENS, _UNSPECIFIED):
        return None
    said = [
        f"{_TRANSFERS.get(transfer, f'code {transfer}')} transfer" if transfer != _UNSPECIFIED else "",
        f"{_PRIMARIES.get(primaries, f'code {primaries}')} primaries" if primaries != _UNSPECIFIED else "",
    ]
    high_range = transfer in (_PQ, _HLG)
    if primaries == _UNSPECIFIED:
        primaries = 9 if high_range else 1
    curve = 1 if transfer in (*_VIDEO, _UNSPECIFIED) else transfer
    gamut = 1 if primaries in _OF_SCREENS else primaries
    return Encoding(_BY_CODES.get((gamut, curve)), " and ".join(filter(None, said)), high_range)


_GAMMAS = {1.0: "lin", 1.8: "g18", 2.2: "g22", 2.4: "g24"}
_IDS = {
    "lin_rec709_scene", "g18_rec709_scene", "g22_rec709_scene", "g24_rec709_scene", "srgb_rec709_scene",
    "lin_p3d65_scene", "srgb_p3d65_scene", "lin_adobergb_scene", "g22_adobergb_scene", "lin_rec2020_scene",
}  # fmt: skip

_GAMUTS = {
    "rec709": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
    "p3d65": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    "adobergb": (0.64, 0.33, 0.21, 0.71, 0.15, 0.06),
    "rec2020": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
}
"""CIE xy of red, green and blue; white is D65 (ITU-R BT.709 and BT.2020, P3-D65, Adobe RGB (1998))."""


def from_gamma(gamma: float, chromaticities: Sequence[float] | None = None) -> Encoding:
    """The encoding of a pure power: code values are light to the power of 1 / ``gamma``.

    ``chromaticities`` are CIE xy of red, green, blue and white, those of BT.709 where they are not told.
    """
    known = next((name for value, name in _GAMMAS.items() if abs(gamma / value - 1) < 0.01), None)
    gamut = "rec709" if chromaticities is None else _gamut(chromaticities)
    named = f"{known}_{gamut}_scene"
    said = f"gamma {gamma:.3g}" + ("" if gamut == "rec709" else f" and {gamut or 'unknown'} primaries")
    return Encoding(named if named in _IDS else None, said)


def from_icc(profile: bytes) -> Encoding | None:
    """The encoding of an ICC profile (ICC.1:2022) of three curves and a matrix; None where it is damaged or of no RGB.

    Other profiles, and those whose curves and primaries are no known ones, have no identifier and are told by name.
    """
    try:
        tags = _icc_tags(profile)
        name = _icc_text(tags.get("desc", b"")) or "unnamed"
        if profile[16:20] != b"RGB ":
            return None
        if len(code := tags.get("cicp", b"")) >= 12 and (found := from_code_points(code[8], code[9])):
            return found
        said = f"ICC profile {name}"
        if not {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"} <= tags.keys():
            return Encoding(None, said)
        colorants = np.array([_icc_xyz(tags[f"{letter}XYZ"]) for letter in "rgb"])
        curves = [_icc_curve(tags[f"{letter}TRC"]) for letter in "rgb"]
    except (struct.error, IndexError, ValueError, ArithmeticError):
        return None
    gamut = next((name for name, xyz in _COLORANTS.items() if np.abs(xyz - colorants).max() < 0.003), None)
    curve = next((name for name, y in _CURVES.items() if all(np.abs(y - one).max() < 0.004 for one in curves)), None)
    named = f"{curve}_{gamut}_scene"
    return Encoding(named if named in _IDS else None, said)


def _gamut(chromaticities: Sequence[float]) -> str | None:
    wanted = (*chromaticities,)[:8]
    return next((name for name, xy in _GAMUTS.items() if np.allclose(wanted, (*xy, 0.3127, 0.329), atol=2e-3)), None)


def _colorants() -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """XYZ of each gamut's red, green and blue as profiles hold them: adapted to D50 (Bradford), (3, 3) by rows."""
    bradford = np.array([(0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)])
    d65, d50 = np.array([0.9505, 1.0, 1.0891]), np.array([0.9642, 1.0, 0.8249])
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ d50) / (bradford @ d65)) @ bradford
    result = {}
    for name, xy in _GAMUTS.items():
        columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in zip(xy[::2], xy[1::2], strict=True)]).T
        result[name] = (adapt @ (columns * np.linalg.solve(columns, d65))).T
    return result


_STEPS = np.linspace(0.0, 1.0, 65)
_COLORANTS = _colorants()
_CURVES = {
    "lin": _STEPS,
    "g18": _STEPS**1.8,
    "g22": _STEPS**2.2,
    "g24": _STEPS**2.4,
    "srgb": np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4),
}


def _icc_tags(profile: bytes) -> dict[str, bytes]:
    count = struct.unpack_from(">I", profile, 128)[0]
    tags = {}
    for index in range(min(count, 200)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name.decode("latin-1")] = profile[offset : offset + size]
    return tags


def _icc_text(data: bytes) -> str:
    """A profile's description: ``desc`` of version 2 or ``mluc`` of version 4."""
    if data[:4] == b"desc":
        (length,) = struct.unpack_from(">I", data, 8)
        text = data[12 : 12 + min(length, 200)].decode("latin-1")
    elif data[:4] == b"mluc":
        size, offset = struct.unpack_from(">II", data, 20)
        text = data[offset : offset + min(size, 200)].decode("utf-16-be", "replace")
    else:
        return ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:60]


def _icc_xyz(data: bytes) -> tuple[float, ...]:
    return tuple(value / 65536 for value in struct.unpack_from(">3i", data, 8))


def _icc_curve(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The light at each of the steps."""
    x = _STEPS
    if data[:4] == b"curv":
        (count,) = struct.unpack_from(">I", data, 8)
        if count == 0:
            return x
        values = np.frombuffer(data, ">u2", count, 12)
        if count == 1:
            return np.asarray(x ** (int(values[0]) / 256))
        return np.asarray(np.interp(x, np.linspace(0, 1, count), values / 65535))
    if data[:4] != b"para":
        raise ValueError("no curve")
    (kind,) = struct.unpack_from(">H", data, 8)
    count = (1, 3, 4, 5, 7)[kind]
    told = [value / 65536 for value in struct.unpack_from(f">{count}i", data, 12)]
    g, a, b, c, d, e, f = told + [0.0] * (7 - count)
    if kind == 0:
        return np.asarray(x**g)
    start = -b / a if kind < 3 else d
    power = np.maximum(a * x + b, 0) ** g
    # Kind 2 adds its c everywhere; kind 4 its e to the power and its f to the line.
    high = power + (c if kind == 2 else e)
    low = (c if kind == 2 else 0.0) if kind < 3 else c * x + f
    return np.asarray(np.where(x >= start, high, low))
