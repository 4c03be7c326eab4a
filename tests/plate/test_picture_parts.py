from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from exr_oracle import bits, every_half, write_exr
from understudy.errors import UnreadableError
from understudy.plate import picture
from understudy.plate.frame import Window
from understudy.plate.picture import read_parts


def test_every_channel_is_read_as_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half and float side by side, in strips that do not divide the height."""
    monkeypatch.setattr(picture, "_ROWS", 100)
    half = every_half()[..., 0]
    st = np.random.default_rng(1).standard_normal((256, 256)).astype(np.float32)
    number = np.arange(65536, dtype=np.uint32).reshape(256, 256)
    path = write_exr(tmp_path / "a.exr", {"R": half, "st.u": st, "id": number}, compression=OpenEXR.ZIPS_COMPRESSION)
    (part,) = read_parts(path)
    assert part.types == {"R": "half", "id": "uint", "st.u": "float"}
    assert part.compression == "zips"
    known = ~np.isnan(half)  # a NaN on its way through float stays one, but not which
    np.testing.assert_array_equal(bits(part.planes["R"])[known], bits(half)[known])
    assert part.planes["R"].dtype == np.float16 and np.isnan(part.planes["R"][~known]).all()
    np.testing.assert_array_equal(part.planes["st.u"], st)


def test_parts_keep_their_names_windows_and_every_bit(tmp_path: Path) -> None:
    half = every_half()
    shared = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
    display = {"displayWindow": (np.array([0, 0], np.int32), np.array([255, 255], np.int32))}
    window = {"dataWindow": (np.array([4, -2], np.int32), np.array([259, 253], np.int32))}
    colour = {name: np.ascontiguousarray(half[..., index]) for index, name in enumerate("RGB")}
    matte = {"matte.A": np.ones((64, 32), np.float16)}
    OpenEXR.File(
        [
            OpenEXR.Part({**shared, **display, **window}, colour, "rgba"),
            OpenEXR.Part({**shared, **display}, matte, "matte"),
        ]
    ).write(str(tmp_path / "p.exr"))
    first, second = read_parts(tmp_path / "p.exr")
    assert (first.name, second.name) == ("rgba", "matte")
    assert first.header.data == Window(4, -2, 256, 256)
    for name, plane in zip("RGB", np.moveaxis(half, 2, 0), strict=True):
        np.testing.assert_array_equal(bits(first.planes[name]), bits(plane))
    assert second.planes["matte.A"].shape == (64, 32)


def test_tiles_of_mixed_types_are_read_too(tmp_path: Path) -> None:
    tiles = OpenEXR.TileDescription()
    tiles.xSize, tiles.ySize = 32, 32
    st = np.random.default_rng(1).standard_normal((300, 50)).astype(np.float32)
    planes = {"R": st.astype(np.float16), "st.u": st}
    (part,) = read_parts(write_exr(tmp_path / "t.exr", planes, type=OpenEXR.tiledimage, tiles=tiles))
    np.testing.assert_array_equal(part.planes["st.u"], st)
    np.testing.assert_array_equal(part.planes["R"], planes["R"])


def test_a_damaged_part_is_told(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "a.exr", {"R": np.add.outer(np.arange(64), np.arange(64)).astype(np.float32)})
    content = bytearray(path.read_bytes())
    content[-100:] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=r"a\.exr cannot be read to its end"):
        read_parts(path)
