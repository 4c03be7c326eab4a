from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from understudy.errors import OutputError
from understudy.review.pages.plot import plot_frames


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_the_curves_are_drawn_over_the_frames(tmp_path: Path) -> None:
    frames = [1001, 1002, 1003]
    plot_frames(tmp_path / "a" / "up.png", "A", frames, {"PSNR": {"inside": [1, 2, 3]}, "SSIM": {"inside": [1, 1, 1]}})
    plot_frames(tmp_path / "flat.png", "A", frames, {"PSNR": {"inside": [2, 2, 2]}, "SSIM": {"inside": [1, 1, 1]}})
    plot_frames(tmp_path / "gap.png", "A", frames, {"PSNR": {"inside": [1, None, 3]}, "SSIM": {"inside": [1, 1, 1]}})
    up, flat, gap = (picture(tmp_path / name) for name in ("a/up.png", "flat.png", "gap.png"))
    assert up.shape == flat.shape == gap.shape
    half = len(up) // 2

    def ink(image: np.ndarray) -> int:
        return int(((image[..., 2] - image[..., 0]) > 60).sum())  # the first curve is blue

    assert ink(up[:half]) > ink(flat[:half]) > 200  # a slope is longer than a level line
    assert ink(gap[:half]) < ink(up[:half]) / 2
    assert abs(ink(up[half:]) - ink(flat[half:])) < 20


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        plot_frames(tmp_path / "file" / "a.png", "A", [1], {"PSNR": {"inside": [1.0]}})


def test_dollars_in_a_name_are_no_mathematics(tmp_path: Path) -> None:
    for name in ("shot.$F4.exr", r"$\frac{1}$", "$x^$ \n\x1b"):
        plot_frames(tmp_path / "a.png", name, [1, 2], {name: {name: [1.0, 2.0], "other": [None, 1.0]}})
        assert (tmp_path / "a.png").is_file()
