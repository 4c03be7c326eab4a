"""The plate: what it is, and what is wrong with it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import bpy

from .. import preferences
from ..scene import requests
from .jobs import draw_jobs
from .settings import draw_group, front, rest
from .tab import Tab
from .text import draw_text


class UNDERSTUDY_PT_plate(Tab, bpy.types.Panel):
    """The shot's plate"""

    bl_label = "Plate"
    bl_order = 0

    def body(self, context, layout):
        """The files, the facts, the gaps."""
        own = context.scene.understudy
        if problem := preferences.backend_problem():
            draw_text(context, layout, f"{problem}.", icon="INFO")
            layout.operator("screen.userpref_show", text="Open Preferences…").section = "ADDONS"
        row = layout.row(align=True)
        if own.plate.plate:
            # The path itself is below, for typing: its own file browser would name a frame and not the sequence.
            row.label(text=Path(own.plate.plate).name, icon="IMAGE_DATA")
            row.operator("understudy.inspect_plate", text="", icon="FILE_REFRESH")
            row.operator("understudy.load_plate", text="", icon="FILE_FOLDER")
        else:
            row.operator("understudy.load_plate", text="Load Plate…", icon="FILE_FOLDER")
        if facts := requests.facts(context.scene):
            column = layout.column(align=True)
            column.label(text=facts[0])
            column.label(text=facts[1])
            column.label(text=own.colour, icon="COLOR")
        if own.gaps:
            draw_text(context, layout, f"Frames {own.gaps} are missing.", icon="ERROR")
        draw_jobs(context, layout, "plate")


class UNDERSTUDY_PT_plate_settings(Tab, bpy.types.Panel):
    """How the plate is read, and where the shot's files go"""

    bl_label = "Reading"
    bl_parent_id = "UNDERSTUDY_PT_plate"
    bl_options = {"DEFAULT_CLOSED"}

    def body(self, context, layout):
        """Path, color space, gaps, folder."""
        layout.prop(context.scene.understudy.plate, "plate")
        # The range is asked for where it counts, at the result.
        names = [name for name in (*front("plate"), *rest("plate")) if name != "frames"]
        draw_group(layout, context.scene.understudy.plate, "plate", names)
        layout.prop(context.scene.understudy, "folder")
        with contextlib.suppress(requests.ShotError):
            draw_text(context, layout, f"Everything goes to {requests.folder(context.scene)}")


CLASSES = (UNDERSTUDY_PT_plate, UNDERSTUDY_PT_plate_settings)
