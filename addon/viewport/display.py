"""From the scene-linear working space to what a region shows, as Blender's view transform Standard does it.

The shaders end in the sRGB transfer. AgX, Filmic and looks are not applied: Blender's ``gpu`` module gives no way to
them. An image is shown in Standard by the Image Editor too, without exposure and gamma, until View as Render is on.
"""

from __future__ import annotations

import bpy
from mathutils import Matrix

_TO_REC709 = {
    "Linear Rec.2020": ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    "ACEScg": ((1.705051, -0.621792, -0.083259), (-0.130256, 1.140805, -0.010548), (-0.024003, -0.128969, 1.152972)),
}  # fmt: skip
"""Working spaces that Blender 5 knows beside Rec.709, whose white is adapted to D65 (Bradford)."""


def to_display(scene: bpy.types.Scene, image: bpy.types.Image) -> tuple[Matrix, float]:
    """The 4x4 matrix from working space to exposed linear Rec.709, and the gamma on the encoded values."""
    colours = getattr(bpy.data, "colorspace", None)  # since Blender 5.0; before, every working space was Rec.709
    rows = _TO_REC709.get(colours.working_space) if colours else None
    matrix = Matrix(rows).to_4x4() if rows else Matrix.Identity(4)
    if not image.use_view_as_render:
        return matrix, 1.0
    settings = scene.view_settings
    exposure = Matrix.Diagonal((2.0**settings.exposure,) * 3).to_4x4()
    return exposure @ matrix, settings.gamma


def departure(scene: bpy.types.Scene, image: bpy.types.Image) -> str:
    """The view transform that Blender shows this image in and the shaders do not, or an empty string."""
    wanted = scene.view_settings.view_transform
    return wanted if image.use_view_as_render and wanted not in {"Standard", "Raw"} else ""
