"""The heads that the backend exports as USD, imported by Blender."""

import bpy
import handed
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view

FRAMES = {"head0": range(1001, 1013), "head3": (1003, 1004, 1008, 1009, 1010)}


@pytest.fixture
def scene(fresh, tmp_path):
    handed.over(handed.HEADS, tmp_path)
    assert bpy.ops.wm.usd_import(filepath=str(tmp_path / "heads.usdc")) == {"FINISHED"}
    fresh.render.resolution_x, fresh.render.resolution_y = 1920, 1080
    [fresh.camera] = [thing for thing in bpy.data.objects if thing.type == "CAMERA"]
    return fresh


def test_blenders_camera_sees_the_moving_head_where_the_plate_shows_the_face(scene, tmp_path):
    assert (scene.frame_start, scene.frame_end, scene.render.fps) == (1001, 1012, 24)
    for name, frames in FRAMES.items():
        expected = np.load(tmp_path / f"{name}.npz")
        for frame in frames:
            scene.frame_set(frame)
            head = bpy.data.objects[name].evaluated_get(bpy.context.evaluated_depsgraph_get())
            mesh = head.to_mesh()
            assert len(mesh.vertices) == 468 and len(mesh.polygons) == 898
            seen = [world_to_camera_view(scene, scene.camera, head.matrix_world @ v.co) for v in mesh.vertices]
            pixels = np.array([(x * 1920, (1 - y) * 1080) for x, y, _ in seen])
            assert np.abs(pixels - expected[str(frame)]).max() < 0.1, (name, frame)


def test_the_head_is_life_size_and_textured_by_the_aligned_face(scene):
    head = bpy.data.objects["head0"]
    assert [layer.name for layer in head.data.uv_layers] == ["st"]
    assert 0.1 < max(head.dimensions) < 0.4  # metres
    nose = next(loop.index for loop in head.data.loops if loop.vertex_index == 4)
    assert head.data.uv_layers["st"].data[nose].uv.x == pytest.approx(0.5, abs=0.01)
