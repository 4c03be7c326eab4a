"""Tracks whose heads are known in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from made_people import stand
from understudy.face.geometry import HEAD_68, Camera
from understudy.tracks.track import Followed, ShotTracks, Track

WIDTH, HEIGHT = 1920, 1080
CAMERA = Camera(2100.0, (WIDTH / 2, HEIGHT / 2))


def made_track(number: int, frames: Sequence[int], x: float = 700, camera: Camera | None = CAMERA) -> Track:
    """A person who walks right, turns and nods: 3 px and 2 degrees a frame; the lips part from the rigid head."""
    made: dict[int, Followed] = {}
    for step, frame in enumerate(frames):
        head = stand(x + 3 * step, 420 + step, 110 + step, 2.0 * step - 9, 0.5 * step, 4 - step)
        head = type(head)(head.scale, head.rotation, head.offset, 0.01, camera)
        refined = head.project(HEAD_68)
        refined[48:68, 1] += 2.5
        refined = refined.astype(np.float32)
        box = np.concatenate([refined.min(0), refined.max(0)])
        raw = None if step % 3 == 1 else refined + np.float32(0.3)
        origin = "bridged" if raw is None else "seen"
        final = refined + np.float32(0.1)
        made[frame] = Followed(
            frame,
            box,
            head,
            final,
            refined,
            raw,
            min(0.5 + 0.01 * step, 1.0),
            origin,
            eye_opening=np.float32((0.31 - 0.01 * step, 0.29)),
            eye_trust=np.float32((1, 0.7)),
            gaze=None if step % 4 == 3 else np.float32((0.1 * step, -0.013)),
            mouth_opening=None if step % 4 == 2 else 0.1 * step,
        )
    return Track(number, made, HEAD_68 * (1.02, 1.0, 1.0))


def made_shot(camera: Camera | None = CAMERA) -> ShotTracks:
    """Two people on 1001 to 1012; the second is away on 1005 to 1007."""
    later = [1003, 1004, 1008, 1009, 1010]
    tracks = (made_track(0, range(1001, 1013), camera=camera), made_track(3, later, 1300, camera))
    return ShotTracks("shots/p.%04d.exr", WIDTH, HEIGHT, tuple(range(1001, 1013)), (1008,), tracks)


def alike(one: Track, other: Track) -> bool:
    """Whether every number of two tracks is the same, bit for bit."""
    return (
        one.number == other.number
        and np.array_equal(one.shape, other.shape)
        and list(one.frames) == list(other.frames)
        and all(_alike(one.frames[frame], other.frames[frame]) for frame in one.frames)
    )


def _alike(one: Followed, other: Followed) -> bool:
    same = (one.frame, one.confidence, one.origin) == (other.frame, other.confidence, other.origin)
    same = same and one.mouth_opening == other.mouth_opening
    names = ("box", "landmarks", "refined", "raw", "eye_opening", "eye_trust", "gaze")
    arrays = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    ours, theirs = one.head, other.head
    heads = (ours.scale, ours.error, ours.camera) == (theirs.scale, theirs.error, theirs.camera)
    return (
        same
        and arrays
        and heads
        and np.array_equal(ours.rotation, theirs.rotation)
        and np.array_equal(ours.offset, theirs.offset)
    )
