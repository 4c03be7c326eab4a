"""The swap on one frame, and the settings that artists reach for."""

from __future__ import annotations

import bpy

from .jobs import draw_jobs
from .settings import draw_group, draw_presets, front, rest
from .tab import Tab


class UNDERSTUDY_PT_swap(Tab, bpy.types.Panel):
    """How the new face is laid into the plate"""

    bl_label = "Swap"
    bl_order = 3

    def draw_header_preset(self, _context):
        """Presets of the swap settings."""
        draw_presets(self.layout, "conversion")

    def body(self, context, layout):
        """Preview, then the settings that matter most."""
        layout.operator("understudy.preview_frame", icon="IMAGE_DATA")
        draw_jobs(context, layout, "swap")
        draw_group(layout, context.scene.understudy.conversion, "conversion", front("conversion"))


class UNDERSTUDY_PT_swap_settings(Tab, bpy.types.Panel):
    """The other settings of the swap"""

    bl_label = "More"
    bl_parent_id = "UNDERSTUDY_PT_swap"
    bl_options = {"DEFAULT_CLOSED"}

    def body(self, context, layout):
        """The rest of the conversion settings."""
        draw_group(layout, context.scene.understudy.conversion, "conversion", rest("conversion"))


CLASSES = (UNDERSTUDY_PT_swap, UNDERSTUDY_PT_swap_settings)
