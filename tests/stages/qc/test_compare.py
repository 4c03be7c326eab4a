from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from PIL import Image
from understudy.errors import ColourError, Interrupted, MissingInputError, UsageError
from understudy.events import Events, Recorder
from understudy.settings import CompareSettings
from understudy.stages.qc.compare import run

SHARED = Path(__file__).parents[4] / "shared" / "data" / "synthetic" / "full"


def write(path: Path, rgb: np.ndarray, display: tuple[int, int] | None = None, **mattes: np.ndarray) -> None:
    channels = {name: np.ascontiguousarray(rgb[..., index]) for index, name in enumerate("RGB")} | mattes
    header: dict[str, Any] = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "colorInteropID": "lin_rec709_scene",
    }
    if display:
        header["displayWindow"] = (np.array([0, 0], np.int32), np.array([display[0] - 1, display[1] - 1], np.int32))
    OpenEXR.File(header, {name: values.astype(np.float32) for name, values in channels.items()}).write(str(path))


def linear(code: float) -> float:
    return code / 12.92 if code <= 0.04045 else ((code + 0.055) / 1.055) ** 2.4


@pytest.fixture
def shot(tmp_path: Path) -> Callable[..., str]:
    """Writes a sequence of flat frames from display code values, with a matte over their left half."""

    def make(name: str, codes: list[float], first: int = 1001, size: tuple[int, int] = (24, 16)) -> str:
        matte = np.zeros((size[1], size[0]), np.float32)
        matte[:, : size[0] // 2] = 1
        for frame, code in enumerate(codes, first):
            rgb = np.full((size[1], size[0], 3), linear(code), np.float32)
            write(tmp_path / f"{name}.{frame}.exr", rgb, **{"mask.face": matte})
        return f"{tmp_path}/{name}.####.exr"

    return make


def compare(a: str, b: str, **options: Any) -> dict[str, Any]:
    return run(CompareSettings(a=a, b=b, **options), Events())


def test_the_untouched_plate_measures_as_is_known() -> None:
    """The figures that the shared data states for its own plate against its own truth."""
    if not SHARED.is_dir():
        pytest.skip("the synthetic people (../shared/data/synthetic) are not here")
    truth = f"{SHARED}/truth.####.exr"
    report = compare(f"{SHARED}/plate.####.exr", truth, matte=f"{truth}:mask.face", holdout=f"{truth}:mask.occluder")
    inside = report["shot"]["inside"]
    assert len(report["frames"]) == 24
    assert round(inside["psnr_mean"], 2) == 25.08
    assert round(inside["ssim"], 3) == 0.834
    assert round(inside["de2000"], 2) == 3.62
    outside = report["shot"]["outside"]
    assert outside["psnr_mean"] > 35 and outside["de2000"] < 0.3
    assert report["colour_space"] == {"a": "Linear Rec.709 (sRGB)", "b": "Linear Rec.709 (sRGB)"}


def test_shot_figures_follow_their_closed_forms(shot: Callable[..., str]) -> None:
    report = compare(shot("a", [0.5, 0.5, 0.6]), shot("b", [0.5, 0.6, 0.5]))
    whole = report["shot"]["whole"]
    assert [frame["frame"] for frame in report["frames"]] == [1001, 1002, 1003]
    twenty = pytest.approx(20, abs=1e-3)
    assert [frame["whole"]["psnr"] for frame in report["frames"]] == [None, twenty, twenty]
    assert whole["psnr_mean"] == pytest.approx(20, abs=1e-3)
    assert whole["psnr_shot"] == pytest.approx(-10 * math.log10(0.02 / 3), abs=1e-3)
    assert whole["pixels"] == 3 * 24 * 16
    steps = [frame["whole"] for frame in report["frames"]]
    assert (steps[0]["change_a"], steps[0]["flicker"]) == (None, None)
    assert [step["change_a"] for step in steps[1:]] == [0, pytest.approx(0.1, abs=1e-5)]
    assert [step["change_b"] for step in steps[1:]] == [pytest.approx(0.1, abs=1e-5)] * 2
    assert [step["residual"] for step in steps[1:]] == [pytest.approx(0.1, abs=1e-5), pytest.approx(0.2, abs=1e-5)]
    assert whole["flicker"] == pytest.approx(0.5, abs=1e-4)


def test_inside_and_outside_are_told_apart(shot: Callable[..., str], tmp_path: Path) -> None:
    b = shot("b", [0.5])
    rgb = np.full((16, 24, 3), linear(0.5), np.float32)
    rgb[:, 12:] = linear(0.7)
    write(tmp_path / "a.1001.exr", rgb)
    frame = compare(f"{tmp_path}/a.1001.exr", b, matte=f"{b}:mask.face")["frames"][0]
    assert frame["inside"]["mse"] == 0
    assert frame["outside"]["psnr"] == pytest.approx(-20 * math.log10(0.2), abs=1e-3)


def test_pixels_that_are_not_finite_are_counted_and_left_out(shot: Callable[..., str], tmp_path: Path) -> None:
    b = shot("b", [0.5])
    rgb = np.full((16, 24, 3), linear(0.6), np.float32)
    rgb[2, 3, 1], rgb[4, 20, 0] = np.nan, np.inf
    write(tmp_path / "a.1001.exr", rgb)
    frame = compare(f"{tmp_path}/a.1001.exr", b, matte=f"{b}:mask.face")["frames"][0]
    assert (frame["inside"]["not_finite"], frame["outside"]["not_finite"]) == (1, 1)
    assert frame["inside"]["pixels"] == 12 * 16 - 1
    assert frame["inside"]["psnr"] == pytest.approx(20, abs=1e-3)
    assert math.isfinite(frame["outside"]["ssim"])


def test_a_data_window_is_compared_where_it_lies(shot: Callable[..., str], tmp_path: Path) -> None:
    """A whole frame against its own left top corner: the rest counts as black."""
    b = shot("b", [0.5])
    write(tmp_path / "a.1001.exr", np.full((8, 24, 3), linear(0.5), np.float32), display=(24, 16))
    frame = compare(f"{tmp_path}/a.1001.exr", b)["frames"][0]["whole"]
    assert frame["mse"] == pytest.approx(0.25 / 2, rel=1e-4)


def test_a_png_and_an_exr_of_one_picture_are_the_same(tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(codes).save(tmp_path / "a.png")
    write(tmp_path / "b.exr", np.vectorize(linear)(codes / 255))
    frame = compare(str(tmp_path / "a.png"), str(tmp_path / "b.exr"))["frames"][0]["whole"]
    assert frame["psnr"] > 90


def test_a_named_colour_space_and_view_are_used(shot: Callable[..., str]) -> None:
    a, b = shot("a", [0.5]), shot("b", [0.6])
    plain = compare(a, b)["frames"][0]["whole"]["mse"]
    assert compare(a, b, colour_space="ACEScg")["frames"][0]["whole"]["mse"] == pytest.approx(plain, rel=1e-2)
    viewed = compare(a, b, view="sRGB - Display/ACES 1.0 - SDR Video")
    assert viewed["view"] == "sRGB - Display/ACES 1.0 - SDR Video"
    assert abs(viewed["frames"][0]["whole"]["mse"] - plain) > 0.1 * plain
    with pytest.raises(ColourError):
        compare(a, b, colour_space="no such space")


def test_report_and_plot_are_written(shot: Callable[..., str], tmp_path: Path) -> None:
    watcher = Recorder()
    settings = CompareSettings(a=shot("a", [0.5, 0.6]), b=shot("b", [0.6, 0.6]), out=tmp_path / "out")
    report = run(settings, Events(watcher))
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == report
    assert Image.open(tmp_path / "out" / "compare.png").size[0] > 400
    assert [(event["done"], event["total"]) for event in watcher.of("progress")] == [(1, 2), (2, 2)]
    assert watcher.of("preview")[0]["path"].endswith("compare.png")
    json.dumps(report, allow_nan=False)


def test_frames_missing_in_b_are_named(shot: Callable[..., str]) -> None:
    a, b = shot("a", [0.5] * 4), shot("b", [0.5] * 2)
    with pytest.raises(MissingInputError, match="1003-1004") as raised:
        compare(a, b)
    assert "--frames" in raised.value.hint
    assert len(compare(a, b, frames="1001-1002")["frames"]) == 2


def test_other_sizes_are_told(shot: Callable[..., str]) -> None:
    with pytest.raises(UsageError, match=r"Frame 1001 of A is 24 x 16 pixels, but that of B is 24 x 20"):
        compare(shot("a", [0.5]), shot("b", [0.5], size=(24, 20)))


def test_a_picture_of_four_pixels_is_compared(shot: Callable[..., str]) -> None:
    whole = compare(shot("a", [0.5], size=(2, 2)), shot("b", [0.6], size=(2, 2)))["shot"]["whole"]
    assert whole["psnr_shot"] == pytest.approx(20, abs=1e-3)
    assert whole["ssim"] is None


def test_it_stops_when_asked(shot: Callable[..., str]) -> None:
    settings = CompareSettings(a=shot("a", [0.5] * 3), b=shot("b", [0.5] * 3))
    with pytest.raises(Interrupted):
        run(settings, Events(stop=lambda: True))
