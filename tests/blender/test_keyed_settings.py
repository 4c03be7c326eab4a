"""Settings that are keyed or driven in Blender, against what Blender itself shows on each frame."""

import json

import bpy
import numpy as np
import pytest

FIRST, LAST = 1001, 1048
FRAMES = np.arange(FIRST, LAST + 1)


@pytest.fixture
def scene(extension, fresh):
    own = fresh.understudy
    own.width, own.first, own.last = 1920, FIRST, LAST
    own.plate.plate = "/p/sh010.####.exr"
    return fresh


@pytest.fixture
def document(extension, scene):
    """What a job is told of one setting."""
    from bl_ext.user_default.understudy.addon.scene import requests as shot

    def told(name, frames=None):
        return json.loads(json.dumps(shot.conversion(scene, frames or shot.plate_frames(scene))))[name]

    return told


def key(scene, name, values, interpolation="BEZIER"):
    """Key a setting, and return its curve."""
    held = scene.understudy.conversion
    for frame, value in values.items():
        setattr(held, name, value)
        assert held.keyframe_insert(name, frame=frame)
    data = scene.animation_data
    curve = data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves.find(f"understudy.conversion.{name}")
    for point in curve.keyframe_points:
        point.interpolation = interpolation
    return curve


def backend(told):
    """The value on each frame of the plate, as the backend reads keys."""
    if not isinstance(told, dict):
        return np.full(len(FRAMES), told)
    assert set(told) == {"keys", "interpolation"} and told["interpolation"] == "linear"
    keys = {int(frame): value for frame, value in told["keys"].items()}
    assert min(keys) >= FIRST and max(keys) <= LAST, "the backend refuses keys outside the plate"
    return np.interp(FRAMES, sorted(keys), [keys[frame] for frame in sorted(keys)])


def blender(scene, name):
    """The value on each frame, as Blender shows it."""
    values = []
    for frame in FRAMES:
        scene.frame_set(int(frame))
        values.append(getattr(scene.understudy.conversion, name))
    return np.array(values)


@pytest.mark.parametrize("interpolation", ["LINEAR", "CONSTANT", "BEZIER", "BOUNCE"])
def test_the_backend_gets_blenders_value_on_every_frame(scene, document, interpolation):
    key(scene, "face_x", {1005: -20.0, 1017: 300.25, 1030: 299.0, 1040: -7.5}, interpolation)
    seen = blender(scene, "face_x")
    assert np.ptp(seen) > 300
    np.testing.assert_allclose(backend(document("face_x")), seen, rtol=0, atol=1e-3)


def test_straight_keys_stay_the_keys_that_were_set(scene, document):
    key(scene, "opacity", {1005: 0.25, 1017: 1.0}, "LINEAR")
    assert document("opacity") == {"keys": {"1005": 0.25, "1017": 1.0}, "interpolation": "linear"}


def test_a_curve_that_swings_beyond_the_range_is_held_to_it_as_blender_does(scene, document):
    curve = key(scene, "opacity", {1001: 1.0, 1024: 0.0, 1048: 0.5})
    for point in curve.keyframe_points:
        point.handle_left_type = point.handle_right_type = "FREE"
        point.handle_right[1] = point.co[1] + 0.6
    assert max(curve.evaluate(int(frame)) for frame in FRAMES) > 1
    told = backend(document("opacity"))
    assert told.max() <= 1
    np.testing.assert_allclose(told, blender(scene, "opacity"), rtol=0, atol=3e-6)


def test_keys_before_and_after_the_plate_count_on_it_alone(scene, document):
    key(scene, "erode", {990: 0.0, 1060: 70.0}, "LINEAR")
    told = document("erode")
    assert told["keys"] == pytest.approx({"1001": 11.0, "1048": 58.0}, rel=1e-6)
    np.testing.assert_allclose(backend(told), blender(scene, "erode"), rtol=1e-6)


def test_a_modifier_of_the_curve_counts(scene, document):
    curve = key(scene, "grain", {1001: 0.0, 1009: 2.0})
    curve.modifiers.new("CYCLES")
    seen = blender(scene, "grain")
    assert seen[-1] > 0.5
    np.testing.assert_allclose(backend(document("grain")), seen, rtol=0, atol=6e-6)


def test_a_driver_counts_and_the_scene_comes_back_to_its_frame(scene, document):
    driver = scene.understudy.conversion.driver_add("defocus").driver
    driver.expression = "(frame - 1001) ** 2 / 100"
    key(scene, "opacity", {1001: 0.0, 1048: 1.0}, "LINEAR")
    scene.frame_set(1020)
    told = backend(document("defocus"))
    assert scene.frame_current == 1020
    assert scene.understudy.conversion.opacity == pytest.approx(19 / 47)
    np.testing.assert_allclose(told, (FRAMES - 1001) ** 2 / 100, rtol=1e-5, atol=3e-5)


def test_a_strip_of_the_nonlinear_animation_counts(scene, document):
    key(scene, "relight", {1001: 0.0, 1010: 1.0})
    data = scene.animation_data
    action = data.action
    data.nla_tracks.new().strips.new("Relight", 1020, action)
    data.action = None
    seen = blender(scene, "relight")
    assert seen[19] == 0 and seen[-1] == 1
    np.testing.assert_allclose(backend(document("relight")), seen, rtol=0, atol=3e-6)


def test_remapped_time_counts(scene, document):
    key(scene, "face_y", {501: -100.0, 524: 100.0}, "LINEAR")
    scene.render.frame_map_old, scene.render.frame_map_new = 100, 200
    np.testing.assert_allclose(backend(document("face_y")), blender(scene, "face_y"), rtol=0, atol=1e-3)


def test_a_curve_that_is_muted_leaves_the_value_that_is_set(scene, document):
    curve = key(scene, "opacity", {1001: 0.0, 1048: 1.0})
    curve.mute = True
    scene.understudy.conversion.opacity = 0.3
    assert document("opacity") == 0.3


def test_what_has_no_keys_and_what_never_changes_is_a_number(scene, document):
    key(scene, "grain", {1001: 0.5, 1048: 0.5})
    scene.understudy.conversion.feather = 0.1
    assert (document("grain"), document("feather"), document("erode")) == (0.5, 0.1, 0.0)


def test_a_frame_alone_has_its_number_whatever_was_tried_without_a_key(scene, document):
    key(scene, "opacity", {1001: 0.0, 1048: 1.0}, "LINEAR")
    scene.frame_set(1010)
    scene.understudy.conversion.opacity = 0.9
    assert document("opacity", range(1010, 1011)) == pytest.approx(9 / 47, rel=1e-6)
    assert backend(document("opacity"))[9] == pytest.approx(9 / 47, rel=1e-6)


def test_scenes_that_share_an_action_keep_their_own_keys(scene, document):
    key(scene, "opacity", {1001: 0.0, 1048: 0.5}, "LINEAR")
    action = scene.animation_data.action
    other = bpy.data.scenes.new("Other")
    data = other.animation_data_create()
    data.action = action
    data.action_slot = action.slots.new("SCENE", "Other")
    key(other, "opacity", {1001: 1.0, 1048: 0.75}, "LINEAR")
    assert document("opacity")["keys"] == {"1001": 0.0, "1048": 0.5}


def test_keys_come_back_from_a_file(scene, document, tmp_path):
    key(scene, "opacity", {1001: 0.0, 1048: 1.0}, "LINEAR")
    file = str(tmp_path / "keyed.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=file)
    from bl_ext.user_default.understudy.addon.scene import requests as shot

    told = shot.conversion(bpy.context.scene, shot.plate_frames(bpy.context.scene))["opacity"]
    assert told["keys"] == {"1001": 0.0, "1048": 1.0}
