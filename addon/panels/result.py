"""The versions of the converted shot."""

from __future__ import annotations

import bpy

from .jobs import draw_jobs
from .tab import Tab


class UNDERSTUDY_UL_versions(bpy.types.UIList):
    """Versions of the converted shot"""

    def draw_item(self, _context, layout, _data, item, _icon, _active, _property, index):
        """Name, range, and a button that shows it."""
        row = layout.row()
        row.label(text=item.name, icon="RENDERLAYERS")
        row.label(text=f"{item.first}-{item.last}")
        row.operator("understudy.open_result", text="", icon="HIDE_OFF", emboss=False).index = index


class UNDERSTUDY_PT_result(Tab, bpy.types.Panel):
    """The converted shot"""

    bl_label = "Result"
    bl_order = 5

    def body(self, context, layout):
        """Range, convert, versions."""
        own = context.scene.understudy
        layout.prop(own.plate, "frames")
        layout.operator("understudy.convert", text="Convert Range" if own.plate.frames else "Convert Shot")
        draw_jobs(context, layout, "result")
        if own.versions:
            layout.template_list("UNDERSTUDY_UL_versions", "", own, "versions", own, "version_index", rows=2, maxrows=5)
        column = layout.column(align=True)
        column.operator("understudy.open_result", text="Open in Image Editor").index = own.version_index
        column.operator("understudy.send_to_compositor")


CLASSES = (UNDERSTUDY_UL_versions, UNDERSTUDY_PT_result)
