from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_shots import RED, register, write_shot
from PIL import Image
from understudy.errors import MissingInputError
from understudy.events import Events, Recorder
from understudy.settings import ExtractSettings
from understudy.stages import extract


@pytest.fixture(autouse=True)
def squares(monkeypatch):
    register(monkeypatch.setitem)


def explain(folder: Path, frame: int, **options):
    shot = write_shot(folder / "plate", [[(40.0, 60.0, 60.0, RED), (200.0, 100.0, 16.0, RED)], []])
    recorder = Recorder()
    report = extract.run(ExtractSettings(plate=shot, out=folder / "out", explain=frame, **options), Events(recorder))
    return report, recorder


def test_one_picture_is_written_and_nothing_else(tmp_path: Path) -> None:
    report, _ = explain(tmp_path, 1001)
    assert {path.name for path in tmp_path.iterdir()} == {"plate", "out.explain.1001.png"}
    assert Path(report["picture"]) == tmp_path / "out.explain.1001.png"
    assert (report["frame"], report["faces"]) == (1001, 1)
    assert report["boxes"] > 1


def test_the_face_is_framed_in_white_where_it_is_in_the_plate(tmp_path: Path) -> None:
    report, _ = explain(tmp_path, 1001)
    shown = np.asarray(Image.open(report["picture"]))[:600]
    assert shown.shape[1] == 960, "three times the plate"
    rows, columns = np.nonzero((shown == 255).all(axis=2))
    box = np.array([columns.min(), rows.min(), columns.max(), rows.max()]) / 3
    np.testing.assert_allclose(box, [40, 60, 100, 120], atol=3)


def test_a_smaller_least_face_lets_the_small_one_in(tmp_path: Path) -> None:
    assert explain(tmp_path, 1001, min_face=12)[0]["faces"] == 2


def test_a_frame_with_nobody_is_explained_too(tmp_path: Path) -> None:
    report, _ = explain(tmp_path, 1002)
    assert (report["boxes"], report["faces"]) == (0, 0)
    assert Path(report["picture"]).is_file()


def test_a_frame_that_the_plate_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="1007"):
        explain(tmp_path, 1007)


def test_a_shot_that_was_explained_first_can_be_extracted(tmp_path: Path) -> None:
    explain(tmp_path, 1001)
    shot = (tmp_path / "plate" / "shot.%04d.exr").as_posix()
    assert extract.run(ExtractSettings(plate=shot, out=tmp_path / "out"), Events(Recorder()))["faces"] == 1


def test_a_faceset_that_is_there_stays_as_it_was(tmp_path: Path) -> None:
    shot = write_shot(tmp_path / "plate", [[(40.0, 60.0, 60.0, RED)]] * 2)
    chosen = ExtractSettings(plate=shot, out=tmp_path / "out", crop_size=64)
    extract.run(chosen, Events(Recorder()))
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    extract.run(chosen.model_copy(update={"explain": 1001}), Events(Recorder()))
    assert {path: path.read_bytes() for path in before} == before
