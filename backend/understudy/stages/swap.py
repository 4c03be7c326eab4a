"""Swap: extract, train and convert in one."""

from __future__ import annotations

from typing import Any, TypeVar

from understudy.convert.limits import GivenMattes
from understudy.errors import UsageError
from understudy.events import Events
from understudy.plate.sequence import open_plate
from understudy.settings import ConvertSettings, ExtractSettings, Options, SwapSettings, TrainSettings
from understudy.stages import convert, extract, train
from understudy.stages.convert import beside
from understudy.training.place import place_of_process

S = TypeVar("S", bound=Options)


def run(settings: SwapSettings, events: Events) -> dict[str, Any]:
    """From two people's footage to a converted shot; see :class:`SwapSettings`.

    Everything in between lies in the work folder: ``source`` and ``target`` facesets and ``model``. Each stage goes on
    where it stopped. Returns the three stages' reports. Raises UsageError in one of several processes, and whatever the
    stages raise.
    """
    if place_of_process().size > 1:
        raise UsageError(
            "Several processes can train together, not extract and convert.",
            "Do the three stages one by one, and start several processes for train alone.",
        )
    frames = open_plate(settings.plate, settings.frames, settings.missing).frames
    GivenMattes.open(settings.holdout, settings.roto, frames)  # conversion would find out after the training
    work = settings.work or beside(settings.out, "work")
    source, target, model = work / "source", work / "target", work / "model"
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
    reports["train"] = train.run(
        _settings(TrainSettings, settings, source=[source], target=[target, *settings.target_facesets], model=model),
        events.within("train"),
    )
    reports["convert"] = convert.run(
        _settings(ConvertSettings, settings, faceset=target, model=model), events.within("convert")
    )
    return reports


def _settings(kind: type[S], settings: SwapSettings, **changes: Any) -> S:
    """The part of ``settings`` that a stage's settings ask for, with ``changes``."""
    shared = {name: getattr(settings, name) for name in kind.model_fields if hasattr(settings, name)}
    return kind(**{**shared, **changes})
