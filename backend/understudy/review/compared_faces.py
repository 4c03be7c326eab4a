"""The faces of two sequences and of the plate beside each other, as landmarkers and recognisers see them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from understudy.errors import ComponentError, NoFaceError, UsageError
from understudy.events import Events
from understudy.face.components.registry import RECOGNISERS, build_detector, build_landmarker, build_recogniser
from understudy.face.detect import find_faces
from understudy.face.geometry import fit_head
from understudy.face.interfaces import ComponentCard, Detection, Landmarks, Recogniser
from understudy.faceset.store import Faceset
from understudy.imaging.affine import Stretch
from understudy.plate.colour import ColourManager
from understudy.plate.sequence import Plate
from understudy.review.bands import face_size
from understudy.review.comparison import FaceFigures
from understudy.review.identity import FrameLikeness, SourceIdentity, as_image
from understudy.review.landmark_distance import landmark_distance
from understudy.review.metrics import Mask, Picture
from understudy.review.poses import LANDMARKED, yaw_by_frame
from understudy.review.truth import read_truth, truth_beside
from understudy.settings import CompareSettings

LEAST_FACE = 24.0
"""Side in pixels of the smallest face that is looked for."""

SMALLEST_UNDER_MATTE = 0.5
"""Side of the smallest face that a matte is taken to be of, as a part of the root of its area."""

LEAST_SEEN = 0.6
"""Share of the 51 inner landmarks that the matte must hold."""


class FaceJudge:
    """The networks that a comparison asks of every frame. For one thread at a time."""

    def __init__(self, settings: CompareSettings, colours: ColourManager, events: Events) -> None:
        """Build what ``settings`` ask for, and say which recogniser it is.

        Raises ComponentError when a package or pack is missing, and as :class:`Faceset` and :class:`SourceIdentity`.
        """
        self._detector = build_detector("mediapipe")
        self._landmarker = build_landmarker(settings.landmarker, settings.pack)
        self._distances = settings.landmarks != "no"
        self.recogniser: ComponentCard | None = None
        self._source: SourceIdentity | None = None
        if settings.source is not None:
            faceset = Faceset.open(settings.source)
            recogniser = choose_recogniser(settings.recogniser, settings.pack)
            self.recogniser = recogniser.card
            events.note(f"Likeness to {settings.source} by {recogniser.card}.")
            self._source = SourceIdentity(faceset, recogniser, colours)

    @staticmethod
    def of(settings: CompareSettings, colours: ColourManager, b: Plate, events: Events) -> FaceJudge | None:
        """The judge that ``settings`` ask for; None where nothing about faces is wanted. Raises as the constructor."""
        wanted = settings.source is not None or settings.landmarks == "yes"
        rendered = settings.landmarks == "auto" and truth_beside(b) is not None
        return FaceJudge(settings, colours, events) if wanted or rendered else None

    def __call__(
        self, a: Picture, b: Picture, plate: Picture | None, mask: Mask | None, yaw: float | None, stretch: Stretch
    ) -> FaceFigures:
        """Figures of the face on one frame of A, B and the plate: display-encoded (H, W, 3) in 0..1, of one size.

        They are looked at, and distances told, with square pixels, to which ``stretch`` leads as in plate/square.py.

        It is the face on B that ``mask`` (H, W) covers most, or the largest; ``yaw`` is its turn where that is known.
        The landmarker starts from B's box on both, and the recogniser looks through B's landmarks on all three.
        """
        a, b = _squared(a, stretch), _squared(b, stretch)
        plate = None if plate is None else _squared(plate, stretch)
        mask = None if mask is None else _squared(mask, stretch)
        true, ours = as_image(b), as_image(a)
        least = LEAST_FACE if mask is None else max(LEAST_FACE, face_size(mask) * SMALLEST_UNDER_MATTE)
        face = _face_of(find_faces(self._detector, true, minimum=least), mask)
        marks = None if face is None else self._landmarker.landmarks(true, [face])[0]
        if face is None or marks is None or not _looks_here(marks, yaw) or _hidden(marks, mask):
            return FaceFigures()
        distance = likeness = None
        own = self._landmarker.landmarks(ours, [face])[0] if self._distances else None
        if own is not None:
            distance = landmark_distance(own.points68, marks.points68)
        if self._source is not None and plate is not None:
            likeness = FrameLikeness(*(self._source.likeness(one, marks) for one in (ours, true, as_image(plate))))
        return FaceFigures(self._distances, distance, likeness)


def check_faces_asked(settings: CompareSettings, b: Plate, plate: Plate | None) -> None:
    """Raise UsageError for options about faces of which nothing can come."""
    measured = settings.source or settings.landmarks == "yes"
    measured = measured or (settings.landmarks == "auto" and truth_beside(b) is not None)
    if settings.source and not settings.plate:
        raise UsageError(
            "How far the face has gone towards the source cannot be told without the untouched plate.",
            "Give it with --plate.",
        )
    if plate is not None and not settings.source and truth_beside(plate) is None:
        raise UsageError(
            "The untouched plate is of no use without a source.", "Give the source's faceset with --source."
        )
    if settings.recogniser != "auto" and not settings.source:
        raise UsageError("A recogniser is of no use without a source.", "Give the source's faceset with --source.")
    if settings.landmarker != "mediapipe" and not measured:
        raise UsageError("A landmarker is named, but no landmarks are to be measured.", "Give --landmarks yes.")
    insightface = "insightface" in (settings.landmarker, settings.recogniser)
    if settings.pack and not insightface and not (settings.source and settings.recogniser == "auto"):
        raise UsageError(
            "A model pack is named, but nothing that uses it.",
            "Choose --recogniser insightface or --landmarker insightface.",
        )


def choose_recogniser(name: str, pack: str | None) -> Recogniser:
    """The recogniser ``name``, or for ``auto`` the first that can be built. Raises ComponentError where there is none."""
    if name != "auto":
        return build_recogniser(name, pack)
    hint = ""
    for known in RECOGNISERS:
        if pack is not None and known != "insightface":
            break  # the pack was named to be used
        try:
            return build_recogniser(known, pack)
        except ComponentError as error:
            if pack is not None:
                raise
            hint = error.hint
    raise ComponentError("No recogniser is installed that could tell how like the source a face is.", hint)


def yaws(settings: CompareSettings, b: Plate, plate: Plate | None, events: Events) -> dict[int, float]:
    """The face's yaw in degrees by frame, where anything knows it.

    The truth document beside B knows, else that beside the plate, else the faceset. Raises UnreadableError and FacesetError.
    """
    document = truth_beside(b) or (truth_beside(plate) if plate else None)
    if document is not None:
        if settings.faceset is not None:
            events.note(f"Poses are those of {document}; the faceset {settings.faceset} is not needed.")
        return {face.frame: face.head.angles[0] for face in read_truth(document)}
    if settings.faceset is None:
        return {}
    return dict(yaw_by_frame(Faceset.open(settings.faceset).faces(), settings.faceset))


def _squared(values: NDArray[np.float32], stretch: Stretch) -> NDArray[np.float32]:
    """``values`` (H, W) or (H, W, 3) in 0..1 over a display window, with square pixels."""
    if stretch == (1.0, 1.0):
        return values
    size = round(values.shape[1] * stretch[0]), round(values.shape[0] * stretch[1])
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_CUBIC).clip(0, 1), np.float32)


def _looks_here(marks: Landmarks, yaw: float | None) -> bool:
    """Whether the face looks near enough to the camera for landmarkers and recognisers to be believed."""
    try:
        return abs(fit_head(marks.points68).angles[0] if yaw is None else yaw) <= LANDMARKED
    except NoFaceError:
        return False


def _hidden(marks: Landmarks, mask: Mask | None) -> bool:
    """Whether so little of the features lies under ``mask`` (H, W) that landmarks are guesses: something is before them."""
    if mask is None:
        return False
    inner = np.floor(marks.points68[17:]).astype(int)
    column, row = inner[:, 0].clip(0, mask.shape[1] - 1), inner[:, 1].clip(0, mask.shape[0] - 1)
    return float(mask[row, column].mean()) < LEAST_SEEN


def _face_of(faces: list[Detection], mask: Mask | None) -> Detection | None:
    """The face that ``mask`` covers most, or the largest; None where there is none, or the mask covers none."""

    def weight(face: Detection) -> float:
        x0, y0, x1, y1 = face.box.tolist()
        if mask is None:
            return float((x1 - x0) * (y1 - y0))
        left, top = max(0, int(x0)), max(0, int(y0))
        inside: NDArray[np.float32] = mask[top : max(top, int(np.ceil(y1))), left : max(left, int(np.ceil(x1)))]
        return float(inside.sum(dtype=np.float64))

    best = max(faces, key=weight, default=None)
    return best if best is not None and weight(best) > 0 else None
