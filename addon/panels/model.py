"""The model and its training."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..images import disk_cache
from ..images.icons import icons
from ..operators.model import card, training
from ..scene import requests
from ..scene.properties import absolute
from .jobs import draw_jobs
from .settings import draw_group, draw_presets, front, rest
from .tab import Tab


class UNDERSTUDY_PT_model(Tab, bpy.types.Panel):
    """A network that learns the new face, for whoever wants one"""

    bl_label = "Model"
    bl_parent_id = "UNDERSTUDY_PT_new_face"
    bl_options = {"DEFAULT_CLOSED"}

    def draw_header_preset(self, _context):
        """Presets of the training settings."""
        draw_presets(self.layout, "training")

    def body(self, context, layout):
        """Folder, training, how far it is."""
        scene = context.scene
        own = scene.understudy
        row = layout.row(align=True)
        row.prop(own, "model")
        row.operator("understudy.new_model", text="", icon="ADD")
        draw_group(layout, own.training, "training", front("training"))
        task = training(scene)
        if task is None:
            text = "Resume Training" if requests.has_model(scene) else "Train New Model"
            layout.operator("understudy.train", text=text)
        draw_jobs(context, layout, "model")
        if task is None:
            _draw_card(layout, scene)


class UNDERSTUDY_PT_progress(Tab, bpy.types.Panel):
    """What the model makes of some faces, and its loss, as the training leaves them in the model's folder"""

    bl_label = "Progress"
    bl_parent_id = "UNDERSTUDY_PT_model"

    @classmethod
    def poll(cls, context):
        """There must be something to see."""
        return any(disk_cache.told(Path.is_file, path) for path, _ in _pictures(context.scene))

    def body(self, context, layout):
        """Each picture, and a button that shows it in the editor."""
        for path, what in _pictures(context.scene):
            if icon := icons.of(str(path)):
                layout.template_icon(icon, scale=9)
                layout.operator("understudy.show_preview", text=f"Show {what.title()}").what = what


class UNDERSTUDY_PT_training(Tab, bpy.types.Panel):
    """How the model learns"""

    bl_label = "Training"
    bl_parent_id = "UNDERSTUDY_PT_model"
    bl_options = {"DEFAULT_CLOSED"}

    def body(self, context, layout):
        """The training settings."""
        draw_group(layout, context.scene.understudy.training, "training", rest("training"))


def _draw_card(layout, scene) -> None:
    """How long the model was trained, as its card tells."""
    if known := card(scene):
        row = layout.row()
        row.label(text=f"{known['steps']} steps")
        row.label(text=f"{known['minutes']:.0f} min")
        row.label(text=f"{known['resolution']} px")
    elif requests.has_model(scene):
        layout.operator("understudy.read_model")


def _pictures(scene) -> list[tuple[Path, str]]:
    """The files of the newest faces and of the loss curve, and what ``show_preview`` calls them."""
    model = scene.understudy.model
    folder = Path(absolute(model))
    return [(folder / "preview.png", "TRAINING"), (folder / "curve.png", "CURVE")] if model else []


CLASSES = (UNDERSTUDY_PT_model, UNDERSTUDY_PT_progress, UNDERSTUDY_PT_training)
