from __future__ import annotations

import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from understudy.plate.colour import BUILT_IN, ColourManager
from understudy.plate.reader import probe, read_frame
from understudy.plate.sequence import open_plate


@cache
def colours() -> ColourManager:
    return ColourManager(BUILT_IN, "built-in")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def write_png(path: Path, *tags: tuple[bytes, bytes], pixel: tuple[int, ...] = (153, 153, 153)) -> Path:
    rows = b"".join(b"\0" + bytes(pixel) * 4 for _ in range(3))
    head = struct.pack(">IIBBBBB", 4, 3, 8, 6 if len(pixel) == 4 else 2, 0, 0, 0)
    chunks = [(b"IHDR", head), *tags, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks))
    return path


def profile(colorants: list[tuple[float, ...]], curve: bytes, space: bytes = b"RGB ") -> bytes:
    """A small ICC profile, version 2: colorants (XYZ, D50) and one curve for all channels (ICC.1, 7.2 and 10)."""
    text = b"A profile\0"
    tags = {b"desc": b"desc" + struct.pack(">II", 0, len(text)) + text}
    for letter, xyz in zip(b"rgb", colorants, strict=True):
        tags[bytes([letter]) + b"XYZ"] = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in xyz))
        tags[bytes([letter]) + b"TRC"] = curve
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data.ljust(-(-len(data) // 4) * 4, b"\0")
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = struct.pack(">I", 0x02400000), b"mntr" + space + b"XYZ ", b"acsp"
    head[0:4] = struct.pack(">I", at + len(body))
    return bytes(head) + table + body


def power(gamma: float) -> bytes:
    return b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))


SRGB_CURVE = (
    b"para"
    + struct.pack(">IHH5i", 0, 3, 0, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))[
        0:28
    ]
)
# As the profiles of Apple, Adobe and the ICC hold them.
P3 = [(0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)]
ADOBE = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
SRGB = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141)]
PROPHOTO = [(0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00008, 0.82491)]


def space_of(path: Path) -> tuple[str, str]:
    plate = open_plate(str(path))
    found = colours().input_space(plate, probe(plate), None)
    return found.name, found.reason


def icc_chunk(data: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(data)


REC709_CHROMATICITIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
ADOBE_CHROMATICITIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
GAMMA = b"gAMA", struct.pack(">I", 45455)

PNGS: dict[str, tuple[list[tuple[bytes, bytes]], str]] = {
    "nothing": ([], "sRGB Encoded Rec.709 (sRGB)"),
    "PQ": ([(b"cICP", bytes([9, 16, 0, 1]))], "Rec.2100-PQ - Display"),
    "HLG before a profile": ([(b"cICP", bytes([9, 18, 0, 1])), icc_chunk(profile(P3, SRGB_CURVE))], "Rec.2100-HLG - Display"),
    "sRGB by code": ([(b"cICP", bytes([1, 13, 0, 1]))], "sRGB Encoded Rec.709 (sRGB)"),
    "Display P3 by profile": ([icc_chunk(profile(P3, SRGB_CURVE))], "sRGB Encoded P3-D65"),
    "gamma": ([GAMMA], "Gamma 2.2 Encoded Rec.709"),
    "gamma and primaries": ([GAMMA, (b"cHRM", REC709_CHROMATICITIES)], "Gamma 2.2 Encoded Rec.709"),
    "Adobe RGB by primaries": ([GAMMA, (b"cHRM", ADOBE_CHROMATICITIES)], "Gamma 2.2 Encoded AdobeRGB"),
    "sRGB before gamma": ([(b"sRGB", b"\0"), GAMMA], "sRGB Encoded Rec.709 (sRGB)"),
    "linear": ([(b"gAMA", struct.pack(">I", 100000))], "Linear Rec.709 (sRGB)"),
    "gamma 1.8": ([(b"gAMA", struct.pack(">I", 55556))], "Gamma 1.8 Encoded Rec.709"),
}  # fmt: skip


@pytest.mark.parametrize("name", PNGS)
def test_a_png_is_in_the_space_that_it_names(tmp_path: Path, name: str) -> None:
    tags, space = PNGS[name]
    assert space_of(write_png(tmp_path / "a.png", *tags))[0] == space


PROFILES = [
    (SRGB, SRGB_CURVE, "sRGB Encoded Rec.709 (sRGB)"),
    (P3, SRGB_CURVE, "sRGB Encoded P3-D65"),
    (ADOBE, power(2.19921875), "Gamma 2.2 Encoded AdobeRGB"),
    (SRGB, power(2.2), "Gamma 2.2 Encoded Rec.709"),
    (SRGB, b"curv" + struct.pack(">II", 0, 0), "Linear Rec.709 (sRGB)"),
]


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png", ".webp"])
def test_a_profile_is_known_by_its_numbers_not_its_name(tmp_path: Path, suffix: str) -> None:
    for index, (colorants, curve, space) in enumerate(PROFILES):
        path = tmp_path / f"{index}{suffix}"
        Image.new("RGB", (8, 6), (120, 90, 60)).save(path, icc_profile=profile(colorants, curve))
        assert space_of(path) == (space, "ICC profile A profile")


def test_a_profile_of_another_library_is_read(tmp_path: Path) -> None:
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", icc_profile=made)
    assert space_of(tmp_path / "a.jpg") == ("sRGB Encoded Rec.709 (sRGB)", "ICC profile sRGB built-in")


def test_a_profile_that_is_no_known_space_is_told(tmp_path: Path) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg", icc_profile=profile(PROPHOTO, power(1.8)))
    name, reason = space_of(tmp_path / "a.jpg")
    assert name == "sRGB Encoded Rec.709 (sRGB)" and "does not know its ICC profile A profile" in reason


def test_a_damaged_profile_says_nothing(tmp_path: Path) -> None:
    whole = profile(P3, SRGB_CURVE)
    for keep in (0, 20, 130, 150, len(whole) // 2):
        write_png(tmp_path / "a.png", icc_chunk(whole[:keep]))
        assert space_of(tmp_path / "a.png")[0] in ("sRGB Encoded Rec.709 (sRGB)", "sRGB Encoded P3-D65")
    for tag in ((b"cICP", b"\x09"), (b"gAMA", b"\0\0"), (b"gAMA", bytes(4)), (b"iCCP", b"no end")):
        assert space_of(write_png(tmp_path / "a.png", tag))[0] == "sRGB Encoded Rec.709 (sRGB)"


def lopsided() -> NDArray[np.uint8]:
    picture = np.full((24, 40, 3), 90, np.uint8)
    picture[:8, :8], picture[:8, 24:], picture[16:, :8] = (220, 20, 20), (20, 20, 220), (20, 220, 20)
    return picture


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_photographs_stand_as_their_camera_says(tmp_path: Path, suffix: str) -> None:
    for value in range(1, 9):
        path, exif = tmp_path / f"{value}{suffix}", Image.Exif()
        exif[0x0112] = value
        options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {"quality": 95, "subsampling": 0}
        options |= {"tiffinfo": {274: value}} if suffix == ".tif" else {"exif": exif}
        Image.fromarray(lopsided()).save(path, **(options if suffix in (".webp", ".jpg") else {
            key: one for key, one in options.items() if key in ("exif", "tiffinfo")
        }))  # fmt: skip
        with Image.open(path) as opened:
            wanted = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        plate = open_plate(str(path))
        frame, header = read_frame(plate, plate.frames[0]), probe(plate)
        assert frame.size == (header.display.width, header.display.height)
        np.testing.assert_allclose(frame.rgb * 255, wanted, atol=3 if suffix == ".jpg" else 0.01)
        assert bool(header.notes) == (value != 1)


def test_an_exr_is_upright_whatever_it_carries(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(8, 6, 3, "half")
    spec.attribute("Orientation", 6)
    buffer = oiio.ImageBuf(spec)
    assert buffer.write(str(tmp_path / "a.exr"))
    assert read_frame(open_plate(str(tmp_path / "a.exr")), 1).size == (8, 6)


def test_pixels_that_are_not_square_are_turned_with_the_picture(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(8, 6, 3, "uint8")
    spec.attribute("PixelAspectRatio", 2.0)
    spec.attribute("Orientation", 6)
    buffer = oiio.ImageBuf(spec)
    assert buffer.write(str(tmp_path / "a.tif"))
    header = probe(open_plate(str(tmp_path / "a.tif")))
    assert (header.pixel_aspect, header.display.width) == (0.5, 6)


def test_inks_are_told(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 6), (10, 20, 30, 3)).save(tmp_path / "a.jpg")
    assert "CMYK" in probe(open_plate(str(tmp_path / "a.jpg"))).notes[0]
