"""What the artist can do: one subject a file."""

from __future__ import annotations

import bpy

from . import compare, compositor, faces, jobs, masks, model, new_face, plate, result, setup, swap

_SUBJECTS = (plate, faces, new_face, model, swap, compare, result, compositor, masks, jobs, setup)


_register, _unregister = bpy.utils.register_classes_factory([cls for subject in _SUBJECTS for cls in subject.CLASSES])


def register() -> None:
    """Register every operator."""
    _register()


def unregister() -> None:
    """Take every operator off again."""
    faces.forget()
    _unregister()
