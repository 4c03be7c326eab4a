"""Swap: extract, train where a network is wanted, and convert in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from understudy.convert.new_face import Renderer, check_look
from understudy.convert.select_faces import chosen_faces
from understudy.errors import UsageError
from understudy.events import Events
from understudy.extraction.shot import prepare
from understudy.faceset.store import Faceset
from understudy.model.network import SIDES
from understudy.settings import AnalysisOptions, ConvertSettings, ExtractSettings, Options, SwapSettings, TrainSettings
from understudy.stages import convert, extract, train
from understudy.stages._outputs import check_outputs
from understudy.stages.convert import EVERYBODY, also_swapped, beside, check_also, checked
from understudy.training.distributed.process_rank import place_of_process

_FOUND = {name: field.default for name, field in AnalysisOptions.model_fields.items() if name != "face"}
"""What conversion is not told any more, because the faces were found by it before."""

S = TypeVar("S", bound=Options)


def run(settings: SwapSettings, events: Events) -> dict[str, Any]:
    """From two people's footage to a converted shot; see :class:`SwapSettings`.

    Everything in between lies in the work folder: ``source`` and ``target`` facesets, ``people`` where several are
    swapped, and ``model`` where one is trained. Each stage goes on where it stopped. Returns the stages' reports.
    Raises UsageError in one of several processes, and whatever the stages raise; what conversion would find out after
    the training is told before it.
    """
    if place_of_process().size > 1:
        raise UsageError(
            "Several processes can train together, not extract and convert.",
            "Do the three stages one by one, and start several processes for train alone.",
        )
    check_outputs(settings)
    work = settings.work or beside(settings.out, "work")
    source, target, model = work / "source", work / "target", work / "model"
    also = also_swapped(settings)
    check_also({path for _, path in also} - {model})
    renderer = _renderer(settings)
    check_look(settings, renderer)
    if renderer == "network":
        _check_likeness(settings, trained=settings.base is not None or model.is_dir())
    shot = prepare(settings, events.within("convert"))
    checked(settings, shot)
    reports: dict[str, Any] = {}
    reports["source"] = extract.run(
        _settings(
            ExtractSettings,
            settings,
            plate=settings.source,
            out=source,
            **_of_source(settings),
        ),
        events.within("source"),
    )
    # The whole plate: the shot's light must not depend on the range that is rendered.
    reports["target"] = extract.run(
        _settings(ExtractSettings, settings, frames=None, out=target), events.within("target")
    )
    faces = target
    if also:
        # The training is about one of them alone.
        faces = work / "people"
        extract.run(_settings(ExtractSettings, settings, frames=None, out=faces, **EVERYBODY), events.within("people"))
        everybody = Faceset.open(faces)
        for face in (settings.face, *(face for face, _ in also)):
            chosen_faces(everybody, face, shot)
    made: dict[str, Path | None] = {"source": source, "model": None}
    if renderer == "network":
        made = {"source": None, "model": model}
        reports["train"] = train.run(
            _settings(
                TrainSettings, settings, source=[source], target=[target, *settings.target_facesets], model=model
            ),
            events.within("train"),
        )
    reports["convert"] = convert.run(
        _settings(ConvertSettings, settings, **_FOUND, faceset=faces, renderer=renderer, **made),
        events.within("convert"),
    )
    return reports


def _renderer(settings: SwapSettings) -> Renderer:
    """Who makes the new face. Raises UsageError for a training that nothing would come of."""
    trains = bool(settings.minutes or settings.iterations or settings.plateau)
    if settings.renderer == "footage" and trains:
        raise UsageError(
            "The new face is made of the source's footage, for which nothing is trained.",
            "Leave the time of training out, or add --renderer network.",
        )
    if settings.renderer == "network" and settings.minutes == 0:
        raise UsageError(
            "A network paints nothing that it was not trained on.", "Give it --minutes, or leave them out."
        )
    if settings.renderer == "auto":
        return "network" if trains else "footage"
    return settings.renderer


def _check_likeness(settings: SwapSettings, *, trained: bool) -> None:
    """Raise UsageError for somebody whom the model is not going to paint; one that is ``trained`` says so itself."""
    if settings.person not in SIDES:
        raise UsageError(
            f"The model is not going to paint anybody called {settings.person!r}.", f"It learns {', '.join(SIDES)}."
        )
    if settings.morph != 1.0 and settings.family != "morph" and not trained:
        raise UsageError(
            "Only a morph model paints what lies between two people.", "Leave --morph out, or add --family morph."
        )


def _of_source(settings: SwapSettings) -> dict[str, Any]:
    """What of an extraction is said of the source's footage by itself."""
    twins = {name: f"source_{name}" for name in ExtractSettings.model_fields}
    return {name: getattr(settings, twin) for name, twin in twins.items() if twin in SwapSettings.model_fields}


def _settings(kind: type[S], settings: SwapSettings, **changes: Any) -> S:
    """The part of ``settings`` that a stage's settings ask for, with ``changes``."""
    shared = {name: getattr(settings, name) for name in kind.model_fields if hasattr(settings, name)}
    return kind(**{**shared, **changes})
