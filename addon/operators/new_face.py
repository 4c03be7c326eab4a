"""The new face: find it in its own footage."""

from __future__ import annotations

import bpy

from ..jobs.session import session
from ..jobs.task import Task
from ..scene import requests
from .base import BackendOperator, can
from .faces import extract_missing


class UNDERSTUDY_OT_find_source_faces(BackendOperator, bpy.types.Operator):
    """Find every face in the footage of the new face, of which the swap is made"""

    bl_idname = "understudy.find_source_faces"
    bl_label = "Find Faces in New Face"
    bl_options = {"REGISTER"}
    family = "source"

    @classmethod
    def poll(cls, context):
        """There must be footage that nobody is looking through yet."""
        busy = "Faces are being found" if session.is_busy(context.scene, "source", "extract") else ""
        return can(cls, requests.lacks_footage(context.scene) or busy)

    def asks(self, context) -> Task | None:
        """Extract the footage, unless that is done already."""
        return extract_missing(context.scene, self.family, source=requests.source_extraction(context.scene))


CLASSES = (UNDERSTUDY_OT_find_source_faces,)
