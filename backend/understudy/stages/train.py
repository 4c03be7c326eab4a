"""Train: teach a model to paint the new face in the target's every moment."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch

from understudy.errors import FacesetError, Interrupted, ModelError, OutOfMemoryError
from understudy.events import Events
from understudy.model.device import choose_device
from understudy.model.families import architecture_from_json, build
from understudy.model.network import SIDES, Architecture, parameter_count
from understudy.model.store import Card, save_model
from understudy.plate.colour import ColourManager
from understudy.plate.files import remove_leftovers
from understudy.settings import TrainSettings
from understudy.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from understudy.training.curve import FILE as CURVE
from understudy.training.curve import write_curve
from understudy.training.data import Side, load_side
from understudy.training.log import MetricsLog
from understudy.training.presets import PRESETS, Preset
from understudy.training.preview import FILE as PREVIEW
from understudy.training.preview import write_preview
from understudy.training.schedule import Budget
from understudy.training.trainer import Trainer

LOG_EVERY = 20
PREVIEW_FACES = 8


def run(settings: TrainSettings, events: Events) -> dict[str, Any]:
    """Train until the budget is spent, from where the model folder stopped; see :class:`TrainSettings`.

    Leaves in the model folder: the model, its training state, ``metrics.jsonl``, ``preview.png`` and ``curve.png``.
    """
    device = choose_device(settings.device)
    checkpoint = load_checkpoint(settings.model)
    preset = PRESETS[_preset_name(settings.preset, device)]
    architecture = _architecture(settings, preset, checkpoint)
    try:
        return Session(settings, events, device, preset, architecture, checkpoint).run()
    except torch.OutOfMemoryError:
        raise OutOfMemoryError(
            f"Training at {architecture.resolution} px does not fit into the memory of {device}.",
            "Lower --batch or --resolution.",
        ) from None


class Session:
    """One sitting of a training: from the newest checkpoint until the budget is spent or someone says stop."""

    def __init__(
        self,
        settings: TrainSettings,
        events: Events,
        device: torch.device,
        preset: Preset,
        architecture: Architecture,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.settings, self.events = settings, events
        self.folder: Path = settings.model
        self.colour = ColourManager.discover()
        sides = {
            "source": load_side(settings.source, architecture.resolution, device),
            "target": load_side(settings.target, architecture.resolution, device),
        }
        self.crop = _common_crop(sides)
        if checkpoint is not None and (before := checkpoint.numbers.get("crop", self.crop)) != self.crop:
            raise ModelError(
                f"The model in {self.folder} was trained on {before} crops; these faces are {self.crop} crops.",
                f"Extract {before} crops to go on with it, or train a new model.",
            )
        self.sides = sides
        network = build(architecture)
        if checkpoint is None:
            torch.manual_seed(settings.seed)
            network.start({side: sides[side].mean_face().cpu() for side in SIDES})
        self.trainer = Trainer(
            network,
            sides,
            settings,
            batch=settings.batch or preset.batch,
            learning_rate=settings.learning_rate or preset.learning_rate,
            device=device,
        )
        numbers: dict[str, Any] = {"minutes": 0.0, "best": None, "best_step": 0}
        if checkpoint is not None:
            self.trainer.restore(checkpoint)
            numbers = checkpoint.numbers
        self.minutes: float = numbers["minutes"]
        self.best: float | None = numbers["best"]
        self.best_step: int = numbers["best_step"]
        self.validation: dict[str, float] = {}
        self.validated_at: int | None = None  # step of the last validation of this sitting
        iterations = settings.iterations
        if iterations is None and settings.minutes is None and settings.plateau is None:
            iterations = preset.iterations
        self.budget = Budget(iterations, settings.minutes, settings.plateau)
        self.log = MetricsLog(self.folder, self.trainer.step_count)
        remove_leftovers(self.folder)
        events.note(
            f"{sides['source'].count} source and {sides['target'].count} target faces, "
            f"{architecture.resolution} px, {parameter_count(network) / 1e6:.1f} million weights, on {device}"
            + (f", going on from step {self.trainer.step_count}." if checkpoint else ".")
        )

    def run(self) -> dict[str, Any]:
        """The loop. Saves before it returns and before it raises :class:`Interrupted`."""
        trainer, settings = self.trainer, self.settings
        pending: list[torch.Tensor] = []
        saved_at = started = time.perf_counter()
        before = self.minutes
        reason = None
        while reason is None:
            self.minutes = before + (time.perf_counter() - started) / 60
            reason = self.budget.spent(trainer.step_count, self.minutes, trainer.step_count - self.best_step)
            if reason is not None:
                break
            if self.events.stopping:
                self._measure(pending)
                self._save()
                raise Interrupted(
                    f"Training stopped on request at step {trainer.step_count}; everything is saved.",
                    "Run it again to go on.",
                )
            pending.append(trainer.step(self.budget.progress(trainer.step_count, self.minutes)))
            if trainer.step_count % LOG_EVERY == 0:
                self._measure(pending)
            if trainer.step_count % settings.preview_every == 0:
                self._validate()
            if time.perf_counter() - saved_at > settings.save_every * 60:
                self._save()
                saved_at = time.perf_counter()
        self._measure(pending)
        if self.validated_at != trainer.step_count:
            self._validate()
        self._save()
        self.events.note(f"Training ends: {reason}.")
        return {
            "model": str(self.folder),
            "steps": trainer.step_count,
            "minutes": round(self.minutes, 3),
            "stopped": reason,
            "validation": self.validation,
            "preview": str(self.folder / PREVIEW),
            "curve": str(self.folder / CURVE),
        }

    def _measure(self, pending: list[torch.Tensor]) -> None:
        """Log the mean losses of the steps since the last time; here, and only here, the device is waited for."""
        if not pending:
            return
        values = torch.stack(pending).mean(0).tolist()
        pending.clear()
        step = self.trainer.step_count
        losses = dict(zip(("source", "target", "pairs", "loss"), values, strict=True))
        if not all(map(math.isfinite, values)):
            raise ModelError(
                f"Training fell apart near step {step}: the loss is no longer a number.",
                "The last checkpoint is good: go on from it with a lower --learning-rate.",
            )
        self.log.append({"step": step, "minutes": round(self.minutes, 4), **losses})
        self.events.metric("loss", step, losses["loss"])
        self.events.progress(
            round(1000 * self.budget.progress(step, self.minutes)),
            1000,
            "permille",
            f"step {step}, loss {losses['loss']:.4f}",
        )

    def _validate(self) -> None:
        """Measure the held-out faces and renew the pictures."""
        step = self.trainer.step_count
        self.validation = self.trainer.validate()
        value = self.validation["mean"]
        if self.best is None or value < self.best * 0.999:
            self.best, self.best_step = value, step
        self.validated_at = step
        if not any(record["step"] == step and "validation" in record for record in self.log.records):
            self.log.append({"step": step, "minutes": round(self.minutes, 4), "validation": value})
        self.events.metric("validation", step, value)
        lights = {side: self.sides[side].light for side in SIDES}
        preview = self.folder / PREVIEW
        write_preview(preview, self.trainer.paint(PREVIEW_FACES), lights, self.colour, f"step {step}")
        write_curve(self.folder / CURVE, self.log.records)
        self.events.preview(preview)

    def _save(self) -> None:
        """Write the training state, then the model that conversion uses."""
        trainer = self.trainer
        card = Card(
            architecture=trainer.network.arch,
            crop=self.crop,
            steps=trainer.step_count,
            minutes=round(self.minutes, 3),
            validation=self.validation,
            working_space=self.sides["target"].colour_space,
            source_light=self.sides["source"].light.to_json(),
            trained_on={side: self.sides[side].origin for side in SIDES},
        )
        numbers = {
            "minutes": self.minutes,
            "best": self.best,
            "best_step": self.best_step,
            "crop": self.crop,
            "architecture": trainer.network.arch.to_json(),
        }
        save_checkpoint(self.folder, trainer.checkpoint(numbers))
        save_model(self.folder, trainer.average, card)


def _preset_name(name: str, device: torch.device) -> str:
    return name if name != "auto" else ("cpu" if device.type == "cpu" else "gpu")


def _architecture(settings: TrainSettings, preset: Preset, checkpoint: Checkpoint | None) -> Architecture:
    """The checkpoint's architecture, else the one asked for. Raises when the two disagree."""
    if settings.resolution is not None and settings.resolution % 16:
        raise ModelError(f"A model's resolution is a multiple of 16; {settings.resolution} is not.")
    if checkpoint is None:
        return preset.architecture(settings.resolution or preset.resolution)
    try:
        known = architecture_from_json(checkpoint.numbers["architecture"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The training state in {settings.model} is not understood: {error}.") from None
    if settings.resolution is not None and settings.resolution != known.resolution:
        raise ModelError(
            f"The model in {settings.model} works at {known.resolution} px, not at {settings.resolution} px.",
            "Leave --resolution out to go on, or train into a new folder.",
        )
    return known


def _common_crop(sides: dict[str, Side]) -> str:
    """The crop kind of both sides. Raises :class:`FacesetError` when they are framed differently."""
    source, target = sides["source"], sides["target"]
    if (source.crop, source.colour_space) != (target.crop, target.colour_space):
        raise FacesetError(
            f"The source faces are {source.crop} crops in {source.colour_space}, "
            f"the target faces {target.crop} crops in {target.colour_space}.",
            "Extract both with the same crop and OCIO configuration.",
        )
    return source.crop
