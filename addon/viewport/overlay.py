"""Draws over every Image Editor what its scene asks for; :mod:`.painting` does the drawing.

What to draw is in the scene's shot, but for the faces, which the operators' side hands over by scene name.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import bpy
from bpy.app.handlers import persistent

from .. import editor
from . import painting, state

_log = logging.getLogger(__name__)

_handler: Any = None
_problem = ""


def register() -> None:
    """Begin to draw over every Image Editor."""
    global _handler  # noqa: PLW0603
    if _handler is None:
        _handler = bpy.types.SpaceImageEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL")
        bpy.app.handlers.load_pre.append(_new_file)


def unregister() -> None:
    """Stop drawing, and forget programs, faces and problems."""
    global _handler, _problem  # noqa: PLW0603
    if _handler is not None:
        bpy.types.SpaceImageEditor.draw_handler_remove(_handler, "WINDOW")
        bpy.app.handlers.load_pre.remove(_new_file)
        _handler = None
    _problem = ""
    painting.clear()
    state.forget()


def set_faces(scene: str, faces: Sequence[state.Face]) -> None:
    """Draw these faces over the frames they name, in place of all earlier ones; see :data:`.state.Face`."""
    state.view_of(scene).take_faces(faces)
    editor.redraw()


def problem() -> str:
    """Why the last redraw failed, one sentence for a panel; empty when it did not."""
    return _problem


def _draw() -> None:
    """The draw handler."""
    global _problem  # noqa: PLW0603
    context = bpy.context
    scene, image, region = context.scene, context.space_data.image, context.region
    if image is None or not hasattr(scene, "understudy"):
        return
    try:
        painting.paint(scene, image, _corners(region))
        found = ""
    except Exception as error:  # Blender would print a traceback at each redraw
        found = str(error)
        if found != _problem:
            _log.warning("The overlay of the Image Editor was not drawn: %s", found, exc_info=error)
    if found != _problem:
        _problem = found
        context.area.tag_redraw()  # the panel that shows it


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
