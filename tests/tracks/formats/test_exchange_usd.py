from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_tracks import HEIGHT, WIDTH, made_shot, made_track
from numpy.typing import NDArray
from understudy.errors import ComponentError, OutputError, UsageError
from understudy.face.geometry import HEAD_68, Camera
from understudy.face.mesh import HeadMesh, aligned, at_landmarks, triangles
from understudy.tracks.formats.chan import METRES, focal_of
from understudy.tracks.formats.usd import check, write_usd
from understudy.tracks.track import ShotTracks, Track


@pytest.fixture
def pxr() -> Any:
    return pytest.importorskip("pxr", reason="the package usd-core is not installed")


def _written(path: Path, shot: ShotTracks, **options: Any) -> Any:
    from pxr import Usd

    write_usd(path, shot, **{"focal": None, "fps": 24.0, "crop": "whole", **options})
    return Usd.Stage.Open(str(path))


def _seen(stage: Any, number: int, frame: int) -> NDArray[np.float64]:
    """(468, 2) plate pixels where USD's own camera sees the mesh of a track on a frame."""
    from pxr import UsdGeom

    camera = UsdGeom.Camera(stage.GetPrimAtPath("/shot/camera")).GetCamera(frame).frustum
    through = camera.ComputeViewMatrix() * camera.ComputeProjectionMatrix()
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(f"/shot/face{number}/head{number}"))
    world = np.array(mesh.ComputeLocalToWorldTransform(frame) * through)
    points = np.array(mesh.GetPointsAttr().Get(frame), np.float64)
    clip = np.column_stack([points, np.ones(len(points))]) @ world
    x, y = (clip[:, :2] / clip[:, 3:]).T
    return np.column_stack([(x + 1) / 2 * WIDTH, (1 - y) / 2 * HEIGHT])


def _spoken(track: Track) -> Track:
    """The same with another mouth on every frame."""
    frames = {}
    for frame, face in track.frames.items():
        landmarks = face.landmarks.copy()
        landmarks[48:68, 1] += 3 * np.sin(frame)
        frames[frame] = replace(face, landmarks=landmarks)
    return replace(track, frames=frames)


@pytest.mark.parametrize("name", ["shot.usda", "shot.usdc", "shot.usd"])
def test_the_camera_sees_the_mesh_where_the_plate_shows_the_face(pxr: Any, tmp_path: Path, name: str) -> None:
    shot = made_shot()
    shot = replace(shot, tracks=tuple(map(_spoken, shot.tracks)))
    stage = _written(tmp_path / name, shot)
    for track in shot.tracks:
        mesh = HeadMesh(track.shape)
        for frame, face in track.frames.items():
            seen = _seen(stage, track.number, frame)
            assert np.abs(at_landmarks(seen) - face.landmarks).max() < 0.1
            assert np.abs(seen - mesh.posed(face).plate).max() < 0.01
    assert (tmp_path / name).read_bytes().startswith(b"#usda" if name.endswith("a") else b"PXR-USDC")


def test_heads_solved_without_a_camera_are_seen_where_they_were_solved(pxr: Any, tmp_path: Path) -> None:
    shot = made_shot(camera=None)
    with pytest.raises(UsageError, match="Frame 1001 of track 0 was solved without a camera"):
        _written(tmp_path / "a.usda", shot)
    assert not (tmp_path / "a.usda").exists()
    stage = _written(tmp_path / "a.usda", shot, focal=focal_of(35, WIDTH))
    assert stage.GetPrimAtPath("/shot/camera").GetAttribute("focalLength").Get() == pytest.approx(35)
    for frame, face in shot.tracks[0].frames.items():
        assert np.abs(at_landmarks(_seen(stage, 0, frame)) - face.landmarks).max() < 0.1


def test_a_principal_point_beside_the_middle_and_a_zoom_are_told(pxr: Any, tmp_path: Path) -> None:
    shot = made_shot()
    zoomed = {
        frame: replace(face, head=replace(face.head, camera=Camera(2000.0 + 40 * (frame - 1001), (980.0, 505.0))))
        for frame, face in shot.tracks[0].frames.items()
    }
    zoomed = {
        frame: replace(face, landmarks=face.head.project(HEAD_68).astype(np.float32)) for frame, face in zoomed.items()
    }
    shot = replace(shot, tracks=(replace(shot.tracks[0], frames=zoomed, shape=HEAD_68),))
    stage = _written(tmp_path / "z.usda", shot)
    for frame, face in zoomed.items():
        assert np.abs(at_landmarks(_seen(stage, 0, frame)) - face.landmarks).max() < 0.1
    assert stage.GetPrimAtPath("/shot/camera").GetAttribute("focalLength").Get(1012) == pytest.approx(2440 / WIDTH * 36)


def test_the_scene_tells_its_units_times_and_shape(pxr: Any, tmp_path: Path) -> None:
    from pxr import UsdGeom

    shot = made_shot()
    stage = _written(tmp_path / "s.usda", shot, fps=24000 / 1001, crop="head")
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 0.01
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (1001, 1012)
    assert stage.GetTimeCodesPerSecond() == stage.GetFramesPerSecond() == 24000 / 1001
    assert stage.GetDefaultPrim().GetPath() == "/shot"
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/shot/face0/head0"))
    assert np.array_equal(np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3), triangles())
    assert set(mesh.GetFaceVertexCountsAttr().Get()) == {3}
    assert np.allclose(UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").Get(), aligned("head"))
    assert mesh.GetPointsAttr().GetTimeSamples() == [float(frame) for frame in range(1001, 1013)]
    points = np.array(mesh.GetPointsAttr().Get(1003))
    assert np.allclose(mesh.GetExtentAttr().Get(1003), [points.min(0), points.max(0)])
    # Centimetres in the head's own axes: y up, z out of the face.
    own = HeadMesh(shot.tracks[0].shape).posed(shot.tracks[0].frames[1003]).points
    assert np.allclose(points, own * (1, -1, -1) * METRES * 100, atol=1e-4)
    place = np.array(mesh.ComputeLocalToWorldTransform(1001))[3, :3]
    assert place[2] == pytest.approx(-2100 / 110 * METRES * 100)


def test_a_face_is_visible_only_where_it_is(pxr: Any, tmp_path: Path) -> None:
    from pxr import UsdGeom

    stage = _written(tmp_path / "v.usda", made_shot())
    faces = {number: UsdGeom.Imageable(stage.GetPrimAtPath(f"/shot/face{number}/head{number}")) for number in (0, 3)}
    shown = {
        number: [frame for frame in range(1001, 1013) if face.ComputeVisibility(frame) != "invisible"]
        for number, face in faces.items()
    }
    assert shown == {0: list(range(1001, 1013)), 3: [1003, 1004, 1008, 1009, 1010]}


def test_a_file_is_whole_or_not_there(pxr: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match=r"s\.usda"):
        _written(tmp_path / "file" / "s.usda", made_shot())
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    _written(tmp_path / "new" / "s.usda", made_shot())
    again = (tmp_path / "new" / "s.usda").read_bytes()
    _written(tmp_path / "new" / "t.usda", made_shot())
    assert (tmp_path / "new" / "t.usda").read_bytes() == again
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_another_suffix_or_no_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(UsageError, match=r"head\.abc is not the name of a USD file"):
        check(tmp_path / "head.abc")
    with pytest.raises(ComponentError, match="needs the package usd-core") as told:
        check(tmp_path / "head.usda")
    assert "understudy-vfx[usd]" in told.value.hint


def test_a_track_without_faces_adds_nothing(pxr: Any, tmp_path: Path) -> None:
    shot = made_shot()
    empty = replace(made_track(8, [1001]), frames={})
    stage = _written(tmp_path / "e.usda", replace(shot, tracks=(*shot.tracks, empty)))
    assert not stage.GetPrimAtPath("/shot/face8")
