from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image
from understudy.plate.whole import is_cut_short

KINDS = ["a.exr", "tiled.exr", "a.png", "a.jpg", "a.tif", "tiled.tif", "big.tif", "a.dpx", "a.bmp", "a.webp"]


def written(path: Path) -> Path:
    spec = oiio.ImageSpec(160, 120, 3, {".exr": "half", ".tif": "uint16", ".dpx": "uint16"}.get(path.suffix, "uint8"))
    if path.stem == "tiled":
        spec.tile_width = spec.tile_height = 32
    if path.name == "big.tif":
        spec.attribute("tiff:bigtiff", 1)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec), out.geterror()
    out.write_image(np.random.default_rng(3).random((120, 160, 3), np.float32))
    out.close()
    return path


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_ends_early_is_told_from_a_whole_one(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    assert not is_cut_short(path)
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert is_cut_short(path), share


def test_a_thumbnail_s_end_is_not_the_photograph_s(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    photograph = Image.effect_noise((160, 120), 80).convert("RGB")
    photograph.resize((32, 24)).save(tmp_path / "small.jpg")
    exif = Image.Exif()
    exif[0x927C] = (tmp_path / "small.jpg").read_bytes()  # any tag will do
    photograph.save(path, exif=exif)
    whole = path.read_bytes()
    assert whole.count(b"\xff\xd9") == 2
    assert not is_cut_short(path)
    path.write_bytes(whole + b"and a short movie behind it")
    assert not is_cut_short(path)
    path.write_bytes(whole[:-50])
    assert is_cut_short(path)


@pytest.mark.parametrize("content", [b"", b"x", b"no picture at all, but a text that goes on for a while"])
def test_what_is_no_picture_is_not_called_cut_short(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.exr").write_bytes(content)
    assert not is_cut_short(tmp_path / "a.exr")


def test_deep_pixels_are_not_called_cut_short(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(2, 2, 1, "float")
    spec.deep = True
    deep = oiio.DeepData()
    deep.init(spec)
    out = oiio.ImageOutput.create("x.exr")
    assert out.open(str(tmp_path / "deep.exr"), spec), out.geterror()
    out.write_deep_image(deep)
    out.close()
    assert not is_cut_short(tmp_path / "deep.exr")
