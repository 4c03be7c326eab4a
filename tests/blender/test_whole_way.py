"""From the plate to the rendered comp, with the real backend and by operators alone."""

from pathlib import Path

import bpy
import numpy as np
from layered import read, render

HALF = 2.0**-11  # what rounding to a half float may change, relative


def test_a_shot_goes_from_its_plate_to_the_rendered_comp(shot, tmp_path):
    own = shot.understudy
    assert (own.first, own.last, [person.frames for person in own.people]) == (1001, 1004, [4])
    own.plate.frames = "1002-1003"
    assert bpy.ops.understudy.convert() == {"FINISHED"}
    assert bpy.ops.understudy.send_to_compositor() == {"FINISHED"}
    [version] = own.versions
    assert (version.first, version.last) == (1002, 1003)
    swap = next(node for node in _tree(shot).nodes if "Opacity" in node.inputs)
    for frame in (1002, 1003):
        file = Path(bpy.path.abspath(version.pattern) % frame)
        composite, matte = read(file, "RGB"), read(file, ["matte.A"])[..., 0]
        plate = read(Path(own.plate.plate.replace("####", f"{frame}")), "RGB")
        assert 0.02 < (matte > 0).mean() < 0.5, "a face, and much beside it"
        assert (composite[matte == 1] != plate[matte == 1]).any(), "a new face"

        shot.frame_set(frame)
        swap.inputs["Opacity"].default_value = 1.0
        rendered = render(shot, tmp_path / "comp.exr")[..., :3]
        # A composite is a sum of two products: each factor on disk is rounded, and so is the sum.
        scale = np.maximum(np.maximum(np.abs(composite), np.abs(plate)), 2.0**-14)
        print(f"frame {frame}: off by {(np.abs(rendered - composite) / scale).max() / HALF:.2f} half-float roundings")
        assert (np.abs(rendered - composite) <= 3 * HALF * scale).all()
        assert np.array_equal(rendered[matte == 0], plate[matte == 0])

        swap.inputs["Opacity"].default_value = 0.0
        assert np.array_equal(render(shot, tmp_path / "plate.exr")[..., :3], plate)


def _tree(scene):
    return scene.compositing_node_group if bpy.app.version >= (5, 0, 0) else scene.node_tree
