"""What the artist can do: one subject a file."""

from __future__ import annotations

import bpy

from . import compare, compositor, faces, jobs, masks, model, new_face, plate, result, setup, swap

_SUBJECTS = (plate, faces, new_face, model, swap, compare, result, compositor, masks, jobs, setup)


def register() -> None:
    """Register every operator."""
    for subject in _SUBJECTS:
        for cls in subject.CLASSES:
            bpy.utils.register_class(cls)


def unregister() -> None:
    """Take every operator off again."""
    faces.forget()
    for subject in reversed(_SUBJECTS):
        for cls in reversed(subject.CLASSES):
            bpy.utils.unregister_class(cls)
