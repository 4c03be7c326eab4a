"""What the artist sees: one family of panels a file, in this order."""

from __future__ import annotations

import bpy

from ..images import icons
from . import clip_editor, compare, faces, menus, model, new_face, node_editor, plate, result, settings, swap

_FAMILIES = (settings, plate, faces, new_face, model, swap, compare, result, node_editor, clip_editor, menus)


_register, _unregister = bpy.utils.register_classes_factory([cls for family in _FAMILIES for cls in family.CLASSES])


def register() -> None:
    """Register every panel."""
    icons.register()
    _register()
    menus.register()


def unregister() -> None:
    """Take every panel off again."""
    menus.unregister()
    _unregister()
    icons.unregister()
