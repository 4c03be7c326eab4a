"""A shot's heads as a USD scene: the camera, and each track's face as a mesh that moves, turns and speaks.

The camera stands at the origin, looks along -z, y up, and its film back is 36 mm wide; it sees the mesh where the plate
shows the face. The unit is the centimetre, in which a focal length is written as millimetres, as most programs take it;
a mean-face unit is taken for tracks.chan.METRES. A time code is a frame number. Each face has a transform (the head's pose)
and points in the head's own axes (its expression); on frames where it is not there it is invisible.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import ComponentError, UsageError
from understudy.face.geometry import Camera, CropKind
from understudy.face.mesh import HeadMesh, Posed, aligned, triangles
from understudy.plate.files import atomic_path, explained
from understudy.tracks.formats.chan import METRES, known_focal, stand
from understudy.tracks.track import ShotTracks, Track

SUFFIXES = (".usda", ".usdc", ".usd")
"""Text, binary, and binary again."""

_FILM_BACK = 36.0  # mm
_CENTIMETRES = 100 * METRES  # in a mean-face unit


def check(path: Path) -> None:
    """Raises UsageError for a name that no USD file has, and ComponentError without the package usd-core."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path.name} is not the name of a USD file.", f"End it in one of {', '.join(SUFFIXES)}.")
    _pxr()


def write_usd(path: Path, shot: ShotTracks, *, focal: float | None, fps: float, crop: CropKind) -> None:
    """Write the tracks of ``shot``, whole or not at all; text when ``path`` ends in ``.usda``, else binary.

    ``focal`` (plate pixels) is for heads that were solved without a camera, which then lie as deep as behind such a lens,
    and are seen where they were solved. ``crop``: the texture coordinates ``st`` are places in the aligned face of that kind,
    as the mean head fills it from the front. Raises UsageError without a focal length, ComponentError without usd-core and
    OutputError.
    """
    stage = _scene(shot, focal, fps, crop)
    with atomic_path(path) as temporary:
        try:
            done, reason = stage.GetRootLayer().Export(str(temporary)), "USD could not write it"
        except Exception as error:  # pxr raises its own kind, made of C++ text
            done, reason = False, str(error)
        if not done:
            raise explained(path, temporary, reason)


def _scene(shot: ShotTracks, focal: float | None, fps: float, crop: CropKind) -> Any:
    usd, geometry = _pxr()
    stage = usd.Stage.CreateInMemory()
    geometry.SetStageUpAxis(stage, geometry.Tokens.y)
    geometry.SetStageMetersPerUnit(stage, geometry.LinearUnits.centimeters)
    stage.SetTimeCodesPerSecond(fps)
    stage.SetFramesPerSecond(fps)
    stage.SetStartTimeCode(shot.frames[0])
    stage.SetEndTimeCode(shot.frames[-1])
    stage.SetDefaultPrim(geometry.Xform.Define(stage, "/shot").GetPrim())
    cameras = _cameras(shot, focal)
    _add_camera(geometry.Camera.Define(stage, "/shot/camera"), shot, cameras)
    for track in shot.tracks:
        if track.frames:
            _add_face(stage, f"/shot/face{track.number}", shot, track, cameras, crop)
    return stage


def _cameras(shot: ShotTracks, focal: float | None) -> dict[int, Camera]:
    """The camera of every frame that has a face: the one behind which its first face was solved."""
    middle = shot.width / 2, shot.height / 2
    cameras: dict[int, Camera] = {}
    for track in shot.tracks:
        for frame, face in track.frames.items():
            if frame not in cameras:
                centre = face.head.camera.centre if face.head.camera else middle
                cameras[frame] = Camera(known_focal(track, face, focal), centre)
    return dict(sorted(cameras.items()))


def _add_camera(prim: Any, shot: ShotTracks, cameras: dict[int, Camera]) -> None:
    _, geometry = _pxr()
    pixel = _FILM_BACK / shot.width  # mm
    prim.CreateProjectionAttr(geometry.Tokens.perspective)
    prim.CreateHorizontalApertureAttr(_FILM_BACK)
    prim.CreateVerticalApertureAttr(shot.height * pixel)
    moving = len(set(cameras.values())) > 1
    for attribute, values in (
        (prim.CreateFocalLengthAttr(), [one.focal * pixel for one in cameras.values()]),
        (prim.CreateHorizontalApertureOffsetAttr(), [(shot.width / 2 - one.centre[0]) * pixel for one in cameras.values()]),
        (prim.CreateVerticalApertureOffsetAttr(), [(one.centre[1] - shot.height / 2) * pixel for one in cameras.values()]),
    ):  # fmt: skip
        for frame, value in zip(cameras, values, strict=True):
            if moving:
                attribute.Set(value, frame)
            else:
                attribute.Set(value)
                break


def _add_face(
    stage: Any, name: str, shot: ShotTracks, track: Track, cameras: dict[int, Camera], crop: CropKind
) -> None:
    from pxr import Gf, Sdf, Vt

    _, geometry = _pxr()
    parent, mesh = geometry.Xform.Define(stage, name), geometry.Mesh.Define(stage, f"{name}/head{track.number}")
    corners = np.ascontiguousarray(triangles(), np.int32)
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(corners), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(corners.ravel()))
    mesh.CreateSubdivisionSchemeAttr(geometry.Tokens.none)
    mesh.CreateOrientationAttr(geometry.Tokens.rightHanded)
    texture = Sdf.ValueTypeNames.TexCoord2fArray
    place = geometry.PrimvarsAPI(mesh).CreatePrimvar("st", texture, geometry.Tokens.vertex)
    place.Set(Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(aligned(crop))))
    moved, points, extent = parent.AddTransformOp(), mesh.CreatePointsAttr(), mesh.CreateExtentAttr()
    head = HeadMesh(track.shape)
    for frame, face in track.frames.items():
        matrix, own = _placed(head.posed(face), cameras[frame])
        moved.Set(Gf.Matrix4d(*matrix.T.ravel().tolist()), frame)  # USD's vectors stand before their matrix
        points.Set(Vt.Vec3fArray.FromNumpy(own.astype(np.float32)), frame)
        extent.Set(Vt.Vec3fArray.FromNumpy(np.stack([own.min(0), own.max(0)]).astype(np.float32)), frame)
    seen = parent.CreateVisibilityAttr()
    there = None
    for frame in shot.frames:  # held from one sample to the next
        if (frame in track.frames) != there:
            there = frame in track.frames
            seen.Set(geometry.Tokens.inherited if there else geometry.Tokens.invisible, frame)


def _placed(posed: Posed, camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The head's (4, 4) matrix from its own axes to the world's, and its (468, 3) points in its own; centimetres."""
    distance = posed.distance(camera.focal) * _CENTIMETRES
    across = (posed.plate - camera.centre) * distance[:, None] / camera.focal
    world = np.column_stack([across[:, 0], -across[:, 1], -distance])
    place, turn = stand(posed.head, camera)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, place * 100
    return matrix, (world - matrix[:3, 3]) @ turn


def _pxr() -> tuple[Any, Any]:
    """USD's modules of scenes and of geometry; raises ComponentError."""
    try:
        from pxr import Usd, UsdGeom
    except ImportError:
        raise ComponentError(
            "Writing USD needs the package usd-core.", 'Install it: pip install "understudy-vfx[usd]"'
        ) from None
    return Usd, UsdGeom
