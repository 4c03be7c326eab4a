"""The artist's masks and tracks: what is rendered for the backend, and which face a track chooses."""

import bpy
import numpy as np
import pytest
from layered import HEIGHT, WIDTH, channels_of, half, make_frame, read, write_plate

NUMBERS = (1001, 1002, 1003)


@pytest.fixture
def scene(fresh, tmp_path):
    """A plate of frames 1001-1003, inspected; nothing saved yet."""
    shot = fresh.understudy
    shot.plate.plate = str(tmp_path / "pl.####.exr")
    shot.folder = str(tmp_path / "shot")
    shot.width, shot.height, shot.first, shot.last = WIDTH, HEIGHT, 1001, 1003
    return fresh


@pytest.fixture
def clip(scene, tmp_path):
    """The plate in the Clip Editor as Blender opens it: its first file on scene frame 1."""
    write_plate(str(tmp_path / "pl.%04d.exr"), {number: make_frame(number) for number in NUMBERS})
    return bpy.data.movieclips.load(str(tmp_path / "pl.1001.exr"))


def rectangle(name, left, bottom, right, top):
    """A mask of pixels from the bottom left, in a square of the picture's longer side, as Blender keeps points."""
    mask = bpy.data.masks.new(name)
    spline = mask.layers.new(name="layer").splines.new()
    spline.use_cyclic = True
    spline.points.add(3)  # a new spline has one
    rise = (WIDTH - HEIGHT) / 2
    for point, (x, y) in zip(spline.points, [(left, bottom), (right, bottom), (right, top), (left, top)], strict=True):
        point.handle_type = "VECTOR"
        place = x / WIDTH, (y + rise) / WIDTH
        point.co = point.handle_left = point.handle_right = place
    return mask


def use(**given):
    return bpy.ops.understudy.use_active_mask(**given)


def test_a_mask_becomes_one_half_float_matte_for_each_frame_of_the_plate(scene, tmp_path):
    rectangle("roto", 6, 4, 18, 12)
    before = (len(bpy.data.scenes), len(bpy.data.node_groups))
    assert use(mask="roto", role="ROTO") == {"FINISHED"}
    folder = tmp_path / "shot/masks/roto"
    assert scene.understudy.conversion.roto == str(folder / "roto.####.exr:V")
    assert scene.understudy.conversion.holdout == ""
    assert sorted(file.name for file in folder.iterdir()) == [f"roto.{number}.exr" for number in NUMBERS]
    [channel] = channels_of(folder / "roto.1001.exr")
    matte = read(folder / "roto.1001.exr", [channel])[..., 0]
    expected = np.zeros((HEIGHT, WIDTH))
    expected[HEIGHT - 12 : HEIGHT - 4, 6:18] = 1
    inner, outer = expected.copy(), np.zeros_like(expected)
    inner[HEIGHT - 12, :] = inner[HEIGHT - 5, :] = inner[:, 6] = inner[:, 17] = 0
    outer[HEIGHT - 13 : HEIGHT - 3, 5:19] = 1
    assert matte.shape == (HEIGHT, WIDTH)
    assert (matte[inner == 1] == 1).all() and (matte[outer == 0] == 0).all()
    assert matte.sum() == pytest.approx(expected.sum(), rel=0.1)
    assert (len(bpy.data.scenes), len(bpy.data.node_groups)) == before


def test_the_setting_names_the_channel_that_the_matte_has(scene, tmp_path):
    rectangle("hand", 0, 0, 5, 5)
    use(mask="hand", role="HOLDOUT")
    assert scene.understudy.conversion.holdout
    [channel] = channels_of(tmp_path / "shot/masks/hand/hand.1001.exr")
    assert channel == scene.understudy.conversion.holdout.rpartition(":")[2]


def test_a_keyframed_mask_is_rendered_at_the_clips_own_time(scene, clip, tmp_path):
    layer = rectangle("fading", 2, 2, 20, 14).layers[0]
    for scene_frame, alpha in ((1, 1.0), (2, 0.5), (3, 0.25)):
        layer.alpha = alpha
        layer.keyframe_insert("alpha", frame=scene_frame)
    use(mask="fading", clip=clip.name, role="ROTO")
    middle = [read(tmp_path / f"shot/masks/fading/fading.{n}.exr", ["V"])[HEIGHT // 2, WIDTH // 2, 0] for n in NUMBERS]
    np.testing.assert_allclose(middle, [1.0, 0.5, 0.25], atol=1e-3)
    assert layer.alpha == 1.0


def test_a_mask_that_follows_a_track_moves_with_it(scene, clip, tmp_path):
    track = clip.tracking.tracks.new(name="nose", frame=1)
    # A point's parent adds the marker's place, in the square that masks live in, to the point's own.
    level = 0.5 - 0.5 * WIDTH / HEIGHT
    for clip_frame, across in ((1, 0), (2, 4), (3, 12)):
        track.markers.insert_frame(clip_frame, co=(across / WIDTH, level))
    for point in rectangle("moving", 2, 2, 6, 14).layers[0].splines[0].points:
        point.parent.id_type, point.parent.id = "MOVIECLIP", clip
        point.parent.type, point.parent.parent = "POINT_TRACK", clip.tracking.objects[0].name
        point.parent.sub_parent = "nose"
    use(mask="moving", clip=clip.name, role="ROTO")
    for number, across in zip(NUMBERS, (0, 4, 12), strict=True):
        matte = read(tmp_path / f"shot/masks/moving/moving.{number}.exr", ["V"])[..., 0]
        assert (matte * (np.arange(WIDTH) + 0.5)).sum() / matte.sum() == pytest.approx(4 + across, abs=0.3)


def test_clear_does_without_the_matte(scene):
    scene.understudy.conversion.holdout = "x"
    bpy.ops.understudy.clear_mask(role="HOLDOUT")
    assert scene.understudy.conversion.holdout == ""


def test_without_masks_the_button_says_so(scene):
    with pytest.raises(RuntimeError, match="Draw a mask first"):
        use()


def test_without_a_plate_the_button_says_so(fresh):
    rectangle("roto", 0, 0, 5, 5)
    with pytest.raises(RuntimeError, match="Load a plate first"):
        use(mask="roto")


@pytest.mark.parametrize(("start", "offset", "scene_frame"), [(1, 0, 2), (1001, 0, 1002), (1, 1, 1)])
def test_a_tracks_marker_chooses_the_face_at_its_plate_pixel(scene, clip, start, offset, scene_frame):
    clip.frame_start, clip.frame_offset = start, offset
    track = clip.tracking.tracks.new(name="nose", frame=scene_frame - start + 1)
    track.markers.insert_frame(scene_frame - start + 1, co=(0.25, 0.75))
    clip.tracking.tracks.active = track
    scene.frame_set(scene_frame)
    assert bpy.ops.understudy.use_active_track(clip=clip.name) == {"FINISHED"}
    assert scene.understudy.analysis.face == f"point:1002,{WIDTH * 0.25:.1f},{HEIGHT * 0.25:.1f}"


def test_a_track_without_a_marker_here_is_one_sentence(scene, clip):
    clip.tracking.tracks.active = clip.tracking.tracks.new(name="nose", frame=1)
    scene.frame_set(3)
    with pytest.raises(RuntimeError, match="nose has no marker on this frame"):
        bpy.ops.understudy.use_active_track(clip=clip.name)


def test_a_clip_of_another_shape_is_refused(scene, clip):
    scene.understudy.width = 2 * WIDTH
    rectangle("roto", 0, 0, 5, 5)
    with pytest.raises(RuntimeError, match="Open the plate itself"):
        use(mask="roto", clip=clip.name)


def test_the_matte_is_what_half_floats_hold(scene, tmp_path):
    rectangle("soft", 3.3, 2.2, 9.7, 9.1)
    use(mask="soft")
    matte = read(tmp_path / "shot/masks/soft/soft.1002.exr", ["V"])[..., 0]
    assert np.array_equal(matte, half(matte))
    assert ((matte > 0) & (matte < 1)).any()
