"""The header reader, against what OpenImageIO wrote."""

import numpy as np
import OpenImageIO as oiio
import pytest
from compositor.exr_header import read_header


def write(path, parts=1):
    specs = []
    for part in range(parts):
        spec = oiio.ImageSpec(12, 7, 4, "half")
        spec.x, spec.y = -2, 1
        spec.full_x, spec.full_y, spec.full_width, spec.full_height = 0, 0, 8, 9
        spec.attribute("oiio:subimagename", f"part{part}")
        spec.attribute("PixelAspectRatio", 2.0)
        spec.attribute("framesPerSecond", oiio.TypeDesc("rational"), (24000, 1001))
        spec.attribute("colorInteropID", "lin_ap1_scene")
        spec.attribute("understudy/colour_space", "ACEScg – näher")
        specs.append(spec)
    file = oiio.ImageOutput.create(str(path))
    assert file.open(str(path), specs[0]) if parts == 1 else file.open(str(path), specs)
    for part, spec in enumerate(specs):
        if part:
            assert file.open(str(path), spec, "AppendSubimage")
        assert file.write_image(np.zeros((7, 12, 4), np.float32))
    file.close()


@pytest.mark.parametrize("parts", [1, 3])
def test_windows_rate_and_texts_are_read(tmp_path, parts):
    write(tmp_path / "a.exr", parts)
    header = read_header(tmp_path / "a.exr")
    assert header.data_window == (-2, 1, 9, 7)
    assert header.display_window == (0, 0, 7, 8)
    assert header.size == (12, 7)
    assert header.pixel_aspect == 2.0
    assert header.fps == (24000, 1001)
    assert header.texts["colorInteropID"] == "lin_ap1_scene"
    assert header.texts["understudy/colour_space"] == "ACEScg – näher"


def test_a_file_without_a_rate_has_none(tmp_path):
    spec = oiio.ImageSpec(4, 4, 3, "half")
    file = oiio.ImageOutput.create(str(tmp_path / "a.exr"))
    assert file.open(str(tmp_path / "a.exr"), spec)
    file.write_image(np.zeros((4, 4, 3), np.float32))
    file.close()
    assert read_header(tmp_path / "a.exr").fps is None


@pytest.mark.parametrize("length", [0, 3, 9, 40, 100])
def test_a_cut_off_header_is_said_to_be_damaged(tmp_path, length):
    write(tmp_path / "a.exr")
    (tmp_path / "a.exr").write_bytes((tmp_path / "a.exr").read_bytes()[:length])
    with pytest.raises(ValueError, match="damaged"):
        read_header(tmp_path / "a.exr")


def test_another_kind_of_file_is_no_exr(tmp_path):
    (tmp_path / "a.exr").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(ValueError, match="not an EXR file"):
        read_header(tmp_path / "a.exr")
