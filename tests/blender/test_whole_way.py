"""From the plate to the rendered comp, with the real backend and by operators alone."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from layered import read, render

HALF = 2.0**-11  # what rounding to a half float may change, relative


@pytest.mark.parametrize("renderer", ["footage", "network"])
def test_a_shot_goes_from_its_plate_to_the_rendered_comp(shot, tmp_path, renderer):
    own = shot.understudy
    own.renderer = renderer
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


def test_a_mask_and_a_fade_made_in_blender_are_converted(shot):
    own = shot.understudy
    own.plate.frames = "1001-1003x2"
    free = _converted_mattes(own)
    mask = bpy.data.masks.new("hand")
    spline = mask.layers.new(name="layer").splines.new()
    spline.use_cyclic = True
    spline.points.add(3)
    for point, place in zip(spline.points, [(0, 0), (0.5, 0), (0.5, 1), (0, 1)], strict=True):  # the left half
        point.handle_type = "VECTOR"
        point.co = point.handle_left = point.handle_right = place
    assert bpy.ops.understudy.use_active_mask(mask="hand", role="HOLDOUT") == {"FINISHED"}
    for frame, opacity in ((1001, 0.0), (1004, 1.0)):
        own.conversion.opacity = opacity
        assert own.conversion.keyframe_insert("opacity", frame=frame)
    for curve in _curves(shot):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    unseen, faded = _converted_mattes(own)
    assert unseen.max() == 0 < free[0].max()
    middle = faded.shape[1] // 2
    left, right = slice(middle - 2), slice(middle + 2, None)
    assert free[1][:, left].max() > 0.5 and faded[:, left].max() == 0
    assert faded[:, right] == pytest.approx(2 / 3 * free[1][:, right], rel=2 * HALF, abs=2.0**-14)


def _curves(scene):
    data = scene.animation_data
    return data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves


def _converted_mattes(own):
    """The mattes of frames 1001 and 1003 in a new version."""
    assert bpy.ops.understudy.convert() == {"FINISHED"}
    files = [Path(bpy.path.abspath(own.versions[-1].pattern) % frame) for frame in (1001, 1003)]
    return [read(file, ["matte.A"])[..., 0] for file in files]


def _tree(scene):
    return scene.compositing_node_group if bpy.app.version >= (5, 0, 0) else scene.node_tree
