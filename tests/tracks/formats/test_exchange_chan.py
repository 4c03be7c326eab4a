from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from made_people import stand
from made_tracks import CAMERA, HEIGHT, WIDTH, made_shot, made_track
from numpy.typing import NDArray
from understudy.errors import UnreadableError, UsageError
from understudy.face.geometry import HEAD_68, Camera, Head
from understudy.tracks.apply_corrections import applied_to_heads
from understudy.tracks.corrections_from_tracks import corrections_from_heads
from understudy.tracks.formats.chan import METRES, focal_of, heads_from_chan, track_to_chan

DEMO = Path(__file__).parents[4] / "shared" / "data" / "synthetic" / "demo"


def _seen(line: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, 3) of an axis, in metres and y up, as Nuke's camera at the origin sees them: pixels, y up."""
    _, tx, ty, tz, rx, ry, rz, fov = map(float, line.split())
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians([rx, ry, rz])), np.sin(np.radians([rx, ry, rz]))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    world = points @ (about_y @ about_x @ about_z).T + [tx, ty, tz]
    half = np.tan(np.radians(fov) / 2)  # of the picture's height, one unit before the camera
    return np.array([WIDTH, HEIGHT]) / 2 + world[:, :2] / -world[:, 2:] / half * HEIGHT / 2


def test_a_camera_sees_the_axis_where_the_head_is_seen() -> None:
    turned = made_track(7, range(1001, 1021))
    odd = {
        frame: dataclasses.replace(
            turned.frames[frame],
            head=dataclasses.replace(stand(300 + 60 * step, 900 - 30 * step, 40 + 15 * step, *pose), camera=CAMERA),
        )
        for step, (frame, pose) in enumerate(
            zip(
                range(1001, 1006), [(0, 0, 0), (85, 0, 0), (-70, 30, 100), (20, -60, 179), (-120, 10, -95)], strict=True
            )
        )
    }
    for track in (turned, dataclasses.replace(turned, frames=odd)):
        lines = track_to_chan(track, WIDTH, HEIGHT).splitlines()
        assert [int(line.split()[0]) for line in lines] == list(track.frames)
        for line, face in zip(lines, track.frames.values(), strict=True):
            seen = _seen(line, HEAD_68 * METRES * [1, -1, -1])
            assert np.abs(seen * [1, -1] + [0, HEIGHT] - face.head.project(HEAD_68)).max() < 0.01


def test_a_head_that_faces_the_camera_has_no_rotation_and_stands_before_it() -> None:
    track = made_track(0, [5])
    ahead = dataclasses.replace(
        track.frames[5], head=Head(CAMERA.focal * METRES / 2, np.eye(3), np.array([WIDTH / 2, HEIGHT / 2]), 0.0, CAMERA)
    )
    values = list(map(float, track_to_chan(dataclasses.replace(track, frames={5: ahead}), WIDTH, HEIGHT).split()))
    fov = 2 * np.degrees(np.arctan(HEIGHT / 2 / CAMERA.focal))
    assert values == pytest.approx([5, 0, 0, -2, 0, 0, 0, fov], abs=1e-7)


def test_the_metre_is_that_of_the_synthetic_people() -> None:
    if not DEMO.is_dir():
        pytest.skip("the synthetic people (../shared/data/synthetic) are not here")
    rigid = [36, 39, 42, 45, 27, 30, 33, 0, 16]
    size = np.linalg.norm(HEAD_68[rigid] - HEAD_68[rigid].mean(0))
    metres = []
    for name in ("source_B", "target_A"):
        record = json.loads((DEMO / f"{name}.truth.json").read_text("utf-8"))["frames"][0]
        points = np.array(record["landmarks68_cam"])[rigid]
        metres.append(np.linalg.norm(points - points.mean(0)) / size)
    assert np.mean(metres) == pytest.approx(METRES, rel=0.02)


def test_heads_come_back_and_become_the_heads_of_a_track() -> None:
    shot = made_shot()
    text = track_to_chan(shot.tracks[1], WIDTH, HEIGHT)
    heads = heads_from_chan(text, WIDTH, HEIGHT)
    assert list(heads) == list(shot.tracks[1].frames)
    for frame, head in heads.items():
        was = shot.tracks[1].frames[frame].head
        assert np.allclose(head.project(HEAD_68), was.project(HEAD_68), atol=1e-4)
        assert head.camera is not None and head.camera.focal == pytest.approx(CAMERA.focal)
    away = dataclasses.replace(
        shot.tracks[1],
        frames={
            frame: dataclasses.replace(
                face,
                head=dataclasses.replace(face.head, rotation=np.eye(3), offset=face.head.offset + 5.0, scale=100.0),
            )
            for frame, face in shot.tracks[1].frames.items()
        },
    )
    corrections = corrections_from_heads(heads)
    corrections.check(shot.frames)
    _, back = applied_to_heads(corrections, [shot.tracks[0], away])
    for frame, face in back.frames.items():
        assert np.allclose(face.head.project(HEAD_68), heads[frame].project(HEAD_68), atol=1e-6)
        assert face.origin == "given"


def test_a_head_without_a_camera_needs_a_lens() -> None:
    track = made_track(2, [1001, 1002], camera=None)
    with pytest.raises(UsageError, match="Frame 1001 of track 2 was solved without a camera"):
        track_to_chan(track, WIDTH, HEIGHT)
    # Behind a very long lens, what was solved without a camera looks as it was solved.
    line = track_to_chan(track, WIDTH, HEIGHT, focal_of(36e4, WIDTH)).splitlines()[0]
    seen = _seen(line, HEAD_68 * METRES * [1, -1, -1]) * [1, -1] + [0, HEIGHT]
    assert np.abs(seen - track.frames[1001].head.project(HEAD_68)).max() < 0.01
    assert focal_of(50, 1920) == pytest.approx(50 / 36 * 1920)


def test_a_given_lens_goes_before_the_files_view() -> None:
    camera = Camera(3000.0, CAMERA.centre)
    text = "# remark\n1001.0, 0.1, 0.2, -3, 0, 0, 0\n"
    assert heads_from_chan(text, WIDTH, HEIGHT, 3000.0)[1001].camera == camera
    assert heads_from_chan(text.replace("0\n", "0 20\n"), WIDTH, HEIGHT, 3000.0)[1001].camera == camera
    offset = heads_from_chan(text, WIDTH, HEIGHT, 3000.0)[1001].offset
    assert offset == pytest.approx([960 + 100, 540 - 200])


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("", UnreadableError, "holds no frames"),
        ("1 2 3\n", UnreadableError, "Line 1 of in.chan"),
        ("1 0 0 -1 0 0 0 30\n2 0 0 x 0 0 0 30\n", UnreadableError, "Line 2 of in.chan"),
        ("1 0 0 -1 0 0 0 30 9\n", UnreadableError, "Line 1 of in.chan"),
        ("1 0 0 -1 nan 0 0 30\n", UnreadableError, "Line 1 of in.chan"),
        ("1.5 0 0 -1 0 0 0 30\n", UnreadableError, "Line 1 of in.chan"),
        ("1 0 0 1 0 0 0 30\n", UnreadableError, "behind the camera"),
        ("1 0 0 -1 0 0 0 30\n1 0 0 -1 0 0 0 30\n", UnreadableError, "Line 2 of in.chan has frame 1 once more"),
        ("1 0 0 -1 0 0 0\n", UsageError, "no field of view"),
        ("1 0 0 -1 0 0 0 180\n", UsageError, "no field of view"),
    ],
)
def test_a_wrong_chan_is_told_by_its_line(text: str, kind: type[UsageError | UnreadableError], said: str) -> None:
    with pytest.raises(kind, match=said) as told:
        heads_from_chan(text, WIDTH, HEIGHT, name="in.chan")
    assert told.value.hint
