"""The model: begin one, train it, know how far it is."""

from __future__ import annotations

from typing import Any

import bpy

from .. import preferences
from ..jobs.session import session
from ..jobs.task import Task
from ..link.job import Job
from ..link.options import taken
from ..scene import paths, requests
from ..scene.properties import absolute, settings_of
from .base import BackendOperator, can
from .faces import extract_missing


class UNDERSTUDY_OT_train(BackendOperator, bpy.types.Operator):
    """Train the model, from where it stopped, after finding the faces still to be found. It goes on without Blender"""

    bl_idname = "understudy.train"
    bl_label = "Train"
    bl_options = {"REGISTER"}
    family = "model"

    @classmethod
    def poll(cls, context):
        """There must be two people, and no training under way."""
        busy = "Training is under way" if session.is_busy(context.scene, "model", "train") else ""
        return can(cls, requests.lacks_footage(context.scene) or busy)

    def asks(self, context) -> Task:
        """Queue what is missing of the two facesets, then the training."""
        scene = context.scene
        own = scene.understudy
        if not own.model:
            own.model = _new_model(scene)
            bpy.ops.ed.undo_push(message="New Model")  # else undo would forget what is being trained
        source, target = requests.source_extraction(scene), requests.target_extraction(scene)
        after = extract_missing(scene, "model", source=source, plate=target)
        settings = {
            **settings_of(own, "training"),
            "source": [source["out"]],
            "target": [target["out"]],
            "model": absolute(own.model),
        }
        job = Job.create(paths.new_job(requests.folder(scene), "train"), "train", taken("train", settings))
        return session.submit(scene, job, "model", "Training", after=after)


class UNDERSTUDY_OT_new_model(bpy.types.Operator):
    """Begin another model in a folder of its own; the present one stays as it is"""

    bl_idname = "understudy.new_model"
    bl_label = "New Model"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        """There must be a plate to name it after."""
        return can(cls, requests.lacks_plate(context.scene))

    def execute(self, context):
        """Name a folder that does not exist yet."""
        try:
            context.scene.understudy.model = _new_model(context.scene)
        except requests.ShotError as error:
            self.report({"ERROR"}, f"{error}")
            return {"CANCELLED"}
        return {"FINISHED"}


class UNDERSTUDY_OT_read_model(BackendOperator, bpy.types.Operator):
    """Ask the backend how long the model was trained and on what"""

    bl_idname = "understudy.read_model"
    bl_label = "Read Model"
    bl_options = {"REGISTER"}
    family = "model"

    @classmethod
    def poll(cls, context):
        """There must be a model that is not being trained."""
        busy = "Training is under way" if session.is_busy(context.scene, "model", "train") else ""
        return can(cls, requests.lacks_model(context.scene) or busy)

    def asks(self, context) -> Task:
        """Ask for the model's card."""
        return ask_model(context.scene)


def ask_model(scene: bpy.types.Scene) -> Task:
    """Ask for the card of the shot's model."""
    return session.ask(scene, "model", {"model": absolute(scene.understudy.model)}, "model", "Read Model")


def card(scene: bpy.types.Scene) -> dict[str, Any]:
    """What the backend told of the shot's model last; empty when that was another one."""
    model = absolute(scene.understudy.model)
    answers = [task.report for task in session.tasks(scene, "model", "model") if task.state == "done"]
    return next((report for report in answers if report.get("model") == model), {})


def training(scene: bpy.types.Scene) -> Task | None:
    """The training under way, or waiting, if any."""
    return next((task for task in session.tasks(scene, "model", "train") if not task.ended), None)


@session.outcome_of("train")
def trained(scene: bpy.types.Scene, _task: Task) -> None:
    """Learn how far the model is now."""
    ask_model(scene)


def _new_model(scene: bpy.types.Scene) -> str:
    name = paths.stem_of(scene.understudy.plate.plate)
    parent = preferences.models_folder() or requests.folder(scene) / "models"
    names = (name, *(f"{name}_{number}" for number in range(2, 1000)))
    path = str(next(parent / one for one in names if not (parent / one).exists()))
    if bpy.data.filepath and not preferences.models_folder():
        return bpy.path.relpath(path)
    return path


CLASSES = (UNDERSTUDY_OT_train, UNDERSTUDY_OT_new_model, UNDERSTUDY_OT_read_model)
