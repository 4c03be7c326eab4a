from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made_shots
import numpy as np
import pytest
from made_shots import BLUE, RED, Square, SquareDetector, picture, write_frame, write_shot
from understudy.errors import Interrupted, MissingInputError
from understudy.events import Events
from understudy.face.components import registry
from understudy.face.geometry import HEAD_68
from understudy.plate.colour import BUILT_IN
from understudy.settings import FindSettings
from understudy.stages.find import run, warm_analyser


@pytest.fixture(autouse=True)
def squares(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Square networks, cold; the list grows with each that is built."""
    made_shots.register(monkeypatch.setitem)
    built: list[str] = []
    monkeypatch.setitem(registry.DETECTORS, "mediapipe", lambda _pack: built.append("detector") or SquareDetector())
    warm_analyser.cache_clear()
    yield built
    warm_analyser.cache_clear()


def found(plate: str, frame: int, **settings: Any) -> dict[str, Any]:
    return json.loads(json.dumps(run(FindSettings(plate=plate, frame=frame, **settings), Events()), allow_nan=False))


def test_faces_come_from_left_to_right_where_they_are(tmp_path: Path) -> None:
    people: list[Square] = [(200.0, 70.0, 72.0, RED), (24.0, 60.0, 60.0, RED)]
    report = found(write_shot(tmp_path, [[], people]), 1002)
    assert (report["frame"], report["width"], report["height"]) == (1002, 320, 200)
    for face, (x, y, side, _) in zip(report["faces"], reversed(people), strict=True):
        np.testing.assert_allclose(face["box"], [x, y, x + side, y + side], atol=1.5)
        expected = HEAD_68[:, :2] * side / 2 + [x + side / 2, y + side / 2]
        np.testing.assert_allclose(face["landmarks"], expected, atol=1.5)
        assert face["confidence"] == pytest.approx(0.75)  # as the landmarker says
        np.testing.assert_allclose(face["pose"], [0, 0, 0], atol=3)


def test_a_face_without_landmarks_keeps_its_box(tmp_path: Path) -> None:
    (face,) = found(write_shot(tmp_path, [[(100.0, 60.0, 60.0, BLUE)]]), 1001)["faces"]
    assert (face["landmarks"], face["pose"]) == (None, None)
    assert face["confidence"] == pytest.approx(0.9)  # as the detector says
    np.testing.assert_allclose(face["box"], [100, 60, 160, 120], atol=1.5)


def test_places_are_told_from_the_display_window_s_corner(tmp_path: Path) -> None:
    image = picture(200, 160, [(40.0, 50.0, 60.0, RED)])
    write_frame(tmp_path / "a.0001.exr", image, origin=(30, -20), display=(320, 240))
    report = found((tmp_path / "a.0001.exr").as_posix(), 1)
    assert (report["width"], report["height"]) == (320, 240)
    np.testing.assert_allclose(report["faces"][0]["box"], [70, 30, 130, 90], atol=1.5)


def test_an_empty_frame_has_no_faces_and_is_no_failure(tmp_path: Path) -> None:
    assert found(write_shot(tmp_path, [[]]), 1001)["faces"] == []


def test_the_frame_counts_and_not_gaps_elsewhere(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path, [[(20.0, 60.0, 60.0, RED)]] * 4)
    (tmp_path / "shot.1002.exr").unlink()
    assert len(found(pattern, 1004)["faces"]) == 1
    with pytest.raises(MissingInputError, match="Frame 1002"):
        found(pattern, 1002)


def test_networks_stay_warm_until_other_ones_are_asked_for(tmp_path: Path, squares: list[str]) -> None:
    pattern = write_shot(tmp_path, [[(20.0, 60.0, 40.0, RED)]] * 2)
    for frame in (1001, 1002, 1001):
        found(pattern, frame, ocio=BUILT_IN)
    assert squares == ["detector"]
    assert found(pattern, 1001, min_face=80.0)["faces"] == []
    assert squares == ["detector"] * 2


def test_it_stops_when_asked(tmp_path: Path) -> None:
    settings = FindSettings(plate=write_shot(tmp_path, [[]]), frame=1001)
    with pytest.raises(Interrupted):
        run(settings, Events(stop=lambda: True))
