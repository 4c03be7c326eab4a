"""The shaders against numpy and against Blender's own view transform, and what is painted when."""

from __future__ import annotations

import importlib
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import gpu
import numpy as np
import offscreen
import pytest
import shader_reference as reference
from conftest import MODULE, ROOT
from mathutils import Matrix

STEP = 1 / 255
WIDTH, HEIGHT = 48, 32
WHOLE = (0.0, 0.0, WIDTH, HEIGHT)


@pytest.fixture(scope="module", autouse=True)
def started(extension: Any) -> None:
    """The GPU, once."""
    if not offscreen.is_there():
        pytest.skip("this machine has no EGL, or no driver for it, to draw without a window")
    offscreen.start()


@pytest.fixture
def viewport(fresh: bpy.types.Scene) -> Any:
    """The viewport's modules, with nothing left in them afterwards."""
    names = ("overlay", "painting", "programs", "state", "face_lines")
    modules = SimpleNamespace(**{n: importlib.import_module(f"{MODULE}.addon.viewport.{n}") for n in names})
    yield modules
    modules.overlay.unregister()
    modules.overlay.register()


@pytest.fixture
def no_captions(viewport: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures without names on them."""
    monkeypatch.setattr(viewport.painting, "caption", lambda *_, **__: None)


def noise(seed: int, high: float = 3.0) -> offscreen.Pixels:
    """Opaque pixels from -0.3 to ``high``, many of them dark, each a number that a half float can hold."""
    generator = np.random.default_rng(seed)
    pixels = generator.uniform(-0.3, high, (HEIGHT, WIDTH, 4)) * generator.uniform(0, 1, (HEIGHT, WIDTH, 1)) ** 3
    pixels[..., 3] = 1
    return pixels.astype(np.float16).astype(np.float32)


def mask(seed: int) -> offscreen.Pixels:
    """A grey picture of a matte: nothing, everything, and all between."""
    amount = np.clip(np.random.default_rng(seed).uniform(-1, 2, (HEIGHT, WIDTH, 1)), 0, 1)
    grey = np.repeat(amount, 4, axis=2)
    grey[..., 3] = 1
    return grey.astype(np.float16).astype(np.float32)


def draw(viewport: Any, name: str, pictures: dict[str, offscreen.Pixels], kind: str = "RGBA32F", **values: Any) -> Any:
    """What a picture program makes of these pixels, one to one, as (h, w, 3)."""
    images = {role: offscreen.image_of(role, pixels) for role, pixels in pictures.items()}
    textures = {role: gpu.texture.from_image(image) for role, image in images.items()}
    values = {"to_display": Matrix.Identity(4), "gamma": 1.0, "split": 0.0, **values}
    drawn = offscreen.drawn(
        WIDTH, HEIGHT, lambda: viewport.painting.draw_picture(name, textures, values, WHOLE), kind=kind
    )
    for image in images.values():
        bpy.data.images.remove(image)
    assert np.all(drawn[..., 3] == 1)
    return drawn[..., :3]


@pytest.mark.parametrize("kind", ["RGBA32F", "RGBA8"])
@pytest.mark.parametrize("split", [0.0, 0.31, 0.5, 1.0])
def test_wipe_shows_the_plate_left_of_the_split_and_the_composite_right_of_it(viewport, split, kind):
    plate, composite = noise(1), noise(2, high=40.0)
    drawn = draw(viewport, "wipe", {"plate": plate, "composite": composite}, kind, split=split)
    expected = reference.wipe(plate[..., :3], composite[..., :3], split)
    assert np.abs(drawn - expected).max() < STEP


@pytest.mark.parametrize(("exposure", "gamma"), [(1.5, 1.0), (-2.0, 0.8), (0.0, 2.2)])
def test_exposure_comes_before_the_transfer_and_gamma_after_it(viewport, exposure, gamma):
    picture = noise(3)
    lift = Matrix.Diagonal((2.0**exposure,) * 3).to_4x4()
    drawn = draw(viewport, "wipe", {"plate": picture, "composite": picture}, to_display=lift, gamma=gamma)
    assert np.abs(drawn - reference.shown(picture[..., :3], exposure, gamma)).max() < STEP


@pytest.mark.parametrize("gain", [0.5, 1.0, 4.0, 16.0])
def test_difference_is_the_largest_encoded_channel_difference_in_false_colour(viewport, gain):
    plate = noise(4)
    composite = plate + (noise(5) * np.array([0.2, 0.05, 0.1, 0])).astype(np.float16)
    composite = composite.astype(np.float16).astype(np.float32)
    drawn = draw(viewport, "difference", {"plate": plate, "composite": composite}, gain=gain)
    assert np.abs(drawn - reference.difference(plate[..., :3], composite[..., :3], gain)).max() < STEP


def test_difference_of_equal_pictures_is_black_even_where_they_are_infinite(viewport):
    plate = noise(6, high=1000.0)
    plate[3, 4, :3] = np.inf
    plate[5, 6, :3] = -np.inf
    assert np.all(draw(viewport, "difference", {"plate": plate, "composite": plate}, gain=1000.0) == 0)


def test_matte_is_a_tint_over_the_composite_and_leaves_the_rest_alone(viewport):
    composite, matte = noise(7), mask(8)
    tint = (0.9, 0.2, 0.1, 0.6)
    drawn = draw(viewport, "matte", {"composite": composite, "matte": matte}, tint=tint)
    assert np.abs(drawn - reference.matte(composite[..., :3], matte[..., 0], tint)).max() < STEP
    bare = matte[..., 0] == 0
    assert np.abs(drawn - reference.shown(composite[..., :3]))[bare].max() < STEP


@pytest.mark.parametrize("split", [0.0, 0.4])
@pytest.mark.parametrize("gain", [(1, 1, 1), (1.4, 0.9, 0.6), (0, 1.1, 4)])
def test_match_regrades_the_new_face_before_it_is_laid_over_the_plate(viewport, gain, split):
    plate, swap, matte = noise(9), noise(10), mask(11)
    laid = swap * matte[..., :1]
    laid[..., 3] = 1
    drawn = draw(viewport, "match", {"plate": plate, "swap": laid, "matte": matte}, gain=gain, split=split)
    expected = reference.match(plate[..., :3], swap[..., :3], matte[..., 0], np.array(gain), split=split)
    assert np.abs(drawn - expected).max() < STEP


def test_an_enlarged_picture_shows_its_own_pixels(viewport):
    pixels = noise(12)
    texture = gpu.texture.from_image(offscreen.image_of("small", pixels))
    values = {"to_display": Matrix.Identity(4), "gamma": 1.0, "split": 0.0}

    def enlarged():
        textures = {"plate": texture, "composite": texture}
        viewport.painting.draw_picture("wipe", textures, values, (0.0, 0.0, 3.0 * WIDTH, 3.0 * HEIGHT))

    drawn = offscreen.drawn(3 * WIDTH, 3 * HEIGHT, enlarged)[..., :3]
    expected = reference.shown(pixels[..., :3]).repeat(3, axis=0).repeat(3, axis=1)
    assert np.abs(drawn - expected).max() < STEP


def test_a_framebuffer_that_encodes_is_given_what_blender_shows_again_with_gamma_2_2(viewport):
    """An editor's region is such a framebuffer; reading it back gives what it stored."""
    picture = noise(13)
    texture = gpu.texture.from_image(offscreen.image_of("picture", picture))
    target = gpu.types.GPUTexture((WIDTH, HEIGHT), format="SRGB8_A8")
    buffer = gpu.types.GPUFrameBuffer(color_slots=target)
    values = {"to_display": Matrix.Identity(4), "gamma": 1.0, "split": 0.0}
    with buffer.bind(), gpu.matrix.push_pop(), gpu.matrix.push_pop_projection():
        gpu.matrix.load_matrix(Matrix.Identity(4))
        gpu.matrix.load_projection_matrix(Matrix.Identity(4))
        textures = {"plate": texture, "composite": texture}
        viewport.painting.draw_picture("wipe", textures, values, (-1.0, -1.0, 1.0, 1.0))
    read = buffer.read_color(0, 0, WIDTH, HEIGHT, 4, 0, "FLOAT").to_list()
    stored = np.array(read, np.float64).reshape(HEIGHT, WIDTH, 4)[..., :3]
    assert np.abs(stored - reference.srgb(reference.shown(picture[..., :3]) ** 2.2)).max() < 1.5 * STEP


@pytest.mark.parametrize(("as_render", "exposure", "gamma"), [(False, 1.0, 1.5), (True, 0.0, 1.0), (True, 0.7, 1.4)])
@pytest.mark.parametrize("space", ["Linear Rec.709", "ACEScg", "Linear Rec.2020"])
def test_what_is_shown_is_what_blenders_view_transform_standard_gives(
    viewport, no_captions, fresh, tmp_path, as_render, exposure, gamma, space
):
    if space != "Linear Rec.709":
        if bpy.app.version < (5, 0, 0):
            pytest.skip("the working space can be chosen since Blender 5.0")
        bpy.ops.wm.set_working_color_space(working_space=space, convert_colors=False)
    composite = offscreen.image_of("composite", np.abs(noise(14, high=1.5)))
    composite.use_view_as_render = as_render
    settings = fresh.view_settings
    settings.view_transform, settings.exposure, settings.gamma = "Standard", exposure, gamma
    fresh.display_settings.display_device = "sRGB"
    scene = watched(fresh, composite=composite, plate=composite, compare="WIPE", wipe=0.0)
    drawn = offscreen.drawn(WIDTH, HEIGHT, lambda: viewport.painting.paint(scene, composite, WHOLE))[:, 2:, :3]
    if not as_render:
        settings.exposure, settings.gamma = 0.0, 1.0
    assert np.abs(drawn - blenders_own(composite, fresh, tmp_path)[:, 2:]).max() < 1.5 * STEP
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)


def blenders_own(image: bpy.types.Image, scene: bpy.types.Scene, folder: Path) -> Any:
    """The image as Blender writes it for display, (h, w, 3); eight bits, no dither."""
    file = folder / "shown.png"
    scene.render.dither_intensity = 0
    scene.render.image_settings.file_format = "PNG"
    image.save_render(str(file), scene=scene)
    read = bpy.data.images.load(str(file))
    read.colorspace_settings.name = "Non-Color"
    pixels = np.empty(WIDTH * HEIGHT * 4, np.float32)
    read.pixels.foreach_get(pixels)
    return pixels.reshape(HEIGHT, WIDTH, 4)[..., :3]


def watched(scene: bpy.types.Scene, people: Any = (), **state: Any) -> Any:
    """A scene's stand-in with a shot in this state; images become the previews of their role."""
    shot = {"compare": "OFF", "wipe": 0.5, "overlay_faces": False, "preview_frame": 1001, "person_index": 0}
    shot |= {"width": WIDTH, "height": HEIGHT, "people": people, "gain": (1, 1, 1), "difference_gain": 4}
    shot |= {f"preview_{role}": "" for role in ("composite", "plate", "matte", "swap")}
    for name, value in state.items():
        if isinstance(value, bpy.types.Image):
            value.filepath_raw = f"//{value.name}.1001.exr"
            shot[f"preview_{name}"] = value.filepath_raw
        else:
            shot[name] = value
    own = SimpleNamespace(**shot)
    return SimpleNamespace(name=scene.name, frame_current=7, understudy=own, view_settings=scene.view_settings)


@pytest.mark.parametrize(
    ("a", "b", "radius"),
    [((8.0, 8.0), (40.0, 8.0), 0.5), ((6.2, 5.1), (37.7, 25.3), 1.7), ((20.5, 12.5),) * 2 + (3.0,)],
)
def test_a_stroke_covers_what_lies_within_its_radius(viewport, a, b, radius):
    colour = (1.0, 0.6, 0.2, 0.8)

    def stroke():
        batch = viewport.programs.strokes([(a, b, colour, radius)])
        viewport.painting._draw_strokes(batch, (1.0, 1.0, 0.0, 0.0))

    drawn = offscreen.drawn(WIDTH, HEIGHT, stroke)[..., :3]
    assert np.abs(drawn - reference.stroke(WIDTH, HEIGHT, a, b, colour, radius)).max() < STEP


def face(track: int | None = None, **more: Any) -> dict[str, Any]:
    return {"frame": 1001, "track": track, "box": [10, 5, 30, 25], "landmarks": None, "confidence": 0.9, **more}


def seen(viewport: Any, scene: Any, image: Any, scale: int = 4) -> Any:
    """What is painted over black, ``scale`` region pixels for each of the plate's, the top row first."""
    viewport.painting._scale, before = (lambda: 1.0), viewport.painting._scale
    try:
        corners = (0.0, 0.0, scale * WIDTH, scale * HEIGHT)
        drawn = offscreen.drawn(scale * WIDTH, scale * HEIGHT, lambda: viewport.painting.paint(scene, image, corners))
        return drawn[::-1, :, :3]
    finally:
        viewport.painting._scale = before


def test_a_face_is_framed_in_plate_pixels_from_the_top_left(viewport, fresh):
    plate = offscreen.image_of("plate", noise(15))
    scene = watched(fresh, [SimpleNamespace(track=3, name="")], plate=plate, overlay_faces=True)
    viewport.overlay.set_faces(fresh.name, [face(3, landmarks=[[20, 15]])])
    drawn = seen(viewport, scene, plate)
    lit = drawn.max(-1) > 0.5
    for y, x in ((20, 80), (100, 80), (60, 40), (60, 120), (60, 80)):  # sides and landmark, four pixels for one
        assert lit[y - 1 : y + 1, x - 1 : x + 1].all(), (x, y)
    assert not lit[104:, :].any()
    assert not lit[:, 124:].any()
    assert not lit[30:50, 50:110].any()
    orange = drawn[60, 39:41].mean(0)
    assert orange[0] > 1.4 * orange[1] > 1.4 * orange[2]


def test_only_the_chosen_person_has_a_closed_frame(viewport, fresh):
    plate = offscreen.image_of("plate", noise(16))
    people = [SimpleNamespace(track=3, name=""), SimpleNamespace(track=5, name="")]
    scene = watched(fresh, people, plate=plate, overlay_faces=True, person_index=1)
    viewport.overlay.set_faces(fresh.name, [face(3)])
    drawn = seen(viewport, scene, plate)
    assert drawn[19:21, 44].max() > 0.5  # the arm of a corner
    assert drawn[19:21, 80].max() == 0  # the middle of a side
    scene.understudy.person_index = 0
    assert seen(viewport, scene, plate)[19:21, 80].max() > 0.5


@pytest.mark.parametrize(("frame", "size"), [(1002, (WIDTH, HEIGHT)), (1001, (WIDTH * 2, HEIGHT)), (1001, (0, 0))])
def test_faces_of_another_frame_or_another_picture_are_not_drawn(viewport, fresh, frame, size):
    plate = offscreen.image_of("plate", noise(17))
    scene = watched(fresh, plate=plate, overlay_faces=True, width=size[0], height=size[1])
    viewport.overlay.set_faces(fresh.name, [face(frame=frame)])
    assert not seen(viewport, scene, plate).any()


def test_a_plate_that_is_no_preview_shows_the_faces_of_the_scenes_frame(viewport, fresh):
    plate = offscreen.image_of("plate", noise(17))
    scene = watched(fresh, overlay_faces=True)
    viewport.overlay.set_faces(fresh.name, [face(frame=7)])
    assert seen(viewport, scene, plate).any()


def test_the_colour_match_is_shown_over_the_composite_and_in_the_wipe_and_ends_when_it_is_taken_back(
    viewport, no_captions, fresh
):
    pixels = {"composite": noise(18), "plate": noise(19), "swap": noise(20), "matte": mask(21)}
    images = {role: offscreen.image_of(role, one) for role, one in pixels.items()}
    scene = watched(fresh, **images)
    assert not seen(viewport, scene, images["composite"], 1).any()
    scene.understudy.gain = (1.5, 1.0, 0.5)
    amount = pixels["matte"][..., :1]
    regraded = pixels["swap"][..., :3] * (1.5, 1.0, 0.5)
    expected = reference.shown(pixels["plate"][..., :3] * (1 - amount) + regraded)[::-1]
    assert np.abs(seen(viewport, scene, images["composite"], 1) - expected).max() < STEP
    assert not seen(viewport, scene, images["plate"], 1).any()
    scene.understudy.compare, scene.understudy.wipe = "WIPE", 0.0
    bare = np.s_[:, 2:]  # not the line
    assert np.abs(seen(viewport, scene, images["plate"], 1) - expected)[bare].max() < STEP
    scene.understudy.gain = (1, 1, 1)
    scene.understudy.compare = "OFF"
    assert not seen(viewport, scene, images["composite"], 1).any()


def test_nothing_is_compared_over_a_picture_that_is_no_preview(viewport, fresh):
    images = {role: offscreen.image_of(role, noise(22)) for role in ("composite", "plate", "matte")}
    other = offscreen.image_of("other", noise(23))
    for mode in ("WIPE", "DIFFERENCE", "MATTE"):
        assert not seen(viewport, watched(fresh, compare=mode, **images), other).any()


def test_no_lines_are_drawn_over_the_new_face(viewport, fresh):
    composite = offscreen.image_of("composite", noise(25))
    viewport.overlay.set_faces(fresh.name, [face()])
    assert not seen(viewport, watched(fresh, composite=composite, overlay_faces=True), composite).any()


def test_painting_leaves_the_blending_as_it_was(viewport, fresh):
    images = {role: offscreen.image_of(role, noise(24)) for role in ("composite", "plate")}
    scene = watched(fresh, compare="WIPE", overlay_faces=True, **images)
    viewport.overlay.set_faces(fresh.name, [face()])
    before = gpu.state.blend_get()
    try:
        for mode in ("ADDITIVE", "NONE"):
            gpu.state.blend_set(mode)
            seen(viewport, scene, images["plate"])
            assert gpu.state.blend_get() == mode
    finally:
        gpu.state.blend_set(before)


def test_a_faces_lines_are_blended_over_the_picture_after_captions_were_written(viewport, fresh):
    white = np.ones((HEIGHT, WIDTH, 4), np.float32)
    images = {role: offscreen.image_of(role, white) for role in ("composite", "plate")}
    scene = watched(fresh, compare="WIPE", overlay_faces=True, **images)
    viewport.overlay.set_faces(fresh.name, [face(box=[10, 5, 30, 25])])
    arm = seen(viewport, scene, images["plate"])[24:34, 34:46]  # with its halo, left of the frame's left side
    assert 0.4 < arm.min() < 0.9


def handler_in(viewport: Any, monkeypatch: Any, scene: Any, image: Any) -> Any:
    """The draw handler in an editor whose region is the offscreen buffer; counts its wishes to be drawn again."""
    asked: list[int] = []
    view = SimpleNamespace(region_to_view=lambda x, y: (x / WIDTH, y / HEIGHT))
    context = SimpleNamespace(
        scene=scene,
        space_data=SimpleNamespace(image=image),
        region=SimpleNamespace(view2d=view, width=WIDTH, height=HEIGHT),
        area=SimpleNamespace(tag_redraw=lambda: asked.append(1)),
    )
    monkeypatch.setattr(viewport.overlay, "bpy", SimpleNamespace(context=context))
    return lambda: offscreen.drawn(WIDTH, HEIGHT, viewport.overlay.overlay.draw), asked


def test_a_problem_is_reported_once_and_ends_when_its_cause_does(viewport, fresh, monkeypatch, caplog):
    composite = offscreen.image_of("composite", noise(25))
    scene = watched(fresh, compare="WIPE", composite=composite)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        redraw, asked = handler_in(viewport, patch, scene, composite)
        for _ in range(3):
            redraw()
        sentence = "The plate of the preview is not there: press Preview This Frame again"
        assert viewport.overlay.overlay.problem == sentence
        assert [record.getMessage().endswith(sentence) for record in caplog.records] == [True]
        assert len(asked) == 1
        scene.understudy.compare = "OFF"
        redraw()
        assert viewport.overlay.overlay.problem == ""
        assert len(asked) == 2


def test_a_shader_that_does_not_compile_is_tried_once(viewport, tmp_path, monkeypatch):
    viewport.programs.clear()
    for file in viewport.programs.SHADERS.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "wipe.frag").write_text("void main() { pixel = vec4(split }")
    monkeypatch.setattr(viewport.programs, "SHADERS", tmp_path)
    with pytest.raises(RuntimeError, match="The shader wipe does not compile"):
        viewport.programs.program("wipe")
    (tmp_path / "wipe.frag").unlink()
    with pytest.raises(RuntimeError, match="The shader wipe does not compile"):
        viewport.programs.program("wipe")
    viewport.programs.clear()


def test_registering_twice_leaves_one_handler_and_unregistering_twice_none(viewport):
    overlay, handlers = viewport.overlay, bpy.app.handlers.load_pre
    overlay.register()
    first = overlay.overlay._handler
    overlay.register()
    assert overlay.overlay._handler is first
    assert handlers.count(overlay._new_file) == 1
    viewport.programs.program("lines")
    overlay.unregister()
    overlay.unregister()
    assert overlay.overlay._handler is None
    assert overlay._new_file not in handlers
    assert not viewport.programs._compiled
    with pytest.raises(ValueError, match="handler"):
        bpy.types.SpaceImageEditor.draw_handler_remove(first, "WINDOW")


def test_another_file_has_none_of_the_faces(viewport, fresh):
    viewport.overlay.set_faces(fresh.name, [face()])
    name = fresh.name
    assert viewport.state.view_of(name).faces
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert not viewport.state.view_of(name).faces


def test_every_line_of_the_68_landmarks_stays_within_a_part_of_the_face(viewport):
    points = [[float(i), 0.0] for i in range(68)]
    strokes = viewport.face_lines.strokes_of(face(landmarks=points), True, True, 1.0)
    joined = {(a[0], b[0]) for a, b, colour, _ in strokes if a != b and colour[3] == 0.55}
    assert (16.0, 17.0) not in joined  # jaw and brow
    assert {(0.0, 1.0), (41.0, 36.0), (47.0, 42.0), (59.0, 48.0), (67.0, 60.0)} <= joined
    assert len(joined) == 16 + 4 + 4 + 3 + 4 + 6 + 6 + 12 + 8


@pytest.mark.parametrize("file", sorted((ROOT / "shaders").iterdir()), ids=lambda file: file.name)
def test_a_shader_is_a_short_body_without_declarations(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert not re.search(r"^\s*(#version|in |out |uniform |layout)", text, re.MULTILINE)
