from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import pytest
from made_people import tiny_preset
from understudy.errors import MissingInputError
from understudy.events import Events
from understudy.review.moments_sheet import SIDE
from understudy.settings import DemoSettings
from understudy.stages import demo
from understudy.training.presets import PRESETS


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few frames of the bundled one."""
    pytest.importorskip("mediapipe")
    folder = tmp_path_factory.mktemp("sample")
    for path in demo.SAMPLE.glob("*.truth.json"):
        shutil.copy(path, folder)
    for name, frames in (("plate", 2), ("truth", 2), ("source_B", 6), ("target_A", 4)):
        for frame in range(1001, 1001 + frames):
            shutil.copy(demo.SAMPLE / f"{name}.{frame}.exr", folder)
    return folder


def rows(sheet: Path) -> int:
    return int(cv2.imread(str(sheet)).shape[0] // SIDE)


@pytest.mark.slow
def test_the_demo_needs_no_training_and_compares_a_network_where_it_is_asked_to(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "cpu", tiny_preset())
    told = demo.run(DemoSettings(sample=sample, out=tmp_path), Events())
    assert told["network"] is None and told["frames_without_face"] == 0
    assert told["result"]["psnr"] > told["untouched"]["psnr"] > 20
    assert told["result"]["de2000"] < told["untouched"]["de2000"]
    assert set(told["result"]["by_pose"]) == {"frontal"}
    assert json.loads((tmp_path / "figures.json").read_text()) == told
    assert rows(tmp_path / "sheet.png") == 3
    assert not (tmp_path / "model").exists() and not (tmp_path / "target").exists()
    trained = demo.run(DemoSettings(sample=sample, out=tmp_path, minutes=0.01), Events())
    assert trained["result"] == told["result"]
    assert trained["network"].keys() == told["result"].keys() | {"steps", "minutes"}
    assert trained["network"]["psnr"] != trained["result"]["psnr"]
    assert rows(tmp_path / "sheet.png") == 4
    assert (tmp_path / "curve.png").is_file() and (tmp_path / "network.1002.exr").is_file()


def test_a_sample_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=tmp_path.name):
        demo.run(DemoSettings(sample=tmp_path, out=tmp_path / "out"), Events())
