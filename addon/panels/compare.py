"""Looking at the preview beside the plate."""

from __future__ import annotations

import bpy

from ..operators.compare import lacks_preview
from ..viewport.overlay import overlay
from .tab import Tab
from .text import draw_text


class UNDERSTUDY_PT_compare(Tab, bpy.types.Panel):
    """The previewed frame against the plate"""

    bl_label = "Compare"
    bl_order = 4

    def body(self, context, layout):
        """The ways to compare, and what each of them needs."""
        own = context.scene.understudy
        grid = layout.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
        for mode in ("OFF", "WIPE", "DIFFERENCE", "MATTE"):
            grid.operator("understudy.compare", text=mode.title(), depress=own.compare == mode).mode = mode
        if own.compare == "WIPE":
            layout.prop(own, "wipe", slider=True)
        elif own.compare == "DIFFERENCE":
            layout.prop(own, "difference_gain", text="Gain", slider=True)
        if not lacks_preview(context.scene):
            row = layout.row(align=True)
            row.label(text=f"Frame {own.preview_frame}")
            row.operator_menu_enum("understudy.show_preview", "what", text="Show")
            column = layout.column(align=True)
            for index, channel in enumerate("RGB"):
                column.prop(own, "gain", index=index, text=f"Color Gain {channel}" if not index else channel)
        if problem := overlay.problem:
            draw_text(context, layout, problem, icon="ERROR")


CLASSES = (UNDERSTUDY_PT_compare,)
