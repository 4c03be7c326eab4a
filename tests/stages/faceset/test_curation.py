from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_curation import SHARPNESS, made
from pydantic import ValidationError
from understudy import settings as schema
from understudy.bench.extraction.curation import PEOPLE, measure_curation
from understudy.errors import FacesetError, OutputError, UnderstudyError, UsageError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.stages import run as run_stage


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return made(tmp_path / "faces")


def run(settings, events: Events | None = None) -> dict:
    """The stage's report, as it is told to another program."""
    return json.loads(json.dumps(run_stage(settings, events or Events()), allow_nan=False))


def left(folder: Path) -> list[int]:
    return [face.frame for face in Faceset.open(folder).faces()]


def crops(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.exr")}


def test_sorting_writes_the_order_and_a_sheet_in_that_order(faces: Path) -> None:
    shown: list[Path] = []
    events = Events()
    events.preview = shown.append  # type: ignore[method-assign]
    report = run(schema.SortSettings(faceset=faces, by="sharpness"), events)
    order = json.loads(Path(report["order"]).read_text())
    expected = ["1005", "1003", "1006", "1001", "1004", "1002"]
    assert [one["file"].split(".")[1] for one in order["faces"]] == expected
    assert [one["value"] for one in order["faces"]] == sorted(SHARPNESS, reverse=True)
    assert (order["by"], order["reverse"], report["faces"], report["renamed"]) == ("sharpness", False, 6, 0)
    assert report["first"][0] == f"{order['faces'][0]['file']} 0.6"
    assert report["last"][-1] == f"{order['faces'][-1]['file']} 0.1"
    assert shown == [Path(report["sheet"])]
    assert cv2.imread(report["sheet"]) is not None
    turned = run(schema.SortSettings(faceset=faces, by="sharpness", reverse=True))
    assert turned["first"][0].endswith(" 0.1")


def test_ranks_before_the_names_are_renewed_and_undone(faces: Path) -> None:
    before = crops(faces)
    run(schema.SortSettings(faceset=faces, by="sharpness", rename=True))
    assert [name.split(".")[1] for name in sorted(crops(faces))] == ["1005", "1003", "1006", "1001", "1004", "1002"]
    assert sorted(crops(faces))[0].startswith("00001_")
    report = run(schema.SortSettings(faceset=faces, by="frame", rename=True))
    assert sorted(crops(faces)) == [f"{rank:05d}_{name}" for rank, name in enumerate(sorted(before), 1)]
    assert [one["file"] for one in json.loads(Path(report["order"]).read_text())["faces"]] == sorted(crops(faces))
    assert left(faces) == list(range(1001, 1007))
    undone = run(schema.RestoreSettings(faceset=faces, everything=True))
    assert undone["renamed"] > 0 and undone["restored"] == 0
    assert crops(faces) == before
    assert not (faces / "sort.json").exists()  # it told of names that are no more


def test_a_face_that_is_cut_again_keeps_the_name_with_its_rank(faces: Path) -> None:
    run(schema.SortSettings(faceset=faces, by="sharpness", rename=True))
    names = sorted(crops(faces))
    again = Faceset.open(faces)
    known = next(one for one in again.faces() if one.frame == 1003)
    again.add(dataclasses.replace(known, confidence=0.125), np.zeros((8, 8, 4), np.float16))
    assert sorted(crops(faces)) == names
    assert next(one for one in Faceset.open(faces).faces() if one.frame == 1003).confidence == 0.125


def test_selecting_keeps_the_best_of_each_pose_and_restoring_brings_all_back(faces: Path) -> None:
    before = crops(faces)
    tried = run(schema.SelectSettings(faceset=faces, count=3, dry_run=True))
    assert crops(faces) == before
    report = run(schema.SelectSettings(faceset=faces, count=3))
    assert left(faces) == [1003, 1005, 1006]  # the only one of each profile, and the sharpest of the frontal four
    assert (report["faces"], report["kept"], report["trashed"]) == (6, 3, 3)
    assert (report["poses"], report["poses_kept"]) == (3, 3)
    assert sorted(report["files"]) == sorted(crops(faces)) == sorted(tried["files"])
    undone = run(schema.RestoreSettings(faceset=faces))
    assert (undone["restored"], undone["faces"], undone["undone"]) == (3, 6, ["select --count 3"])
    assert crops(faces) == before


def test_of_faces_that_look_the_same_the_sharpest_stays(tmp_path: Path) -> None:
    faces = made(tmp_path / "faces", like=True)
    tried = run(schema.DedupeSettings(faceset=faces, dry_run=True))
    assert (tried["trashed"], tried["groups"], len(left(faces))) == (1, 1, 6)
    report = run(schema.DedupeSettings(faceset=faces))
    assert left(faces) == [1001, 1002, 1004, 1005, 1006]
    (told,) = report["files"]
    assert [part.split(".")[1] for part in told.split(" for ")] == ["1003", "1005"]


def test_clustering_tells_who_is_on_which_face(faces: Path) -> None:
    report = run(schema.ClusterSettings(faceset=faces))
    written = json.loads((faces / "cluster.json").read_text())
    assert report["people"] == written["people"]
    assert [[int(name.split(".")[1]) for name in one["files"]] for one in written["people"]] == [
        [1001, 1003, 1004, 1006],
        [1002, 1005],
    ]
    assert [one["likeness"] for one in written["people"]] == [1, 1]
    assert (report["threshold"], report["trashed"], report["unknown"]) == (0.35, 0, 0)
    assert [Path(sheet).name for sheet in report["sheets"]] == ["cluster.00.png", "cluster.01.png"]
    assert all(cv2.imread(sheet) is not None for sheet in report["sheets"])
    assert len(left(faces)) == 6


def test_one_person_can_be_kept(faces: Path) -> None:
    report = run(schema.ClusterSettings(faceset=faces, keep=[1]))
    assert report["trashed"] == 4
    assert left(faces) == [1002, 1005]
    with pytest.raises(UsageError, match="no person 5"):
        run(schema.ClusterSettings(faceset=faces, keep=[5]))


def test_faces_are_trashed_for_which_all_holds(faces: Path) -> None:
    report = run(schema.TrashSettings(faceset=faces, frames="1001-1004", below=["sharpness=0.35"], above=["yaw=0.5"]))
    assert left(faces) == [1001, 1003, 1005, 1006]
    assert [name.split(".")[1] for name in report["files"]] == ["1002", "1004"]
    name = sorted(crops(faces))[0]
    run(schema.TrashSettings(faceset=faces, files=[name], dry_run=True))
    assert name in crops(faces)
    run(schema.TrashSettings(faceset=faces, files=[name]))
    assert left(faces) == [1003, 1005, 1006]
    undone = run(schema.RestoreSettings(faceset=faces))
    assert undone["undone"] == [f"trash --files {name}"]
    assert left(faces) == [1001, 1003, 1005, 1006]


def test_what_nothing_is_true_of_trashes_nothing(faces: Path) -> None:
    assert run(schema.TrashSettings(faceset=faces, above=["yaw=80"]))["trashed"] == 0
    assert not (faces / "trash").exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Nothing says which"),
        ({"below": ["beauty=3"]}, "names no measure"),
        ({"above": ["yaw"]}, "gives no number"),
        ({"above": ["yaw=nan"]}, "gives no number"),
        ({"frames": "ten"}, "ten"),
        ({"files": ["nothere.exr"]}, r"no face nothere\.exr"),
        ({"frames": "1001-1006"}, "all 6 faces"),
    ],
)
def test_a_condition_that_makes_no_sense_is_told_and_nothing_moves(faces: Path, changes, told) -> None:
    with pytest.raises(UnderstudyError, match=told):
        run(schema.TrashSettings(faceset=faces, **changes))
    assert len(left(faces)) == 6


def test_nonsense_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        schema.SelectSettings(faceset=tmp_path, count=0)
    with pytest.raises(ValidationError):
        schema.SortSettings(faceset=tmp_path, by="beauty")  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        schema.DedupeSettings(faceset=tmp_path, threshold=0)


def test_identity_needs_a_recogniser(tmp_path: Path) -> None:
    faces = made(tmp_path / "faces", identities=False)
    for settings in (schema.ClusterSettings(faceset=faces), schema.SortSettings(faceset=faces, by="identity")):
        with pytest.raises(FacesetError, match="without a recogniser") as caught:
            run(settings)
        assert "--recogniser" in caught.value.hint
    assert not (faces / "sort.json").exists()


def test_nothing_to_restore_is_told(faces: Path) -> None:
    with pytest.raises(FacesetError, match="nothing to restore"):
        run(schema.RestoreSettings(faceset=faces))


def test_a_pack_becomes_the_same_folder_again(faces: Path, tmp_path: Path) -> None:
    before = crops(faces)
    report = run(schema.PackSettings(faceset=faces, out=tmp_path / "faces.zip"))
    assert (report["faces"], report["pack"]) == (6, str(tmp_path / "faces.zip"))
    with pytest.raises(OutputError, match="there already"):
        run(schema.PackSettings(faceset=faces, out=tmp_path / "faces.zip"))
    assert run(schema.UnpackSettings(pack=tmp_path / "faces.zip", out=tmp_path / "again"))["faces"] == 6
    assert crops(tmp_path / "again") == before
    with pytest.raises(FacesetError, match="folder already"):
        run(schema.UnpackSettings(pack=faces, out=tmp_path / "third"))


@pytest.mark.parametrize(
    "settings",
    [
        lambda pack: schema.SortSettings(faceset=pack, by="yaw"),
        lambda pack: schema.SelectSettings(faceset=pack, count=1),
        lambda pack: schema.DedupeSettings(faceset=pack),
        lambda pack: schema.ClusterSettings(faceset=pack),
        lambda pack: schema.TrashSettings(faceset=pack, frames="1001"),
        lambda pack: schema.RestoreSettings(faceset=pack),
    ],
)
def test_a_pack_is_never_changed(faces: Path, tmp_path: Path, settings) -> None:
    pack = tmp_path / "faces.zip"
    run(schema.PackSettings(faceset=faces, out=pack))
    before = pack.read_bytes()
    with pytest.raises(FacesetError, match="is a pack") as caught:
        run(settings(pack))
    assert "unpack" in caught.value.hint
    assert pack.read_bytes() == before


def test_curation_is_measured_on_a_set_that_it_makes(tmp_path: Path) -> None:
    report = json.loads(json.dumps(measure_curation(tmp_path, Events(), 60), allow_nan=False))
    assert (report["faces"], report["people"]) == (60, PEOPLE)
    orders = {f"sort {order}" for order in ("sharpness", "yaw", "likeness", "unlikeness", "identity")}
    assert orders | {"listing", "first listing", "select", "dedupe", "cluster"} <= set(report["seconds"])
    assert all(seconds > 0 for seconds in report["seconds"].values())
    assert report["peak_megabytes"] > 0
