"""Draws over every Image Editor what its scene asks for; :mod:`.painting` does the drawing.

What to draw is in the scene's shot, but for the faces, which the operators' side hands over by scene name.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..images import editor
from . import painting, state

_log = logging.getLogger(__name__)


class Overlay:
    """The drawing over Image Editors. There is one, :data:`overlay`."""

    def __init__(self) -> None:
        self.problem = ""
        """Why the last redraw failed, one sentence for a panel; empty when it did not."""
        self._handler: Any = None

    def start(self) -> None:
        """Begin to draw over every Image Editor."""
        if self._handler is None:
            self._handler = bpy.types.SpaceImageEditor.draw_handler_add(self.draw, (), "WINDOW", "POST_PIXEL")
            bpy.app.handlers.load_pre.append(_new_file)

    def stop(self) -> None:
        """Stop drawing, and forget programs, faces and problems."""
        if self._handler is not None:
            bpy.types.SpaceImageEditor.draw_handler_remove(self._handler, "WINDOW")
            bpy.app.handlers.load_pre.remove(_new_file)
            self._handler = None
        self.problem = ""
        painting.clear()
        state.forget()

    def draw(self) -> None:
        """The draw handler."""
        context = bpy.context
        scene, image, region = context.scene, context.space_data.image, context.region
        if image is None or not hasattr(scene, "understudy"):
            return
        try:
            painting.paint(scene, image, _corners(region))
            found = ""
        except Exception as error:  # Blender would print a traceback at each redraw
            found = str(error)
            if found != self.problem:
                _log.warning("The overlay of the Image Editor was not drawn: %s", found, exc_info=error)
        if found != self.problem:
            self.problem = found
            context.area.tag_redraw()  # the panel that shows it


overlay = Overlay()
"""The one of this Blender."""


def set_faces(scene: str, faces: Sequence[state.Face]) -> None:
    """Draw these faces over the frames they name, in place of all earlier ones; see :data:`.state.Face`."""
    state.view_of(scene).take_faces(faces)
    editor.redraw()


def _corners(region: bpy.types.Region) -> painting.Corners:
    """Where the view's square from 0 to 1, which the picture fills, lies.

    ``view_to_region`` would round; ``region_to_view`` does not, and counts from the middle of a pixel.
    """
    left, foot = region.view2d.region_to_view(-0.5, -0.5)
    right, top = region.view2d.region_to_view(region.width - 0.5, region.height - 0.5)
    across, up = region.width / (right - left), region.height / (top - foot)
    return -left * across, -foot * up, (1.0 - left) * across, (1.0 - foot) * up


@persistent
def _new_file(*_: Any) -> None:
    """Another file's scenes may have the same names."""
    state.forget()


register, unregister = overlay.start, overlay.stop
