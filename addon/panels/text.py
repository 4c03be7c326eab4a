"""Sentences over several lines: Blender's labels have one."""

from __future__ import annotations

import textwrap

import bpy


def draw_text(
    context: bpy.types.Context, layout: bpy.types.UILayout, text: str, icon: str = "NONE", indent: int = 0
) -> None:
    """Draw a sentence over as many lines as the region's width asks for."""
    width = context.region.width / context.preferences.system.ui_scale if context.region else 300
    column = layout.column(align=True)
    column.scale_y = 0.8
    for number, line in enumerate(textwrap.wrap(text, max(20, int(width / 7) - 6 - indent))):
        column.label(text=line, icon=icon if number == 0 else "BLANK1" if icon != "NONE" else "NONE")
