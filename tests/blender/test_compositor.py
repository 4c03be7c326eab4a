"""Send to Compositor: what the built nodes render, against what the frames were made of, and what they leave alone."""

import subprocess
import sys
import textwrap

import bpy
import layered
import numpy as np
import pytest
from layered import HEIGHT, WIDTH, channels_of, half, make_frame, read, render, write_plate, write_result

FRAMES = (1001, 1002, 1003)
HALF = 2.0**-11  # what rounding to a half float may change, relative
AP1_TO_REC709 = np.array(  # Bradford-adapted, from the primaries
    [[1.70505, -0.62179, -0.08326], [-0.13026, 1.14080, -0.01055], [-0.02400, -0.12897, 1.15297]]
)


class Shot:
    """A converted sequence on disk and its content."""

    def __init__(self, folder, space=layered.REC709, change=lambda frame: frame):
        self.result, self.plate, self.space = str(folder / "v001/sh.%04d.exr"), str(folder / "pl.%04d.exr"), space
        self.frames = {number: change(make_frame(number)) for number in FRAMES}
        write_result(self.result, self.frames, space, plate="pl.%04d.exr")
        write_plate(self.plate, self.frames, space)


@pytest.fixture
def comp(extension):
    return extension.addon.compositor.build


@pytest.fixture
def made(tmp_path):
    return Shot(tmp_path)


@pytest.fixture
def sized(fresh):
    fresh.render.resolution_x, fresh.render.resolution_y, fresh.render.resolution_percentage = WIDTH, HEIGHT, 100
    return fresh


def build(comp, scene, made, **given):
    settings = {"plate": made.plate, "first": 1001, "last": 1003, "colour_space": made.space[0]} | given
    tree = comp.build(scene, pattern=made.result, width=WIDTH, height=HEIGHT, **settings)
    return tree, comp.swaps(tree)[-1]


def send(scene, made, **given):
    """The operator, on a version as ``convert`` notes it."""
    shot = scene.understudy
    shot.plate.plate = made.plate
    if not shot.versions:
        version = shot.versions.add()
        version.name, version.pattern, version.first, version.last = "v001", made.result, 1001, 1003
        shot.version_index = 0
    return bpy.ops.understudy.send_to_compositor("EXEC_DEFAULT", True, **given)


def over(frame, matte, gain=1.0):
    """The new face over the plate, from its definition."""
    matte = matte[..., None]
    return frame.plate * (1 - matte) + gain * frame.swap * matte


def assert_near(pixels, expected, rounding=3 * HALF):
    """Equal to some roundings of half floats, relative to the size of what was added up."""
    np.testing.assert_array_less(np.abs(pixels - expected), rounding * (np.abs(expected) + 2.0))


def where(frame):
    return frame.matte > 0


@pytest.mark.parametrize("number", FRAMES)
@pytest.mark.parametrize("own_plate", [True, False])
def test_a_scene_frame_renders_the_composite_of_the_file_with_its_number(
    comp, sized, made, tmp_path, number, own_plate
):
    build(comp, sized, made, plate=made.plate if own_plate else None)
    sized.frame_set(number)
    pixels = render(sized, tmp_path / "out.exr")
    frame = made.frames[number]
    assert_near(pixels[..., :3], frame.composite)
    assert np.array_equal(pixels[~where(frame)][:, :3], frame.plate[~where(frame)])
    assert np.array_equal(pixels[..., 3], frame.alpha)


def test_without_opacity_the_plate_is_rendered_bit_for_bit(comp, sized, made, tmp_path):
    _, swap = build(comp, sized, made)
    swap.inputs["Opacity"].default_value = 0.0
    sized.frame_set(1002)
    assert np.array_equal(render(sized, tmp_path / "out.exr")[..., :3], made.frames[1002].plate)


def test_a_plate_taken_back_out_of_the_result_is_the_plate_to_half_float_rounding(comp, sized, made, tmp_path):
    _, swap = build(comp, sized, made, plate=None)
    swap.inputs["Opacity"].default_value = 0.0
    sized.frame_set(1002)
    pixels, frame = render(sized, tmp_path / "out.exr")[..., :3], made.frames[1002]
    assert_near(pixels, frame.plate)
    assert np.array_equal(pixels[~where(frame)], frame.plate[~where(frame)])


def test_half_the_opacity_is_half_of_the_swap(comp, sized, made, tmp_path):
    _, swap = build(comp, sized, made)
    swap.inputs["Opacity"].default_value = 0.5
    sized.frame_set(1001)
    frame = made.frames[1001]
    assert_near(render(sized, tmp_path / "out.exr")[..., :3], over(frame, frame.matte * 0.5))


def test_another_colour_space_is_converted_by_the_name_that_this_version_has_for_it(comp, sized, tmp_path):
    made = Shot(tmp_path, layered.ACESCG)
    tree, _ = build(comp, sized, made)
    assert {node.image.colorspace_settings.name for node in tree.nodes if node.type == "IMAGE"} == {"ACEScg"}
    sized.frame_set(1001)
    converted = render(sized, tmp_path / "out.exr")[..., :3]
    np.testing.assert_allclose(converted, made.frames[1001].composite @ AP1_TO_REC709.T, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("name", "blender"),
    [
        ("lin_rec709_scene", "Linear Rec.709"),
        ("Linear Rec.709 (sRGB)", "Linear Rec.709"),
        ("linear rec.709", "Linear Rec.709"),
        ("lin_ap1_scene", "ACEScg"),
        ("ACES - ACES2065-1", "ACES2065-1"),
        ("Linear P3-D65", "Linear DCI-P3 D65"),
        ("ARRI LogC3 (EI800)", None),
    ],
)
def test_names_of_colour_spaces_are_found_in_blenders_configuration(extension, name, blender):
    assert extension.addon.compat.image_colour_space(name) == blender


def test_infinities_and_nan_outside_the_matte_stay_and_under_a_full_matte_go(comp, sized, tmp_path):
    def spoil(frame):
        frame.plate[0, 0], frame.plate[0, 1] = np.inf, np.nan
        frame.plate[HEIGHT // 2, WIDTH // 2] = np.inf
        return frame

    made = Shot(tmp_path, change=spoil)
    frame = made.frames[1001]
    assert frame.matte[HEIGHT // 2, WIDTH // 2] == 1
    build(comp, sized, made)
    sized.frame_set(1001)
    pixels = render(sized, tmp_path / "out.exr")[..., :3]
    assert np.isposinf(pixels[0, 0]).all() and np.isnan(pixels[0, 1]).all()
    np.testing.assert_allclose(pixels[HEIGHT // 2, WIDTH // 2], frame.swap[HEIGHT // 2, WIDTH // 2], rtol=2 * HALF)
    assert np.isfinite(pixels).sum() == pixels.size - 6


def test_gain_multiplies_the_new_face_alone(comp, sized, made, tmp_path):
    _, swap = build(comp, sized, made)
    swap.inputs["Color Gain"].default_value = (2.0, 1.0, 0.25, 1.0)
    sized.frame_set(1001)
    frame = made.frames[1001]
    pixels = render(sized, tmp_path / "out.exr")[..., :3]
    assert_near(pixels, over(frame, frame.matte, np.array([2.0, 1.0, 0.25])))


def test_an_own_matte_takes_the_place_of_the_swaps_within_its_reach_and_behind_what_is_in_front(
    comp, sized, made, tmp_path
):
    _, swap = build(comp, sized, made)
    swap.inputs["Use Own Matte"].default_value = True
    swap.inputs["Own Matte"].default_value = 0.75
    sized.frame_set(1001)
    frame = made.frames[1001]
    matte = np.minimum(0.75 * (1 - frame.occlusion), 256 * frame.matte)
    assert (matte[where(frame)] == 0.75).any() and (matte[~where(frame)] == 0).all()
    # Where the swap's own matte is thin, its half floats know the colour less well.
    assert_near(render(sized, tmp_path / "out.exr")[..., :3], over(frame, matte), rounding=5 * HALF)


@pytest.mark.parametrize("pixels", [1, 2])
def test_erode_shrinks_the_matte_by_pixels(comp, sized, made, tmp_path, pixels):
    tree, swap = build(comp, sized, made)
    swap.inputs["Erode"].default_value = pixels
    tree.links.new(swap.outputs["Matte"], _output(tree))
    sized.frame_set(1001)
    matte = made.frames[1001].matte
    padded = np.pad(matte, pixels, constant_values=1.0)
    side = 2 * pixels + 1
    eroded = np.lib.stride_tricks.sliding_window_view(padded, (side, side)).min((2, 3))
    np.testing.assert_allclose(render(sized, tmp_path / "out.exr")[..., 0], eroded, atol=1e-6)


def test_feather_softens_the_edge_and_stays_within_the_new_face(comp, sized, made, tmp_path):
    tree, swap = build(comp, sized, made)
    tree.links.new(swap.outputs["Matte"], _output(tree))
    sized.frame_set(1001)
    sharp = render(sized, tmp_path / "sharp.exr")[..., 0]
    swap.inputs["Feather"].default_value = 4.0
    soft = render(sized, tmp_path / "soft.exr")[..., 0]
    np.testing.assert_allclose(sharp, made.frames[1001].matte, atol=1e-6)
    assert np.abs(np.diff(soft, axis=1)).max() < 0.8 * np.abs(np.diff(sharp, axis=1)).max()
    assert (soft[sharp == 0] == 0).all()


def test_sending_again_brings_the_same_nodes_up_to_date_and_keeps_what_the_artist_set(comp, sized, made):
    tree, swap = build(comp, sized, made, last=1002)
    swap.inputs["Opacity"].default_value = 0.5
    swap.parent.location = 700, 300
    names = sorted(node.name for node in tree.nodes)
    groups, images = len(bpy.data.node_groups), len(bpy.data.images)
    build(comp, sized, made, last=1003)
    assert sorted(node.name for node in tree.nodes) == names
    assert (len(bpy.data.node_groups), len(bpy.data.images)) == (groups, images)
    assert swap.inputs["Opacity"].default_value == 0.5
    assert tuple(swap.parent.location) == (700, 300)
    assert {node.frame_duration for node in tree.nodes if node.type == "IMAGE"} == {3}


def test_a_grade_between_plate_and_swap_survives_sending_again(comp, sized, made):
    tree, swap = build(comp, sized, made)
    grade = tree.nodes.new("CompositorNodeBlur")
    tree.links.new(swap.inputs["Plate"].links[0].from_socket, grade.inputs[0])
    tree.links.new(grade.outputs[0], swap.inputs["Plate"])
    build(comp, sized, made)
    assert swap.inputs["Plate"].links[0].from_node == grade


def test_another_version_gets_a_frame_of_its_own_beside_the_first_and_takes_over_its_output(
    comp, sized, made, tmp_path
):
    tree, first = build(comp, sized, made)
    second_version = Shot(tmp_path / "next")
    _, second = build(comp, sized, second_version)
    assert first != second and first.node_tree == second.node_tree
    assert _output(tree).links[0].from_node == second
    assert not set(_boxes(first.parent)) & set(_boxes(second.parent))
    assert min(x for x, _ in _boxes(second.parent)) > max(x for x, _ in _boxes(first.parent))


def test_what_the_artist_built_stays_and_keeps_the_output_until_asked(extension, comp, sized, made):
    tree = extension.addon.compat.compositor(sized)
    mine = tree.nodes.new("CompositorNodeRGB")
    mine.location = 400, 50
    output = extension.addon.compat.output_socket(tree, make=True)
    tree.links.new(mine.outputs[0], output)
    place = tuple(output.node.location)
    _, swap = build(comp, sized, made)
    assert output.links[0].from_node == mine and tuple(output.node.location) == place
    assert tuple(mine.location) == (400, 50)
    assert not comp.feeds_output(sized, made.result)
    assert swap.parent.location.x > 400 + mine.width
    build(comp, sized, made, relink=True)
    assert output.links[0].from_node == swap and comp.feeds_output(sized, made.result)


def test_render_layers_alone_give_the_output_up(extension, comp, sized, made):
    tree = extension.addon.compat.compositor(sized)
    layers, through = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeReroute")
    tree.links.new(layers.outputs[0], through.inputs[0])
    tree.links.new(through.outputs[0], extension.addon.compat.output_socket(tree, make=True))
    _, swap = build(comp, sized, made)
    assert _output(tree).links[0].from_node == swap
    assert layers.name in tree.nodes


def test_a_colour_space_that_blender_lacks_is_one_sentence_and_nothing_is_built(comp, extension, sized, made):
    with pytest.raises(comp.CompositorError, match='no color space "ARRI LogC4"'):
        build(comp, sized, made, colour_space="ARRI LogC4")
    assert extension.addon.compat.existing_compositor(sized) is None


def test_a_sequence_without_our_layers_is_one_sentence_and_nothing_is_built(comp, extension, sized, made):
    made.result = made.plate
    with pytest.raises(comp.CompositorError, match="no layers of Understudy"):
        build(comp, sized, made)
    assert extension.addon.compat.existing_compositor(sized) is None


def test_a_name_with_a_number_after_the_frames_is_refused(comp, sized, made, tmp_path):
    made.result = str(tmp_path / "sh.%04d.v2.exr")
    write_result(made.result, made.frames)
    with pytest.raises(comp.CompositorError, match="last number"):
        build(comp, sized, made)


def test_the_button_matches_the_scene_and_takes_the_plates_own_files(comp, extension, fresh, made):
    assert send(fresh, made) == {"FINISHED"}
    render = fresh.render
    assert (render.resolution_x, render.resolution_y, fresh.frame_start, fresh.frame_end) == (WIDTH, HEIGHT, 1001, 1003)
    assert render.fps / render.fps_base == pytest.approx(24000 / 1001, abs=1e-4)
    tree = extension.addon.compat.existing_compositor(fresh)
    assert comp.part_of(tree, comp.swaps(tree)[0].parent, "plate")


def test_the_button_leaves_the_scene_alone_when_told_so(fresh, made):
    before = (fresh.render.resolution_x, fresh.frame_start, fresh.frame_end, fresh.render.fps)
    send(fresh, made, match_scene=False)
    assert (fresh.render.resolution_x, fresh.frame_start, fresh.frame_end, fresh.render.fps) == before


def test_a_plate_in_another_space_than_the_result_is_taken_back_out_of_the_result(comp, extension, fresh, made):
    write_plate(made.plate, made.frames, layered.ACESCG)
    send(fresh, made)
    tree = extension.addon.compat.existing_compositor(fresh)
    assert comp.part_of(tree, comp.swaps(tree)[0].parent, "derived")


def test_gaps_are_named(fresh, made, tmp_path, capfd):
    (tmp_path / "v001/sh.1002.exr").unlink()
    assert send(fresh, made) == {"FINISHED"}
    assert "Warning: sh.%04d.exr lacks frames 1002;" in capfd.readouterr().out


def test_a_version_whose_files_are_gone_is_one_sentence(extension, fresh, made, tmp_path):
    for file in (tmp_path / "v001").iterdir():
        file.unlink()
    with pytest.raises(RuntimeError, match=r"No frame of .* is there"):
        send(fresh, made)
    assert extension.addon.compat.existing_compositor(fresh) is None


def test_one_undo_takes_it_all_back(extension, fresh, made):
    bpy.ops.ed.undo_push(message="before")
    send(fresh, made)
    assert "Understudy Swap" in bpy.data.node_groups
    bpy.ops.ed.undo()
    assert extension.addon.compat.existing_compositor(bpy.context.scene) is None
    assert "Understudy Swap" not in bpy.data.node_groups
    bpy.ops.ed.redo()
    assert "Understudy Swap" in bpy.data.node_groups


def test_the_viewer_shows_the_layer_that_is_asked_for(comp, extension, fresh, made):
    send(fresh, made)
    tree = extension.addon.compat.existing_compositor(fresh)
    viewer = comp.part_of(tree, comp.swaps(tree)[0].parent, "viewer")
    bpy.ops.understudy.view_layer(layer="matte")
    assert viewer.inputs[0].links[0].from_socket.name == "matte"
    bpy.ops.understudy.view_layer(layer="")
    assert viewer.inputs[0].links[0].from_node == comp.swaps(tree)[0]


def test_a_file_renders_the_same_where_the_addon_is_not_installed(fresh, made, tmp_path):
    send(fresh, made)
    fresh.render.image_settings.file_format = "OPEN_EXR"
    fresh.render.image_settings.color_depth = "32"
    fresh.render.compositor_device = "CPU"
    fresh.render.filepath = str(tmp_path / "farm.####")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    program = f"""
        import bpy
        bpy.ops.wm.open_mainfile(filepath={str(tmp_path / "shot.blend")!r})
        assert not hasattr(bpy.types.Scene, "understudy")
        bpy.ops.render.render(animation=True)
    """
    bare = {"BLENDER_USER_RESOURCES": str(tmp_path / "bare"), "PATH": ""}
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=bare, check=True, timeout=120)
    for number in FRAMES:
        assert_near(read(tmp_path / f"farm.{number}.exr", "RGB"), made.frames[number].composite)


def test_what_the_tests_write_has_the_layers_that_convert_writes(made):
    """The oracle's own check: the frozen channel names."""
    colour = {f"{layer}.{channel}" for layer in ("swap", "raw", "delta") for channel in "RGB"}
    data = {"swap.A", "matte.A", "occlusion.A", "st.u", "st.v", "confidence.Y"}
    assert set(channels_of(made.result % 1001)) == {*"RGBA"} | colour | data
    assert np.array_equal(read(made.result % 1001, ["matte.A"])[..., 0], half(made.frames[1001].matte))


def _output(tree):
    [node] = [node for node in tree.nodes if node.bl_idname in ("NodeGroupOutput", "CompositorNodeComposite")]
    return node.inputs[0]


def _boxes(frame):
    return [tuple(node.location_absolute) for node in frame.id_data.nodes if node.parent == frame]
