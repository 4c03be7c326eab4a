"""Blender's own gpu module without a window: starts it, draws into a float buffer, reads it back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import bpy
import gpu
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
"""(height, width, 4), the bottom row first, as Blender keeps pictures."""


def start() -> None:
    """In background ``gpu`` is off until something has been rendered with it."""
    scene = bpy.data.scenes.new("start of the gpu")
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x = scene.render.resolution_y = 4
    camera = bpy.data.cameras.new(scene.name)
    scene.camera = bpy.data.objects.new(scene.name, camera)
    bpy.ops.render.render(scene=scene.name)
    bpy.data.objects.remove(scene.camera)
    bpy.data.cameras.remove(camera)
    bpy.data.scenes.remove(scene)


def is_there() -> bool:
    """Whether this machine can draw without a window. Asked in a process of its own: where it cannot, Blender crashes."""
    return subprocess.run([sys.executable, __file__], check=False, capture_output=True, timeout=120).returncode == 0


def image_of(name: str, pixels: Pixels) -> bpy.types.Image:
    """A scene-linear image datablock that holds these pixels."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=True, float_buffer=True)
    image.alpha_mode = "PREMUL"
    image.pixels.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
    image.update()
    return image


def drawn(width: int, height: int, draw: Callable[[], Any], kind: str = "RGBA32F") -> Pixels:
    """What ``draw`` leaves in a black buffer of that size, in whose region pixels it draws as in an editor's region."""
    buffer = gpu.types.GPUOffScreen(width, height, format=kind)
    try:
        with buffer.bind():
            frame = gpu.state.active_framebuffer_get()
            frame.clear(color=(0.0, 0.0, 0.0, 1.0))
            with gpu.matrix.push_pop(), gpu.matrix.push_pop_projection():
                gpu.matrix.load_matrix(Matrix.Identity(4))
                scale = Matrix.Diagonal((2 / width, 2 / height, 1, 1))
                gpu.matrix.load_projection_matrix(Matrix.Translation((-1, -1, 0)) @ scale)
                draw()
            read = frame.read_color(0, 0, width, height, 4, 0, "FLOAT")
    finally:
        buffer.free()
    return np.array(read.to_list(), np.float32).reshape(height, width, 4)


if __name__ == "__main__":
    start()
    gpu.types.GPUOffScreen(4, 4).free()
