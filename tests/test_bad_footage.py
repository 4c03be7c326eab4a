"""Footage that no face can be made of: one clear sentence, its exit code, and nothing written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_heads import Filmed, Moment, Performer, record, shoot, take
from made_people import make_model
from understudy.errors import ExitCode
from understudy.faceset.store import Faceset

Says = Callable[..., str]
WHO = Performer()
MOMENTS = [Moment(), Moment(yaw=10), Moment(yaw=-10)]


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> Filmed:
    return shoot(tmp_path_factory.mktemp("shot"), WHO, [Moment(), Moment(x=84)])


@pytest.fixture
def refuses(tmp_path, says, shot) -> Callable[..., str]:
    """Converts and previews with arguments that must fail: what is said, which is the same for both."""

    def run(code: ExitCode, *arguments: object, both: bool = True) -> str:
        common = [shot.pattern, "--faceset", shot.faceset, "--occlusion", "none", *arguments]
        told = says(code, "convert", *common, "--out", tmp_path / "out" / "o.####.exr")
        if both:
            assert says(code, "preview", *common, "--frame", 1001, "--out", tmp_path / "out") == told
        assert not [path for path in tmp_path.rglob("out/**/*") if path.is_file()]
        return told

    return run


def filmed(folder: Path, moments: Sequence[Moment] = MOMENTS, **changes: Any) -> Path:
    take(folder, WHO, moments, **changes)
    return folder


def test_neither_footage_nor_a_model(refuses):
    assert "no faceset of it is given" in refuses(ExitCode.USAGE)
    assert "no model is given" in refuses(ExitCode.USAGE, "--renderer", "network")
    assert "no faceset of it is given" in refuses(ExitCode.USAGE, "--renderer", "footage")


def test_both_footage_and_a_model(tmp_path, refuses):
    people, model = filmed(tmp_path / "anne"), make_model(tmp_path / "model")
    assert "without a model" in refuses(ExitCode.USAGE, "--source", people, "--model", model)
    told = refuses(ExitCode.USAGE, "--source", people, "--model", model, "--renderer", "network")
    assert "does not look at footage" in told


def test_footage_that_is_not_there(tmp_path, refuses):
    told = refuses(ExitCode.FACESET, "--source", tmp_path / "nowhere")
    assert "nowhere" in told and "faceset" in told and "model" not in told
    (tmp_path / "empty").mkdir()
    assert "empty" in refuses(ExitCode.FACESET, "--source", tmp_path / "empty")
    model = make_model(tmp_path / "model")
    told = refuses(ExitCode.FACESET, "--source", model)
    assert str(model) in told and "faceset" in told


def test_a_faceset_in_the_place_of_a_model(tmp_path, refuses):
    people = filmed(tmp_path / "anne")
    assert "no trained model" in refuses(ExitCode.MODEL, "--model", people)
    assert "no trained model" in refuses(ExitCode.MODEL, "--model", people, "--renderer", "network")


def test_nobody_from_the_front(tmp_path, refuses):
    aside = filmed(tmp_path / "aside", [Moment(yaw=50), Moment(yaw=60), Moment(yaw=-45)])
    assert "from the front" in refuses(ExitCode.NO_FACE, "--source", aside)
    unmarked = filmed(tmp_path / "unmarked", dense=None)
    assert "from the front" in refuses(ExitCode.NO_FACE, "--source", unmarked)


def test_one_face(tmp_path, refuses):
    told = refuses(ExitCode.NO_FACE, "--source", filmed(tmp_path / "one", MOMENTS[:1]))
    assert "holds one face" in told


def test_two_people(tmp_path, refuses):
    folder = filmed(tmp_path / "two")
    faceset = Faceset.open(folder)
    first = faceset.faces()[0]
    faceset.add(replace(first, track=1), faceset.read(first))
    assert "several people on one frame" in refuses(ExitCode.FACESET, "--source", folder)


def test_another_working_space(tmp_path, refuses):
    told = refuses(ExitCode.FACESET, "--source", filmed(tmp_path / "p3", colour_space="lin_p3d65_scene"))
    assert "lin_p3d65_scene" in told and "lin_ap1_scene" in told


@pytest.mark.parametrize("which", [0, 2])
def test_crops_that_were_cut_short(tmp_path, refuses, which):
    folder = filmed(tmp_path / "cut")
    path = sorted(folder.glob("*.exr"))[which]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert path.name in refuses(ExitCode.FACESET, "--source", folder)
    path.write_bytes(b"no picture")
    assert path.name in refuses(ExitCode.FACESET, "--source", folder)


def test_crops_that_were_cut_short_after_an_index_was_made(tmp_path, refuses):
    folder = filmed(tmp_path / "cut")
    Faceset.open(folder).faces()
    path = sorted(folder.glob("*.exr"))[1]
    path.write_bytes(path.read_bytes()[:-300])
    assert path.name in refuses(ExitCode.FACESET, "--source", folder)


def test_frames_that_are_not_there_and_none_that_are_left(tmp_path, refuses):
    people = filmed(tmp_path / "anne")
    told = refuses(ExitCode.USAGE, "--source", people, "--reference-frames", "1002,1009-1010")
    assert "--reference-frames names 1009-1010" in told
    assert "1044" in refuses(ExitCode.USAGE, "--source", people, "--forbidden-frames", "1044")
    assert "No frame of the source is left" in refuses(
        ExitCode.USAGE, "--source", people, "--forbidden-frames", "1001-1003"
    )
    told = refuses(ExitCode.USAGE, "--source", people, "--reference-frames", "many")
    assert "many" in told
    model = make_model(tmp_path / "model")
    assert "no reference frames" in refuses(ExitCode.USAGE, "--model", model, "--reference-frames", "1001")


def test_people_beside_it_that_nothing_can_be_made_of(tmp_path, refuses):
    people, one = filmed(tmp_path / "anne"), filmed(tmp_path / "one", MOMENTS[:1])
    assert "holds one face" in refuses(ExitCode.NO_FACE, "--source", people, "--also", f"track:0={one}", both=False)
    told = refuses(ExitCode.MODEL, "--source", people, "--also", f"track:0={tmp_path / 'nowhere'}", both=False)
    assert "nowhere" in told


def test_a_shot_whose_extraction_is_of_another_space(tmp_path, refuses, shot):
    faces = Faceset.create(tmp_path / "faces", {})
    for face in Faceset.open(shot.faceset).faces():
        faces.add(replace(face, colour_space="lin_p3d65_scene"), Faceset.open(shot.faceset).read(face))
    told = refuses(ExitCode.FACESET, "--source", filmed(tmp_path / "anne"), "--faceset", tmp_path / "faces")
    assert "lin_p3d65_scene" in told


def test_faces_with_fewer_points_than_the_mesh(tmp_path, refuses):
    points = record(WHO, Moment(), 1001, "p.%04d.exr").dense
    assert points is not None
    assert "dense points" in refuses(ExitCode.FACESET, "--source", filmed(tmp_path / "few", dense=points[:98]))
