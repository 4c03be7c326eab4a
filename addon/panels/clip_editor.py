"""Roto and tracks for the backend, in the Clip Editor's sidebar."""

from __future__ import annotations

from pathlib import PurePath

import bpy

_MATTES = (("HOLDOUT", "Holdout", "holdout"), ("ROTO", "Matte", "roto"))


class UNDERSTUDY_PT_clip(bpy.types.Panel):
    """Masks and tracks that help the face replacement"""

    bl_label = "Masks and Tracks"
    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_category = "Understudy"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be a clip."""
        return context.space_data.clip is not None

    def draw(self, context: bpy.types.Context) -> None:
        """A button for each matte, with what is used now below it, and one for the track."""
        shot = context.scene.understudy
        for role, label, setting in _MATTES:
            column = self.layout.column(align=True)
            column.operator(
                "understudy.use_active_mask", text=f"Use Active Mask as {label}", icon="MOD_MASK"
            ).role = role
            _used(column, getattr(shot.conversion, setting), role)
        column = self.layout.column(align=True)
        column.operator("understudy.use_active_track", icon="TRACKER")
        if shot.analysis.face.startswith("point:"):
            frame = shot.analysis.face.removeprefix("point:").partition(",")[0]
            column.label(text=f"Face chosen on frame {frame}", icon="CHECKMARK")


def _used(column: bpy.types.UILayout, path: str, role: str) -> None:
    if path:
        row = column.row(align=True)
        row.label(text=PurePath(path).name, icon="CHECKMARK")
        row.operator("understudy.clear_mask", text="", icon="X").role = role


CLASSES = (UNDERSTUDY_PT_clip,)
