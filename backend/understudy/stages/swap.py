"""Swap: extract, train and convert in one."""

from __future__ import annotations

from typing import Any, TypeVar

import torch

from understudy.errors import UsageError
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.model.network import SIDES
from understudy.model.store import load_model
from understudy.settings import ConvertSettings, ExtractSettings, Options, SwapSettings, TrainSettings
from understudy.stages import convert, extract, train
from understudy.stages.analysis import prepare
from understudy.stages.chosen import chosen_faces
from understudy.stages.convert import EVERYBODY, also_swapped, beside, checked
from understudy.training.place import place_of_process

S = TypeVar("S", bound=Options)


def run(settings: SwapSettings, events: Events) -> dict[str, Any]:
    """From two people's footage to a converted shot; see :class:`SwapSettings`.

    Everything in between lies in the work folder: ``source`` and ``target`` facesets, ``people`` where several are
    swapped, and ``model``. Each stage goes on where it stopped. Returns the three stages' reports. Raises UsageError in
    one of several processes, and whatever the stages raise; what conversion would find out after the training is told
    before it.
    """
    if place_of_process().size > 1:
        raise UsageError(
            "Several processes can train together, not extract and convert.",
            "Do the three stages one by one, and start several processes for train alone.",
        )
    work = settings.work or beside(settings.out, "work")
    source, target, model = work / "source", work / "target", work / "model"
    also = also_swapped(settings)
    for path in {path for _, path in also} - {model}:
        load_model(path, torch.device("cpu"))
    _check_likeness(settings, trained=settings.base is not None or model.is_dir())
    shot = prepare(settings, events.within("convert"))
    checked(settings, shot)
    reports: dict[str, Any] = {}
    reports["source"] = extract.run(
        _settings(
            ExtractSettings,
            settings,
            plate=settings.source,
            frames=settings.source_frames,
            colour_space=settings.source_colour_space,
            face=settings.source_face,
            out=source,
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
    reports["train"] = train.run(
        _settings(TrainSettings, settings, source=[source], target=[target, *settings.target_facesets], model=model),
        events.within("train"),
    )
    reports["convert"] = convert.run(
        _settings(ConvertSettings, settings, faceset=faces, model=model), events.within("convert")
    )
    return reports


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


def _settings(kind: type[S], settings: SwapSettings, **changes: Any) -> S:
    """The part of ``settings`` that a stage's settings ask for, with ``changes``."""
    shared = {name: getattr(settings, name) for name in kind.model_fields if hasattr(settings, name)}
    return kind(**{**shared, **changes})
