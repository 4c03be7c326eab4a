from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
from understudy.plate.frame import Header, Window
from understudy.plate.matte import Matte
from understudy.review.regions import regions

HEADER = Header(Window(0, 0, 6, 4), Window(0, 0, 6, 4))


def write(path: Path, channels: dict[str, np.ndarray]) -> Path:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {name: values.astype(np.float32) for name, values in channels.items()}).write(str(path))
    return path


def test_regions_share_each_pixel_but_for_the_holdout(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    inside, hand = rng.random((2, 4, 6), np.float32)
    path = write(tmp_path / "m.exr", {"A": inside, "hand": hand})
    found = regions(1, HEADER, Matte.open(str(path), (1,)), Matte.open(f"{path}:hand", (1,)))
    np.testing.assert_allclose(found["inside"], inside * (1 - hand), atol=1e-6)
    np.testing.assert_allclose(found["inside"] + found["outside"], 1 - hand, atol=1e-6)
    assert np.all(regions(1, HEADER, None, None)["whole"] == 1)
