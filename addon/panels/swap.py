"""The swap on one frame, and the settings that artists reach for."""

from __future__ import annotations

import bpy

from .jobs import draw_jobs
from .settings import draw_group, draw_presets, front, rest, section
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


class _Section(Tab):
    """Settings of the swap that belong together."""

    bl_parent_id = "UNDERSTUDY_PT_swap"
    bl_options = {"DEFAULT_CLOSED"}
    names: tuple[str, ...]

    def body(self, context, layout):
        """Those settings."""
        draw_group(layout, context.scene.understudy.conversion, "conversion", self.names)


class UNDERSTUDY_PT_swap_matte(_Section, bpy.types.Panel):
    """Where the new face goes, and how its edge is"""

    bl_label = "Matte"
    bl_options = set()
    names = section("conversion", "matte")


class UNDERSTUDY_PT_swap_colour(_Section, bpy.types.Panel):
    """How the new face's color and light follow the plate's"""

    bl_label = "Color"
    names = section("conversion", "colour")


class UNDERSTUDY_PT_swap_finish(_Section, bpy.types.Panel):
    """What the plate's lens, shutter and film did to its own face"""

    bl_label = "Finish"
    names = section("conversion", "finish")


class UNDERSTUDY_PT_swap_placement(_Section, bpy.types.Panel):
    """The new face moved against the one in the plate"""

    bl_label = "Placement"
    names = section("conversion", "placement")


class UNDERSTUDY_PT_swap_settings(_Section, bpy.types.Panel):
    """The other settings of the swap"""

    bl_label = "More"
    names = rest("conversion")


CLASSES = (
    UNDERSTUDY_PT_swap,
    UNDERSTUDY_PT_swap_matte,
    UNDERSTUDY_PT_swap_colour,
    UNDERSTUDY_PT_swap_finish,
    UNDERSTUDY_PT_swap_placement,
    UNDERSTUDY_PT_swap_settings,
)
