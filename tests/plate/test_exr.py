from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from understudy.plate.exr import has_all_pixels


def write(path: Path, layout: str, compression: str = "zip") -> Path:
    pixels = np.random.default_rng(1).random((70, 90, 3)).astype(np.float16)
    spec = oiio.ImageSpec(90, 70, 3, "half")
    spec.attribute("compression", compression)
    if layout in ("tiles", "parts of tiles"):
        spec.tile_width = spec.tile_height = 32
    target = oiio.ImageOutput.create(str(path))
    parts = 3 if layout.startswith("parts") else 1
    specs = []
    for part in range(parts):
        named = oiio.ImageSpec(spec)
        if parts > 1:
            named.attribute("oiio:subimagename", f"p{part}")
        specs.append(named)
    assert target.open(str(path), specs[0] if parts == 1 else specs)
    for part in range(parts):
        assert part == 0 or target.open(str(path), specs[part], "AppendSubimage")
        assert target.write_image(pixels)
    target.close()
    return path


@pytest.mark.parametrize("layout", ["scanlines", "tiles", "parts", "parts of tiles"])
@pytest.mark.parametrize("compression", ["none", "zip", "zips", "piz", "dwaa"])
def test_a_file_is_whole_only_with_its_last_byte(tmp_path: Path, layout: str, compression: str) -> None:
    path = write(tmp_path / "a.exr", layout, compression)
    whole = path.read_bytes()
    assert has_all_pixels(path)
    for length in (0, 3, 8, 50, 400, 700, len(whole) // 2, len(whole) - 300, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert not has_all_pixels(path), length


def test_a_table_that_was_never_filled_in_is_not_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", "scanlines")
    whole = path.read_bytes()
    blocks = -(-70 // 16)
    # The table ends where the first block begins: its first entry says where.
    start = next(at for at in range(len(whole)) if int.from_bytes(whole[at : at + 8], "little") == at + 8 * blocks)
    path.write_bytes(whole[:start] + bytes(8 * blocks) + whole[start + 8 * blocks :])
    assert not has_all_pixels(path)


def test_other_files_are_not_whole_exrs(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    for content in (b"", b"\x76\x2f\x31\x01", b"\x76\x2f\x31\x01\x02\0\0\0" + b"a" * 5000, b"GIF89a" * 100):
        path.write_bytes(content)
        assert not has_all_pixels(path)
