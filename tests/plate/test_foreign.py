from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from understudy.errors import UnreadableError
from understudy.plate.foreign import FOREIGN
from understudy.plate.reader import probe, read_channel, read_frame
from understudy.plate.sequence import PICTURES, open_plate

BEGINNINGS = {
    ".heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    ".avif": b"\0\0\0\x1cftypavif\0\0\0\0mif1",
    ".cr3": b"\0\0\0\x18ftypcrx \0\0\0\1",
    ".cr2": b"II*\0\x10\0\0\0CR\2",
    ".raf": b"FUJIFILMCCD-RAW 0201",
    ".jxl": b"\xff\x0a\xfa\x7f",
    ".jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
}


def refusal(path: Path) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        plate = open_plate(str(path))
        probe(plate)
    with pytest.raises(UnreadableError):
        read_frame(open_plate(str(path)), 1)
    assert "damaged" not in caught.value.message + caught.value.hint
    assert len(caught.value.message) < 400
    return caught.value


@pytest.mark.parametrize("suffix", BEGINNINGS)
@pytest.mark.parametrize("called", [None, ".jpg"])  # phones send HEIC as .jpg
def test_a_kind_that_is_not_read_says_what_to_convert_it_to(tmp_path: Path, suffix: str, called: str | None) -> None:
    path = tmp_path / f"photo{called or suffix}"
    path.write_bytes(BEGINNINGS[suffix] + bytes(99))
    error = refusal(path)
    assert FOREIGN[suffix][0] in error.message
    assert any(word in error.hint for word in ("TIFF", "PNG", "EXR"))


@pytest.mark.parametrize("suffix", [".NEF", ".dng", ".R3D", ".braw"])
def test_kinds_are_told_by_their_names_too(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_bytes(bytes(200))
    refusal(tmp_path / f"a{suffix}")


def test_nothing_that_is_read_is_called_foreign() -> None:
    groups = [group.split(":")[-1] for group in oiio.get_string_attribute("extension_list").split(";")]
    readable = {f".{ending}" for group in groups for ending in group.split(",")}
    assert not FOREIGN.keys() & (readable | PICTURES)


def test_deep_pixels_are_to_be_flattened(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(2, 2, 4, "float")
    spec.channelnames, spec.deep = ("R", "G", "B", "A"), True
    deep = oiio.DeepData()
    deep.init(spec)
    for pixel in range(4):
        deep.set_samples(pixel, 1)
    out = oiio.ImageOutput.create("x.exr")
    assert out.open(str(tmp_path / "deep.exr"), spec), out.geterror()
    out.write_deep_image(deep)
    out.close()
    error = refusal(tmp_path / "deep.exr")
    assert "deep" in error.message and "Flatten" in error.hint


@pytest.mark.parametrize("names", [("R", "G", "B"), ("Y",)])
def test_ids_are_no_picture_and_no_matte(tmp_path: Path, names: tuple[str, ...]) -> None:
    spec = oiio.ImageSpec(4, 4, len(names) + 1, "half")
    spec.channelnames = (*names, "id")
    spec.channelformats = (oiio.UINT,) * (len(names) + 1)
    oiio.ImageBuf(spec).write(str(tmp_path / "ids.exr"))
    out = oiio.ImageOutput.create("x.exr")
    assert out.open(str(tmp_path / "ids.exr"), spec), out.geterror()
    out.write_image(np.ones((4, 4, len(names) + 1), np.float32))
    out.close()
    assert "ids" in refusal(tmp_path / "ids.exr").message
    with pytest.raises(UnreadableError, match=r"Channel id .* holds ids"):
        read_channel(tmp_path / "ids.exr", "id")
