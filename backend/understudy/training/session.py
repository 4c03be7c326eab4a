"""One sitting of a training: the loop from the newest checkpoint until its plan is fulfilled or someone says stop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from understudy.errors import Interrupted, ModelError
from understudy.events import Events
from understudy.model.card import ModelCard
from understudy.model.network import SIDES, parameter_count
from understudy.model.store import save_model
from understudy.plate.colour import ColourManager
from understudy.plate.files import remove_leftovers, write_json
from understudy.settings import TrainSettings
from understudy.training.distributed.group import Group
from understudy.training.output.backups import keep_backup
from understudy.training.output.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from understudy.training.output.curve import CURVE, write_curve
from understudy.training.output.metrics_log import MetricsLog
from understudy.training.output.preview import FILE as PREVIEW
from understudy.training.output.preview import preview_title, preview_wanted, swap_strip, write_preview
from understudy.training.output.timelapse import keep_frame
from understudy.training.presets import Preset, Recipe, plan
from understudy.training.run.divergence import FALLS, DivergenceGuard
from understudy.training.run.memory import CudaGauge
from understudy.training.run.rate_finder import FILE as RATE
from understudy.training.run.rate_finder import draw_trial, find_rate
from understudy.training.run.schedule import Position, StepSchedule
from understudy.training.run.trainer import Trainer
from understudy.training.setup import TrainingSetup

LOG_EVERY = 20


PREVIEW_FACES = 8


EVIDENCE = "fallen.json"


REQUESTS_EVERY = 1.0
"""Seconds between looks for a preview that somebody asked for: a folder may lie on a network."""


@dataclass(frozen=True)
class Order:
    """What all processes do next, as the main one decided: a step, to fall back, or to end."""

    moment: StepSchedule
    ends: bool
    falls: int  # how often it has fallen, this time included; 0 is no fall


class Session:
    """One sitting of a training: from the newest checkpoint until the plan is fulfilled or someone says stop.

    Only the main process of a group decides, looks and writes; the others learn with it.
    """

    def __init__(
        self,
        settings: TrainSettings,
        events: Events,
        group: Group,
        preset: Preset,
        beginning: TrainingSetup,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.settings, self.events, self.group = settings, events, group
        self.folder: Path = settings.model
        self.colour = ColourManager.discover()
        self.sides, self.crop = beginning.sides, beginning.crop
        self.plan = plan(settings, preset)
        numbers = {} if checkpoint is None else checkpoint.numbers
        self.trainer = Trainer(
            beginning.network, beginning.sides, _as_before(beginning.recipe, settings, numbers),
            device=group.device, group=group,
        )  # fmt: skip
        if checkpoint is not None:
            self.trainer.restore(checkpoint)
        group.assemble()  # each gets here at its own pace, and nobody reads what the first one writes from here on
        self._meet(-1 if checkpoint is None else self.trainer.step_count)
        self.health, self.position, self.faces_seen = DivergenceGuard(), Position(), 0
        self._take(numbers)
        self.pending: list[torch.Tensor] = []  # losses of the steps since the last measurement, still on the device
        self.validation: dict[str, float] = {}  # the last figures of the held-out faces that were sound
        self.figures: dict[str, float] = {}  # the last of all
        self.validated_at: int | None = None  # step of the last validation of this sitting
        self.fallen: str | None = None  # why the next thing to do is to fall back
        self.ended: str | None = None  # why the last phase ended
        self.told_to_stop = False  # somebody else of the group was
        self.saved_at = self.looked_at = time.perf_counter()
        self.log: MetricsLog | None = None
        if group.is_main:
            self.log = MetricsLog(self.folder, self.trainer.step_count)
            remove_leftovers(self.folder)
        if checkpoint is None:
            self._set_out()
        events.note(self._introduction(checkpoint is not None))
        if self.trainer.precision.compiled:
            events.note("The first step of a phase takes a minute or two: its programs are made for this GPU.")

    def run(self) -> dict[str, Any]:
        """The loop. Saves before it returns and before it raises :class:`Interrupted`."""
        trainer = self.trainer
        while not (order := self._order()).ends:
            if order.falls:
                self._fall_back(order.falls)
                continue
            self.pending.append(trainer.step(order.moment))
            self.faces_seen += len(trainer.lineup) * trainer.recipe.batch * self.group.size
            if self.group.is_main:
                self._look_after()
            else:
                self.pending.clear()
        if self.log is not None:
            with self.group.busy():
                self._save()
                self._show(keep=True)
                self.log.close()
        self.group.wait()
        if self.ended is None and (self.events.stopping or self.told_to_stop):
            raise Interrupted(
                f"Training stopped on request at step {trainer.step_count}; everything is saved.",
                "Run it again to go on.",
            )
        self.events.note(f"Training ends: {self.ended}.")
        return {
            "model": str(self.folder),
            "steps": trainer.step_count,
            "minutes": round(self.minutes, 3),
            "stopped": self.ended,
            "validation": self.validation,
            "preview": str(self.folder / PREVIEW),
            "curve": str(self.folder / CURVE),
        }

    @property
    def minutes(self) -> float:
        """Minutes of training in all."""
        return (time.perf_counter() - self._started) / 60

    def _meet(self, step: int) -> None:
        """Make sure that all processes are at the same step."""
        if not self.group.same(step):
            raise ModelError(
                f"The processes do not see the same state of the model in {self.folder}.",
                "Put it where all hosts see it.",
            )

    def _order(self) -> Order:
        """What to do next; the same for all processes."""
        step, minutes = self.trainer.step_count, self.minutes
        position, why = self.plan.go_on(self.position, step, minutes, self.health.best_step)
        moment = self.plan.moment(position, step, minutes)
        over = self.plan.over(position)
        ends = over or self.events.stopping or self.told_to_stop
        if ends and self.log is not None:  # what it ends with has to be sound
            with self.group.busy():
                self._measure()
                self._validate(counts=over)
        falls = self.health.falls + 1 if self.fallen is not None else 0
        told = [ends and not falls, falls, moment.rate, moment.warp, moment.pairs, moment.adversarial]
        agreed_end, fallen, rate, warp, pairs, adversarial = self.group.agree(told)
        self.told_to_stop = self.group.size > 1 and self.group.any(self.events.stopping)
        if not fallen:
            if why is not None and self.log is not None:
                self.events.note(f"The phase {self.plan.phase(self.position).name} ends: {why}.")
            self.position = position
            self.ended = why if self.plan.over(position) else None
        return Order(StepSchedule(rate * self.health.slowed, warp, pairs, adversarial), bool(agreed_end), int(fallen))

    def _look_after(self) -> None:
        """Measure, validate, show and save, each when it is time."""
        step, now = self.trainer.step_count, time.perf_counter()
        if step % LOG_EVERY == 0:
            self._measure()
        due = step % self.settings.preview_every == 0
        if now - self.looked_at > REQUESTS_EVERY:
            self.looked_at = now
            wanted = preview_wanted(self.folder)
        else:
            wanted = False
        saving = now - self.saved_at > self.settings.save_every * 60
        if not (due or wanted or saving):
            return
        with self.group.busy():
            self._measure()
            self._validate(counts=due)
            if self.fallen is not None:
                return
            if due or wanted:
                self._show(keep=due)
            if saving:
                self._save()
                self.saved_at = time.perf_counter()

    def _measure(self) -> None:
        """Log the mean losses of the steps since the last time; here, and only here, the device is waited for."""
        if not self.pending or self.log is None:
            return
        values = torch.stack(self.pending).mean(0).tolist()
        self.pending.clear()
        step = self.trainer.step_count
        losses = dict(zip(self.trainer.terms, values, strict=True))
        self.fallen = self.health.trouble_with_losses(step, values)
        if self.fallen is not None:
            return
        phase = self.plan.phase(self.position).name
        self.log.append({"step": step, "minutes": round(self.minutes, 4), "phase": phase, **losses})
        self.events.metric("loss", step, losses["loss"])
        self.events.progress(
            round(1000 * self.plan.progress(self.position, step, self.minutes)),
            1000,
            "permille",
            f"step {step}, {phase}, loss {losses['loss']:.4f}",
        )

    def _validate(self, *, counts: bool) -> None:
        """Measure the held-out faces; what has collapsed is to fall back.

        Only what ``counts`` is recorded and decides about progress: a training that is stopped and goes on, or saved more
        often, has to take the same way.
        """
        step = self.trainer.step_count
        if self.fallen is not None or self.log is None:
            return
        if self.validated_at != step:
            self.figures = self.trainer.validate()
        figures, self.validated_at = self.figures, step
        self.fallen = self.health.trouble_with_figures(step, figures)
        if self.fallen is not None:
            return
        self.validation = figures
        if not counts:
            return
        self.health.note(step, figures)
        shown = {"": "loss", "_psnr": "psnr", "_ssim": "ssim"}
        record = {f"validation{suffix}": figures[name] for suffix, name in shown.items()}
        if not any(one["step"] == step and "validation" in one for one in self.log.records):
            self.log.append({"step": step, "minutes": round(self.minutes, 4), **record})
        self.events.metric("validation", step, figures["loss"])

    def _show(self, *, keep: bool) -> None:
        """Renew the pictures; ``keep`` one for the time-lapse too."""
        assert self.log is not None
        step, lights = self.trainer.step_count, {side: self.sides[side].light for side in SIDES}
        rows = self.trainer.paint(PREVIEW_FACES)
        title = preview_title(step, self.validation.get("psnr"), self.validation.get("ssim"))
        write_preview(self.folder / PREVIEW, rows, lights, self.colour, title)
        if keep:
            keep_frame(self.folder, step, swap_strip(rows, lights, self.colour))
        write_curve(self.folder / CURVE, self.log.records)
        self.events.preview(self.folder / PREVIEW)

    def _save(self) -> None:
        """Write the training state, then the model that conversion uses, and back both up when it is time."""
        trainer = self.trainer
        card = ModelCard(
            architecture=trainer.network.arch,
            crop=self.crop,
            steps=trainer.step_count,
            minutes=round(self.minutes, 3),
            validation=self.validation,
            working_space=self.sides["target"].colour_space,
            source_light=self.sides["source"].light.to_json(),
            trained_on={name: side.origin for name, side in self.sides.items()},
            batch=trainer.recipe.batch * self.group.size,
            faces_seen=self.faces_seen,
        )
        self._save_state()
        save_model(self.folder, trainer.average, card)
        if trouble := keep_backup(self.folder, time.time()):
            self.events.note(trouble)

    def _save_state(self) -> None:
        """Write what training goes on from."""
        numbers = {
            "minutes": self.minutes,
            "limits": astuple(self.plan.limits),
            "position": self.position.to_json(),
            "health": self.health.to_json(),
            "faces_seen": self.faces_seen,
            "crop": self.crop,
            "architecture": self.trainer.network.arch.to_json(),
            "batch": self.trainer.recipe.batch,
            "learning_rate": self.trainer.recipe.learning_rate,
        }
        save_checkpoint(self.folder, self.trainer.checkpoint(numbers))

    def _take(self, numbers: Mapping[str, Any]) -> None:
        """Go on from the numbers of a checkpoint."""
        self._started = time.perf_counter() - 60 * float(numbers.get("minutes", 0.0))
        self.health = DivergenceGuard.from_json(numbers["health"]) if "health" in numbers else DivergenceGuard()
        # A plan of another length is another plan: phases that are over by the old one may not be by the new one.
        same = numbers.get("limits") == list(astuple(self.plan.limits))
        self.position = (
            Position.from_json(numbers["position"])
            if same
            else self.plan.locate(self.trainer.step_count, float(numbers.get("minutes", 0.0)))
        )
        self.faces_seen = int(numbers.get("faces_seen", 0))

    def _fall_back(self, falls: int) -> None:
        """Return to the last checkpoint and go on from there with smaller steps and other dice.

        Raises :class:`ModelError` when that was done :data:`FALLS` times in vain.
        """
        why, slowed = self.fallen, self.health.slowed
        self.pending.clear()
        self.fallen = self.validated_at = None
        if falls > FALLS:
            if self.log is not None:
                evidence = {"why": why, "learning_rate": self.trainer.recipe.learning_rate * slowed}
                last = {"step": self.trainer.step_count, "phase": self.plan.phase(self.position).name}
                write_json(self.folder / EVIDENCE, {**evidence, **last, "records": self.log.records[-20:]})
            raise ModelError(
                f"Training fell apart {falls} times: {why}.",
                f"The last checkpoint is good. {self.folder / EVIDENCE} tells what led to it; "
                "look at the facesets, or go on with a lower --learning-rate.",
            )
        checkpoint = load_checkpoint(self.folder)
        assert checkpoint is not None  # one was written before the first step
        self.trainer.restore(checkpoint)
        self._meet(self.trainer.step_count)
        self.trainer.random.generator.manual_seed(self.settings.seed + 1_000_003 * falls)
        self._take(checkpoint.numbers)
        self.health.fallen(falls, slowed)
        if self.log is not None:
            self.log.go_back(self.trainer.step_count)
            self.events.note(
                f"Back to step {self.trainer.step_count}, with a learning rate of "
                f"{self.trainer.recipe.learning_rate * self.health.slowed:.1e}: {why}."
            )

    def _set_out(self) -> None:
        """Measure what a new training was told to find out, and leave something to fall back on."""
        trainer = self.trainer
        if self.settings.batch is None and self.group.device.type == "cuda" and self.group.size == 1:
            fits = trainer.fitting_batch(CudaGauge(self.group.device))
            trainer.rebatch(fits)
        if self.settings.find_rate:
            trial = find_rate(trainer, self.events)
            trainer.recipe = replace(trainer.recipe, learning_rate=trial.chosen)
            if self.log is not None:
                draw_trial(self.folder / RATE, trial)
                self.events.preview(self.folder / RATE)
        self._started = time.perf_counter()
        if self.log is not None:
            with self.group.busy():
                self._save_state()
        self.group.wait()

    def _introduction(self, resumed: bool) -> str:
        network, recipe = self.trainer.network, self.trainer.recipe
        faces = ", ".join(f"{side.count} {name}" for name, side in self.sides.items())
        held_out = sum(part["held_out"] for side in self.sides.values() for part in side.origin)
        each = f" in each of {self.group.size} processes" if self.group.size > 1 else ""
        return (
            f"{faces} faces, {held_out} more held out, {network.arch.family} at {network.arch.resolution} px, "
            f"{parameter_count(network) / 1e6:.1f} million weights, batch {recipe.batch}{each}, "
            f"learning rate {recipe.learning_rate:.1e}, on {self.group.device}"
            + (f", going on from step {self.trainer.step_count}." if resumed else ".")
        )


def _as_before(recipe: Recipe, settings: TrainSettings, numbers: Mapping[str, Any]) -> Recipe:
    """The recipe with what was measured for this model when it was new, unless the settings say otherwise."""
    if settings.batch is None and "batch" in numbers:
        recipe = replace(recipe, batch=int(numbers["batch"]))
    if settings.learning_rate is None and "learning_rate" in numbers:
        recipe = replace(recipe, learning_rate=float(numbers["learning_rate"]))
    return recipe
