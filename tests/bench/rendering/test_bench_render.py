from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import understudy
from made_shots import picture, write_frame
from understudy.bench.rendering import render_cost
from understudy.bench.rendering.pairs import find_pairs
from understudy.bench.rendering.performance import measure_performance
from understudy.bench.rendering.plates import there_and_back
from understudy.bench.rendering.render_acceptance import render_criteria, worse, worse_by_pose
from understudy.errors import MissingInputError, UsageError
from understudy.events import Events
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate

SAMPLE = Path(understudy.__file__).parent / "sample"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "synthetic" / "full"


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        write_frame(path / f"{name}.1001.exr", picture(8, 8, []))
    (path / "plate.truth.json").write_text("{}")
    return path


def test_a_folder_without_a_source_takes_that_of_the_same_person(tmp_path: Path) -> None:
    full = folder(tmp_path / "full", "plate", "truth", "source_B", "target_A")
    cd = folder(tmp_path / "cd", "plate", "truth", "source_D")
    side = folder(tmp_path / "side", "plate", "truth")
    plain = folder(tmp_path / "ef", "plate", "truth", "source")
    (side / "truth.truth.json").write_text(json.dumps({"render": {"who": "A+B"}}))
    for order in ([full, cd, side, plain], [side, cd, full, plain]):
        sources = {pair.name: Path(pair.source).relative_to(tmp_path).as_posix() for pair in find_pairs(order)}
        assert list(sources) == [one.name for one in order]
        assert sources == {
            "full": "full/source_B.%04d.exr", "cd": "cd/source_D.%04d.exr", "side": "full/source_B.%04d.exr",
            "ef": "ef/source.%04d.exr",
        }  # fmt: skip
    assert all(pair.holdout is None for pair in find_pairs([full, cd]))
    with pytest.raises(MissingInputError, match="side holds no source") as raised:
        find_pairs([cd, side])
    assert "source_B" in raised.value.hint
    with pytest.raises(UsageError, match="Two samples are called cd"):
        find_pairs([cd, cd])


def test_what_lacks_in_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no truth in"):
        find_pairs([folder(tmp_path / "a", "plate", "source_B")])
    two = folder(tmp_path / "b", "plate", "truth", "source_B", "source_D")
    with pytest.raises(UsageError, match="source_B, source_D"):
        find_pairs([two])
    (two / "source_D.1001.exr").unlink()
    (two / "plate.truth.json").unlink()
    with pytest.raises(MissingInputError, match="no truth document"):
        find_pairs([two])


def test_the_sample_is_a_pair_with_an_occluder() -> None:
    (pair,) = find_pairs([SAMPLE])
    assert pair.holdout is not None and pair.holdout.endswith("plate.%04d.exr:mask.occluder")


@pytest.mark.parametrize(
    ("name", "result", "plate", "expected"),
    [
        ("psnr", 24.9, 25.0, True),
        ("psnr", 25.0, 25.0, False),
        ("de2000", 3.7, 3.6, True),
        ("de2000", 3.5, 3.6, False),
        ("sharpness_ratio", 0.86, 0.99, False),  # sharp enough
        ("sharpness_ratio", 0.80, 0.99, True),
        ("sharpness_ratio", 1.15, 0.7, False),  # nearer than the plate
        ("flicker_ratio", 1.2, 1.05, True),
        ("flicker_ratio", 1.2, 1.3, False),
        ("identity", None, 0.0, False),
    ],
)
def test_worse_is_farther_from_the_truth_than_the_plate(
    name: str, result: float | None, plate: float, expected: bool
) -> None:
    assert worse(name, result, plate) is expected


def measured(**changes: Any) -> dict[str, Any]:
    plate = {
        "psnr": 25.0, "ssim": 0.84, "de2000": 3.6, "detail_correlation": 0.3, "gradient_correlation": 0.6,
        "sharpness_ratio": 0.98, "flicker_ratio": 1.0, "light": 0.02, "features": 0.03, "detail": 0.02,
        "landmark_distance": 3.0, "error_change": 0.03, "identity": 0.0,
    }  # fmt: skip
    result = plate | {"psnr": 26.8, "ssim": 0.87, "de2000": 3.2, "detail_correlation": 0.5, "identity": 0.95} | changes
    poses = [one | {"by_pose": {"frontal": one | {"frames": 3}}} for one in (plate, result)]
    return {"untouched": poses[0], "result": poses[1], "worse": worse_by_pose(poses[1], poses[0])}


def report(name: str = "full", **changes: Any) -> dict[str, Any]:
    performance = {"lids": 0.95, "mouth": 0.94, "blinks": True}
    pair = measured() | {
        "still": 0.9, "performance": {"result": performance}, "cost": {"size": [512, 288], "rendering": 0.4},
    } | changes  # fmt: skip
    return {"pairs": {name: pair}, "hd": {"rendering": 1.2}, "memory": {"growth": 2000.0}}


def broken(told: dict[str, Any]) -> list[tuple[int, str]]:
    return [(one["number"], one["what"]) for one in render_criteria(told) if one["met"] is False]


def test_promises_are_kept_or_not_by_their_limits() -> None:
    assert {one["number"] for one in render_criteria(report())} == {1, 3, 4, 5, 6}
    assert broken(report()) == []
    assert broken(report(**measured(psnr=26.6, light=0.021))) == [
        (1, "psnr"), (3, "frontal: measures worse than the plate's"),
    ]  # fmt: skip
    assert broken(report(still=1.01)) == [(4, "a still plate's grain")]
    assert broken(report(performance={"result": {"lids": None, "mouth": None, "blinks": True}})) == [
        (5, "lids: rank correlation")
    ]
    assert broken(report(performance={"result": {"lids": None, "mouth": None, "blinks": False}})) == []
    assert broken(report(cost={"size": [512, 288], "rendering": 0.6})) == [(6, "seconds of rendering a frame")]
    assert broken(report(cost={"size": [640, 360], "rendering": 0.6})) == []
    heavy = report() | {"hd": {"rendering": 1.6}, "memory": {"growth": 1e6}}
    assert broken(heavy) == [(6, "the same at 1080p"), (6, "memory a further frame, KiB")]


def test_another_pair_is_held_to_its_own_plate_and_identity_may_lack() -> None:
    assert broken(report("cd", **measured(psnr=26.1, detail_correlation=0.31, identity=0.81))) == []
    assert broken(report("cd", **measured(psnr=25.9, identity=0.79))) == [(1, "psnr"), (1, "identity")]
    told = render_criteria(report("cd", **measured(identity=None)))
    assert [one["met"] for one in told if one["what"] == "identity"] == [None]


def test_a_longer_shot_goes_there_and_back(tmp_path: Path) -> None:
    for number in range(1001, 1004):
        write_frame(tmp_path / f"plate.{number}.exr", picture(8, 8, [], ground=number / 2000))
    long = open_plate(there_and_back((tmp_path / "plate.%04d.exr").as_posix(), tmp_path / "long", 3))
    light = [round(float(read_frame(long, frame).rgb[0, 0, 0]) * 2000) for frame in long.frames]
    assert light == [1001, 1002, 1003, 1003, 1002, 1001, 1001, 1002, 1003]


@pytest.mark.parametrize("hoards", [True, False])
def test_memory_that_grows_with_the_shot_is_told(hoards: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def convert(settings: Any, events: Events) -> None:
        kept: list[Any] = []
        for _ in open_plate(settings.plate).frames:
            kept = [*(kept if hoards else []), np.ones(1_000_000, np.uint8)]

    for number in range(1001, 1005):
        write_frame(tmp_path / f"plate.{number}.exr", picture(8, 8, []))
    monkeypatch.setattr(render_cost, "LENGTH", 10)
    monkeypatch.setattr(render_cost.convert, "run", convert)
    monkeypatch.setattr(render_cost, "find_faces", lambda plate, folder, events, space: tmp_path)
    told = render_cost.memory_over_a_shot(tmp_path, tmp_path, tmp_path, None, Events())
    assert told["frames"] == [12, 24]
    assert told["growth"] == pytest.approx(1_000_000 if hoards else 0, abs=20_000)
    assert not tracemalloc.is_tracing()


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the synthetic people (../shared/data/synthetic) are not here")
def test_a_shot_performs_as_itself_and_not_as_one_that_runs_backwards(tmp_path: Path) -> None:
    pytest.importorskip("mediapipe")
    (pair,) = find_pairs([SHARED])
    told = measure_performance(pair, pair.truth, None, Events())
    assert (told["lids"], told["mouth"], told["gaze"]) == pytest.approx((1, 1, 1))
    assert told["blinks"] and told["frames"]["gaze"] < told["frames"]["lids"] <= told["frames"]["mouth"]
    for number in range(1001, 1011):  # before the hand and the turn
        (tmp_path / f"back.{number}.exr").write_bytes((SHARED / f"truth.{2011 - number}.exr").read_bytes())
    back = measure_performance(pair, (tmp_path / "back.%04d.exr").as_posix(), None, Events())
    assert back["lids"] < 0.8 and back["mouth"] < 0.8
