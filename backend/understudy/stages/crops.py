"""From faces seen on a frame to crops in a faceset, in threads beside the analysis."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from understudy.errors import NoFaceError
from understudy.face.geometry import crop_matrix, fit_head
from understudy.face.hull import face_mask
from understudy.face.roles import Landmarks
from understudy.faceset.journal import Entry, Journal, Sighting
from understudy.faceset.measures import UNMEASURED, measure
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.plate.frame import Frame
from understudy.settings import AnalysisOptions
from understudy.stages.analysis import Seen, Shot, cut


@dataclass(frozen=True)
class CropMaker:
    """Describes, cuts and stores the faces of one shot. May be used by several threads."""

    options: AnalysisOptions
    shot: Shot
    faceset: Faceset
    made_by: dict[str, str]  # role to what fills it

    def describe(self, frame: Frame, one: Seen, track: int) -> Face | None:
        """The record of a face, but for its file and measures; None when its landmarks do not place a crop."""
        marks = one.landmarks
        if marks is None:
            return None
        try:
            head = fit_head(marks.points68)
        except NoFaceError:
            return None
        return Face(
            file="",
            plate=self.shot.key,
            frame=frame.number,
            track=track,
            box=one.detection.box,
            landmarks=marks.points68,
            dense=marks.dense,
            matrix=crop_matrix(head, self.options.crop, self.options.crop_size),
            crop_kind=self.options.crop,
            crop_size=self.options.crop_size,
            confidence=confidence(frame, marks),
            pose=head.angles,
            colour_space=self.shot.working_id,
            identity=_numbers(one.identity),
            measures=UNMEASURED,
            analysis=self.made_by,
        )

    def store(self, frame: Frame, draft: Sighting, face: Face | None) -> Sighting:
        """Cut and write a face, if it has a record; the sighting then names its file. Raises OutputError."""
        if face is None:
            return draft
        pixels = cut(self.shot, frame, face.matrix, face.crop_size)
        display = self.shot.colour.to_display(pixels[..., :3].astype(np.float32))
        measured = measure(display, face_mask(face.landmarks, face.matrix, face.crop_size))
        return replace(draft, file=self.faceset.add(replace(face, measures=measured), pixels).file)


def confidence(frame: Frame, marks: Landmarks) -> float:
    """How far to trust landmarks on ``frame``, 0..1: points outside the picture are guessed."""
    within = marks.points68 - np.array(frame.origin, np.float32)
    visible = ((within >= 0) & (within <= frame.size)).all(axis=1).mean()
    return float(marks.score * visible)


def sighting(one: Seen, track: int) -> Sighting:
    """What the journal says of a face that is not stored."""
    x0, y0, x1, y1 = one.detection.box.tolist()
    return Sighting((x0, y0, x1, y1), one.detection.score, track, None, _numbers(one.identity))


class CropWriter:
    """Brings crops to the disk beside the analysis; a frame enters the journal, in order, once all of its are there."""

    _AHEAD = 4  # frames that may wait: each holds its pixels

    def __init__(self, journal: Journal, plate: str) -> None:
        self._journal = journal
        self._plate = plate
        self._crops = ThreadPoolExecutor(2, "crop")
        self._clerk = ThreadPoolExecutor(1, "journal")
        self._pending: deque[Future[None]] = deque()
        self._broken = False

    def __enter__(self) -> CropWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was handed over is finished even when the run ends here: it need not be done again.
        self._crops.shutdown()
        self._clerk.shutdown()

    def submit(self, frame: int, crops: Sequence[Callable[[], Sighting]]) -> None:
        """Hand over a frame; each of ``crops`` writes one face. Raises what writing an earlier one raised."""
        while len(self._pending) >= self._AHEAD:
            self._pending.popleft().result()
        written = [self._crops.submit(crop) for crop in crops]
        self._pending.append(self._clerk.submit(self._enter, frame, written))

    def finish(self) -> None:
        """Wait until everything is on the disk."""
        while self._pending:
            self._pending.popleft().result()

    def _enter(self, frame: int, written: Sequence[Future[Sighting]]) -> None:
        if self._broken:  # no gaps: what follows a frame that failed is done again after it
            return
        self._broken = True
        self._journal.append(Entry(self._plate, frame, tuple(one.result() for one in written)))
        self._broken = False


def _numbers(identity: NDArray[np.float32] | None) -> tuple[float, ...] | None:
    return None if identity is None else tuple(identity.tolist())
