"""The people of the plate."""

from __future__ import annotations

import bpy

from ..images.icons import icons
from .jobs import draw_jobs
from .settings import draw_group, front, rest
from .tab import Tab


class UNDERSTUDY_UL_people(bpy.types.UIList):
    """People found in the plate"""

    def draw_item(self, _context, layout, data, item, _icon, _active, _property, _index):
        """Whether the face is replaced, picture, name, frame count, and the weakest frame as a button that jumps there."""
        row = layout.row(align=True)
        # Several at once: one person, whose track is broken.
        meant = data.analysis.face in ("one", f"track:{item.track}")
        row.label(text="", icon="RADIOBUT_ON" if meant else "RADIOBUT_OFF")
        picture = icons.of(bpy.path.abspath(item.picture))
        row.label(text="", icon_value=picture) if picture else row.label(text="", icon="USER")
        row.prop(item, "name", text="", emboss=False)
        row.label(text=f"{item.frames} frames" if item.frames != 1 else "1 frame")
        row.operator("understudy.show_frame", text=str(item.weakest)).frame = item.weakest


class UNDERSTUDY_PT_faces(Tab, bpy.types.Panel):
    """Who is in the plate"""

    bl_label = "Faces"
    bl_order = 1

    def body(self, context, layout):
        """Find, list, choose."""
        own = context.scene.understudy
        layout.operator("understudy.find_faces", icon="VIEWZOOM")
        layout.operator("understudy.find_faces_frame")
        draw_jobs(context, layout, "faces")
        if own.people:
            layout.template_list("UNDERSTUDY_UL_people", "", own, "people", own, "person_index", rows=2, maxrows=5)
            if 0 <= own.person_index < len(own.people):
                _draw_person(layout, own.people[own.person_index])
            else:  # by a point, from the Clip Editor, or by what a script says
                layout.label(text=f"Face: {own.analysis.face}")
        layout.prop(own, "overlay_faces")


class UNDERSTUDY_PT_detection(Tab, bpy.types.Panel):
    """How faces are found"""

    bl_label = "Detection"
    bl_parent_id = "UNDERSTUDY_PT_faces"
    bl_options = {"DEFAULT_CLOSED"}

    def body(self, context, layout):
        """The analysis settings."""
        draw_group(layout, context.scene.understudy.analysis, "analysis", (*front("analysis"), *rest("analysis")))


def _draw_person(layout, person) -> None:
    """A larger picture beside the facts."""
    split = layout.split(factor=0.35)
    picture = icons.of(bpy.path.abspath(person.picture))
    if picture:
        split.template_icon(picture, scale=4)
    else:
        split.label(text="", icon="USER")
    column = split.column(align=True)
    column.label(text=f"Frames {person.first}-{person.last}")
    column.label(text=f"Confidence {person.confidence:.0%}")
    weakest = f"Weakest: {person.weakest} ({person.weakest_confidence:.0%})"
    column.operator("understudy.show_frame", text=weakest).frame = person.weakest


CLASSES = (UNDERSTUDY_UL_people, UNDERSTUDY_PT_faces, UNDERSTUDY_PT_detection)
