"""Which way a face looks on a frame, in the three groups that are judged apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from understudy.errors import FacesetError
from understudy.faceset.record import Face

Pose = Literal["frontal", "three_quarter", "profile"]
POSES: tuple[Pose, ...] = get_args(Pose)

THREE_QUARTER, PROFILE = 30.0, 60.0
"""Degrees of yaw to either side from which a face is seen from three quarters, and above which in profile."""

LANDMARKED = 45.0
"""Degrees of yaw to either side up to which landmarkers and recognisers are to be believed."""


def pose_of(yaw: float) -> Pose:
    """``frontal`` below 30 degrees of ``yaw`` to either side, ``three_quarter`` to 60, else ``profile``."""
    turn = abs(yaw)
    if turn < THREE_QUARTER:
        return "frontal"
    return "three_quarter" if turn <= PROFILE else "profile"


def yaw_by_frame(faces: Sequence[Face], folder: Path) -> Mapping[int, float]:
    """The yaw in degrees of the only face on each frame. Raises FacesetError where a frame of the set has several."""
    yaws: dict[int, float] = {}
    for face in faces:
        if face.frame in yaws:
            raise FacesetError(
                f"The faceset {folder} has several faces on frame {face.frame}.",
                "Give the faceset of the one person that is compared, extracted with --face.",
            )
        yaws[face.frame] = face.pose[0]
    return yaws
