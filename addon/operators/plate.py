"""The plate: choose it, look at it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ..images import editor
from ..jobs.session import session
from ..jobs.task import Task
from ..scene import requests
from ..scene.paths import pattern_of
from ..scene.properties import settings_of
from .base import BackendOperator, can


class UNDERSTUDY_OT_load_plate(BackendOperator, bpy.types.Operator):
    """Load a sequence, still or movie to replace a face in. Any frame of a sequence stands for all of it"""

    bl_idname = "understudy.load_plate"
    bl_label = "Load Plate"
    bl_options = {"REGISTER", "UNDO"}
    family = "plate"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    relative_path: BoolProperty(name="Relative Path", description="Keep the path relative to the .blend", default=True)
    set_scene: BoolProperty(
        name="Set Up Scene",
        description="Give the scene the plate's frame range, size and frame rate",
        default=True,
    )

    def invoke(self, context, _event):
        """Open the file browser, which ends in ``execute``."""
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def asks(self, context) -> Task:
        """Keep the path, forget what was known of the plate before, and inspect this one."""
        if not self.filepath:
            raise requests.ShotError("Choose a plate")
        own = context.scene.understudy
        path = str(_chosen(Path(bpy.path.abspath(self.filepath))))
        own.plate.plate = bpy.path.relpath(path) if self.relative_path and bpy.data.filepath else path
        own.people.clear()
        own.analysis.face, own.compare = "one", "OFF"
        own.preview_composite = own.preview_plate = own.preview_matte = own.preview_swap = ""
        return _inspect(context.scene, self.set_scene)


class UNDERSTUDY_OT_inspect_plate(BackendOperator, bpy.types.Operator):
    """Look at the plate's files again: range, size, frame rate, color space and gaps"""

    bl_idname = "understudy.inspect_plate"
    bl_label = "Refresh Plate"
    bl_options = {"REGISTER", "UNDO"}
    family = "plate"

    @classmethod
    def poll(cls, context):
        """There must be a plate."""
        return can(cls, requests.lacks_plate(context.scene))

    def asks(self, context) -> Task:
        """Inspect the plate that the scene names."""
        return _inspect(context.scene, False)


def _chosen(path: Path) -> Path:
    return path if path.is_dir() else Path(pattern_of(path))


def _inspect(scene: bpy.types.Scene, set_scene: bool) -> Task:
    task = session.ask(scene, "inspect", settings_of(scene.understudy, "plate"), "plate", "Read Plate")
    task.extra["set_scene"] = set_scene
    return task


@session.outcome_of("inspect")
def inspected(scene: bpy.types.Scene, task: Task) -> str:
    """Fill in what the files tell, and show the plate."""
    found, own = task.report, scene.understudy
    own.width, own.height, own.first, own.last = found["width"], found["height"], found["first"], found["last"]
    own.fps = float(Fraction(*found["fps"])) if found.get("fps") else 0.0
    own.colour = found["colour_space"]
    own.gaps = found["missing"].replace(",", ", ")
    if task.extra.get("set_scene"):
        _set_up(scene, found)
    try:
        image = editor.load(scene, "Plate", found["plate"], own.first, found["colour_space"])
    except RuntimeError as error:
        task.notes.append(f"Blender does not show this plate: {error}.")
    else:
        editor.show(image, own.first, own.last)
    return "Load Plate"


def _set_up(scene: bpy.types.Scene, found: dict) -> None:
    """Give the scene the plate's range, size and rate."""
    scene.frame_start, scene.frame_end = found["first"], found["last"]
    if not found["first"] <= scene.frame_current <= found["last"]:
        scene.frame_set(found["first"])
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = found["width"], found["height"], 100
    if found.get("fps"):
        rate = Fraction(*found["fps"])
        render.fps = max(1, round(rate))
        render.fps_base = float(render.fps / rate)


CLASSES = (UNDERSTUDY_OT_load_plate, UNDERSTUDY_OT_inspect_plate)
