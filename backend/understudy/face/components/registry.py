"""Which components there are for each role, built only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from understudy.errors import ComponentError, UsageError
from understudy.face.interfaces import ComponentCard, Detector, Landmarker, Recogniser

_Builder = TypeVar("_Builder")


def _mediapipe_detector(_pack: str | None) -> Detector:
    from understudy.face.components.mediapipe_models import MediapipeDetector

    return MediapipeDetector()


def _mediapipe_landmarker(_pack: str | None) -> Landmarker:
    from understudy.face.components.mediapipe_models import MediapipeLandmarker

    return MediapipeLandmarker()


def _insightface_detector(pack: str | None) -> Detector:
    from understudy.face.components.insightface_pack import InsightfaceDetector

    return InsightfaceDetector(pack)


def _insightface_landmarker(pack: str | None) -> Landmarker:
    from understudy.face.components.insightface_pack import InsightfaceLandmarker

    return InsightfaceLandmarker(pack)


def _insightface_recogniser(pack: str | None) -> Recogniser:
    from understudy.face.components.insightface_pack import InsightfaceRecogniser

    return InsightfaceRecogniser(pack)


def _dlib_hog(_pack: str | None) -> Detector:
    from understudy.face.components.dlib_models import DlibHogDetector

    return DlibHogDetector()


def _dlib_cnn(_pack: str | None) -> Detector:
    from understudy.face.components.dlib_models import DlibCnnDetector

    return DlibCnnDetector()


def _dlib_landmarker(_pack: str | None) -> Landmarker:
    from understudy.face.components.dlib_models import DlibLandmarker

    return DlibLandmarker()


def _dlib_recogniser(_pack: str | None) -> Recogniser:
    from understudy.face.components.dlib_models import DlibRecogniser

    return DlibRecogniser()


DETECTORS: dict[str, Callable[[str | None], Detector]] = {
    "mediapipe": _mediapipe_detector,
    "insightface": _insightface_detector,
    "dlib-hog": _dlib_hog,
    "dlib-cnn": _dlib_cnn,
}
LANDMARKERS: dict[str, Callable[[str | None], Landmarker]] = {
    "mediapipe": _mediapipe_landmarker,
    "insightface": _insightface_landmarker,
    "dlib": _dlib_landmarker,
}
RECOGNISERS: dict[str, Callable[[str | None], Recogniser]] = {
    "insightface": _insightface_recogniser,
    "dlib": _dlib_recogniser,
}


def build_detector(name: str, pack: str | None = None) -> Detector:
    """The detector ``name``; ``pack`` is a model pack's folder or name, where it needs one.

    Raises :class:`UsageError` for an unknown name, :class:`ComponentError` with the cure when something is missing.
    """
    return _pick(DETECTORS, name, "detector")(pack)


def build_landmarker(name: str, pack: str | None = None) -> Landmarker:
    """The landmarker ``name``; as :func:`build_detector`."""
    return _pick(LANDMARKERS, name, "landmarker")(pack)


def build_recogniser(name: str, pack: str | None = None) -> Recogniser:
    """The recogniser ``name``; as :func:`build_detector`."""
    return _pick(RECOGNISERS, name, "recogniser")(pack)


@dataclass(frozen=True)
class Offer:
    """A component that can be used (``card``) or the reason why it cannot (``missing``, ``cure``)."""

    name: str
    role: str
    card: ComponentCard | None
    missing: str = ""
    cure: str = ""


def cards(pack: str | None = None) -> list[Offer]:
    """Every component that could be used, with its card or with what it lacks; never fails."""
    return [
        _offer("mediapipe", "detector", pack),
        _offer("mediapipe", "landmarker", pack),
        _offer("mediapipe", "hands", pack),
        _offer("insightface", "detector", pack),
        _offer("insightface", "landmarker", pack),
        _offer("insightface", "recogniser", pack),
        _offer("dlib-hog", "detector", pack),
        _offer("dlib-cnn", "detector", pack),
        _offer("dlib", "landmarker", pack),
        _offer("dlib", "recogniser", pack),
    ]


def _offer(name: str, role: str, pack: str | None) -> Offer:
    try:
        return Offer(name, role, _card(name, role, pack))
    except ComponentError as error:
        return Offer(name, role, None, error.message, error.hint)


def _card(name: str, role: str, pack: str | None) -> ComponentCard:
    if name == "insightface":
        from understudy.face.components.insightface_pack import open_pack

        return open_pack(pack).card(role)
    if name.startswith("dlib"):
        from understudy.face.components import dlib_models

        return dlib_models.card(name, role)
    from understudy.face import hands
    from understudy.face.components import mediapipe_models

    made_by = {
        "detector": mediapipe_models.detector_card,
        "landmarker": mediapipe_models.landmarker_card,
        "hands": hands.hand_card,
    }
    return made_by[role]()


def _pick(table: dict[str, _Builder], name: str, role: str) -> _Builder:
    if name not in table:
        raise UsageError(f"There is no {role} named {name}.", f"Choose one of: {', '.join(table)}.")
    return table[name]
