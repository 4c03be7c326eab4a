"""What a movie says of its pictures beside them: how they stand, their colours, fields and times."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import av
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition
from av.video.frame import VideoFrame

from understudy.errors import UnreadableError
from understudy.plate.encoding import Encoding, from_code_points
from understudy.plate.orientation import Orientation

_BESIDE = Disposition.attached_pic | Disposition.timed_thumbnails  # covers and pictures for a scroll bar
_JITTER = 0.1  # of a frame's time: containers round to their own clock


@dataclass(frozen=True)
class MovieTags:
    """What holds for all of a movie's pictures."""

    orientation: Orientation = field(default_factory=Orientation)
    encoding: Encoding | None = None
    notes: tuple[str, ...] = ()


def picture_stream(container: Any) -> Any:
    """The video stream that is shown: the first of those marked as default, else the first; None without one.

    Cover art and thumbnails are none.
    """
    shown = [stream for stream in container.streams.video if not stream.disposition & _BESIDE]
    return next((stream for stream in shown if stream.disposition & Disposition.default), shown[0] if shown else None)


def tags_of(container: Any, times: Sequence[int | None], name: str) -> MovieTags:
    """The tags of the opened movie called ``name``, whose pictures are shown at ``times``. Decodes its first picture.

    Raises UnreadableError where the pictures stand at an angle that is no quarter turn.
    """
    stream = picture_stream(container)
    try:
        first: VideoFrame | None = next(container.decode(stream), None)
    except av.FFmpegError:  # told where that frame is wanted
        first = None
    orientation = Orientation() if first is None else _orientation(first, name)
    notes = [] if orientation.is_upright else [f"Its pictures are stored askew: they are {orientation.describe()}."]
    if first is not None and (first.interlaced_frame or _has_fields(stream)):
        notes.append("It is interlaced: both fields stay in one frame. Deinterlace it first where things move.")
    if _is_variable(times):
        notes.append("Its rate varies: every picture that is in it counts as one frame, none is repeated or left out.")
    if first is not None and any(component.is_alpha for component in first.format.components):
        notes.append("Its alpha is left out.")
    others = [one for one in container.streams.video if one is not stream]
    if others:
        notes.append(f"Of its {len(others) + 1} picture streams, number {stream.index} is taken.")
    codes = _codes(stream.codec_context) if first is None else _codes(first, stream.codec_context)
    return MovieTags(orientation, from_code_points(*codes), tuple(notes))


def _codes(*told: Any) -> tuple[int, int]:
    """Primaries and transfer as the first tells them that does: FFmpeg's numbers are those of H.273."""
    wanted = "color_primaries", "color_trc"
    found = [[int(value) for one in told if (value := getattr(one, name, 2)) not in (0, 2)] for name in wanted]
    primaries, transfer = (values[0] if values else 2 for values in found)
    return primaries, transfer


def _orientation(picture: VideoFrame, name: str) -> Orientation:
    side_data: Any = picture.side_data
    found = side_data.get(SideData.DISPLAYMATRIX)
    if found is None:
        return Orientation()
    orientation = Orientation.from_matrix(struct.unpack("=9i", bytes(found)))
    if orientation is None:
        raise UnreadableError(
            f"{name} is turned by {picture.rotation} degrees, which is no quarter turn.",
            "Export it upright, or as an image sequence.",
        )
    return orientation


def _has_fields(stream: Any) -> bool:
    """Whether the container says that its pictures are pairs of fields."""
    return getattr(stream.codec_context, "field_order", None) not in (None, 0, 1, "unknown", "progressive")


def _is_variable(times: Sequence[int | None]) -> bool:
    """Whether pictures are shown for times that differ by more than rounding explains."""
    known = [time for time in times if time is not None]
    steps = sorted(after - before for before, after in pairwise(known))
    if len(steps) < 2:
        return False
    usual = steps[len(steps) // 2]
    rounding = max(_JITTER * usual, 1) if usual > 2 else 0
    return any(abs(step - usual) > rounding for step in steps)
