"""What stills say of their colours: PNG's chunks, ICC profiles, gamma, and Exif."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import OpenImageIO as oiio

from understudy.plate.encoding import Encoding, from_code_points, from_gamma, from_icc

_LARGEST = 1 << 24  # bytes of a profile


def encoding_of(path: Path, spec: oiio.ImageSpec, format_name: str) -> Encoding | None:
    """What the opened picture says of transfer and primaries; None where it says nothing or only what goes without saying.

    EXR and DPX have tags of their own, which the header holds.
    """
    if format_name in ("openexr", "dpx"):
        return None
    if format_name == "png":
        return png_encoding(path)
    if (profile := spec.getattribute("ICCProfile")) is not None:
        return from_icc(bytes(bytearray(profile)))
    if format_name == "webp":
        return _webp_encoding(path)
    if spec.get_int_attribute("Exif:ColorSpace", 1) == 2 or spec.getattribute("Exif:InteroperabilityIndex") == "R03":
        return Encoding("g22_adobergb_scene", "Exif colour space Adobe RGB")
    gamma = spec.get_float_attribute("oiio:Gamma", 0.0)
    return from_gamma(gamma) if gamma > 0 and gamma != 1 else None


def png_encoding(path: Path) -> Encoding | None:
    """That of a PNG: cICP before iCCP before sRGB before gAMA and cHRM (PNG Specification, third edition, 4.3)."""
    chunks = _png_chunks(path)
    try:
        if code := chunks.get("cICP"):
            return from_code_points(code[0], code[1])
        if profile := chunks.get("iCCP"):
            packed = profile[profile.index(b"\0") + 2 :]
            return from_icc(zlib.decompressobj().decompress(packed, _LARGEST))
        if "sRGB" in chunks or "gAMA" not in chunks:
            return None
        (power,) = struct.unpack(">I", chunks["gAMA"])
        xy = [value / 100000 for value in struct.unpack(">8I", chunks["cHRM"])] if "cHRM" in chunks else None
    except (struct.error, ValueError, IndexError, zlib.error):  # a damaged tag says nothing
        return None
    # cHRM begins with the white.
    return from_gamma(100000 / power, None if xy is None else [*xy[2:], *xy[:2]]) if power else None


def _png_chunks(path: Path) -> dict[str, bytes]:
    """The chunks before the pixels by their names; of several the first."""
    found: dict[str, bytes] = {}
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name in (b"IDAT", b"IEND") or length > _LARGEST:
                break
            found.setdefault(name.decode("latin-1"), file.read(length))
            file.seek(4, 1)
    return found


def _webp_encoding(path: Path) -> Encoding | None:
    """OpenImageIO reads no profile from a WebP."""
    profile = webp_chunks(path).get("ICCP")
    return from_icc(profile) if profile else None


def webp_chunks(path: Path) -> dict[str, bytes]:
    """The small chunks of a WebP by their names (RIFF)."""
    found: dict[str, bytes] = {}
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", head)
            if name in (b"ICCP", b"EXIF") and length <= _LARGEST:
                found.setdefault(name.decode("latin-1"), file.read(length))
                file.seek(length % 2, 1)
            else:
                file.seek(length + length % 2, 1)
    return found


def exif_orientation(exif: bytes) -> int:
    """The tag Orientation (0x0112) of an Exif block; 1 where there is none."""
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        if order is None:
            return 1
        (at,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, at)
        for index in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", block, at + 2 + 12 * index)
            if (tag, kind) == (0x0112, 3):
                return int(value)
    except struct.error:
        pass
    return 1
