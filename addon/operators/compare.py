"""Comparing the preview with the plate."""

from __future__ import annotations

import bpy
from bpy.props import EnumProperty

from ..images import editor
from ..scene.properties import COMPARISONS
from .base import can


class UNDERSTUDY_OT_compare(bpy.types.Operator):
    """Compare the previewed frame with the plate"""

    bl_idname = "understudy.compare"
    bl_label = "Compare"
    bl_options = {"REGISTER", "UNDO"}

    mode: EnumProperty(
        name="Compare",
        description="How the preview is compared with the plate",
        items=COMPARISONS,
        default="OFF",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context):
        """There must be a preview."""
        return can(cls, lacks_preview(context.scene))

    def execute(self, context):
        """Switch the comparison, and show the preview that it works on."""
        own = context.scene.understudy
        own.compare = self.mode
        if self.mode != "OFF" and (image := editor.of_file(own.preview_composite)):
            editor.show(image)
        return {"FINISHED"}


def lacks_preview(scene: bpy.types.Scene) -> str:
    """Why there is nothing to compare, or ``""``."""
    return "" if scene.understudy.preview_composite else "Preview a frame first"


CLASSES = (UNDERSTUDY_OT_compare,)
