"""What the artist sees: one family of panels a file, in this order."""

from __future__ import annotations

import bpy

from .. import pictures
from . import clip_editor, compare, faces, menus, model, new_face, node_editor, plate, result, settings, swap

_FAMILIES = (settings, plate, faces, new_face, model, swap, compare, result, node_editor, clip_editor, menus)


def register() -> None:
    """Register every panel."""
    pictures.register()
    for family in _FAMILIES:
        for cls in family.CLASSES:
            bpy.utils.register_class(cls)
    menus.register()


def unregister() -> None:
    """Take every panel off again."""
    menus.unregister()
    for family in reversed(_FAMILIES):
        for cls in reversed(family.CLASSES):
            bpy.utils.unregister_class(cls)
    pictures.unregister()
