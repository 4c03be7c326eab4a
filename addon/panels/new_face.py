"""The new face: the footage that it is made of."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..images.icons import icons
from ..scene import paths, requests
from .jobs import draw_jobs
from .tab import Tab
from .text import draw_text


class UNDERSTUDY_PT_new_face(Tab, bpy.types.Panel):
    """Whose the new face is, and what makes it"""

    bl_label = "New Face"
    bl_order = 2

    def body(self, context, layout):
        """Footage, its faces, and what makes the new one of them."""
        scene = context.scene
        layout.prop(scene.understudy, "source_footage")
        layout.operator("understudy.find_source_faces", text="Find Faces", icon="VIEWZOOM")
        draw_jobs(context, layout, "source")
        if not requests.lacks_footage(scene):
            _draw_faces(layout, requests.source_extraction(scene))
        layout.prop(scene.understudy, "renderer")
        column = layout.column()
        column.active = requests.renderer(scene) == "footage"
        for name in requests.REFERENCES:
            column.prop(scene.understudy, name)
        if scene.understudy.preview_references:
            draw_text(context, column, f"Previewed with frames {scene.understudy.preview_references}.", icon="INFO")


def _draw_faces(layout, extraction) -> None:
    """The faces that were found, in one picture, and a button that shows it in the editor."""
    if requests.is_found(extraction) and (icon := icons.of(str(Path(extraction["out"]) / paths.SHEET))):
        layout.template_icon(icon, scale=6)
        layout.operator("understudy.show_preview", text="Show Faces").what = "SOURCE"


CLASSES = (UNDERSTUDY_PT_new_face,)
