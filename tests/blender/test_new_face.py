"""Whose the new face is and what makes it: what each choice asks of the backend, and what it still lacks."""

from pathlib import Path

import bpy
import pytest


@pytest.fixture
def scene(extension, fresh, tmp_path):
    """The scene of a saved file that has a plate."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    scene = bpy.context.scene
    scene.understudy.plate.plate = str(tmp_path / "plate.####.exr")
    return scene


@pytest.fixture
def shot(scene):
    from bl_ext.user_default.understudy.addon.scene import requests as shot

    return shot


def found(extraction):
    """Leave what an extraction leaves that has come to its end."""
    Path(extraction["out"]).mkdir(parents=True)
    Path(extraction["out"], "contact_sheet.png").touch()


def trained(folder):
    folder.mkdir()
    (folder / "model.safetensors").touch()
    return str(folder)


def refusal(operator):
    """Why a button cannot be pressed, or ""."""
    if operator.poll():
        return ""
    with pytest.raises(RuntimeError) as told:
        operator()
    return str(told.value)


def test_frames_of_the_footage_are_pinned_and_forbidden_where_it_is_used(scene, shot):
    own = scene.understudy
    own.source_footage = "//b.####.exr"
    assert [shot.conversion(scene, range(1))[name] for name in shot.REFERENCES] == [None, None]
    own.reference_frames, own.forbidden_frames = "1001-1010", "1004"
    assert [shot.conversion(scene, range(1))[name] for name in shot.REFERENCES] == ["1001-1010", "1004"]
    own.renderer = "network"
    assert [shot.conversion(scene, range(1))[name] for name in shot.REFERENCES] == [None, None]


@pytest.mark.parametrize(
    ("chosen", "footage", "model", "made_of"),
    [
        ("auto", "", "", "footage"),
        ("auto", "//b.####.exr", "", "footage"),
        ("auto", "//b.####.exr", "//model", "footage"),
        ("auto", "", "//model", "network"),
        ("footage", "", "//model", "footage"),
        ("network", "//b.####.exr", "//model", "network"),
        ("network", "//b.####.exr", "", "network"),
    ],
)
def test_footage_makes_the_new_face_unless_there_is_none_or_a_network_is_asked_for(
    scene, shot, chosen, footage, model, made_of
):
    own = scene.understudy
    own.renderer, own.source_footage, own.model = chosen, footage, model
    assert shot.renderer(scene) == made_of
    told = shot.conversion(scene, range(1001, 1002))
    assert told["renderer"] == made_of
    assert (told["source"] is None, told["model"] is None) == (made_of == "network", made_of == "footage")


def test_what_a_network_alone_has_a_use_for_is_left_out_for_footage(scene, shot):
    own = scene.understudy
    own.source_footage = "//b.####.exr"
    own.conversion.colour_encoding, own.conversion.colour_window, own.conversion.morph = "linear", 9, 0.5
    own.conversion.feather = 0.2
    told = shot.conversion(scene, range(1001, 1002))
    assert [told[name] for name in shot.OF_A_NETWORK] == ["log", 0, "source", 1.0]
    assert told["feather"] == 0.2
    own.renderer = "network"
    told = shot.conversion(scene, range(1001, 1002))
    assert [told[name] for name in shot.OF_A_NETWORK] == ["linear", 9, "source", 0.5]


def test_buttons_say_step_by_step_what_footage_still_lacks(scene, shot):
    own = scene.understudy
    for operator in (
        bpy.ops.understudy.preview_frame,
        bpy.ops.understudy.convert,
        bpy.ops.understudy.find_source_faces,
    ):
        assert "Choose footage of the new face first" in refusal(operator)
    own.source_footage = "//b.####.exr"
    assert not refusal(bpy.ops.understudy.convert), "it finds what is missing by itself"
    assert "Find faces first" in refusal(bpy.ops.understudy.preview_frame)
    found(shot.plate_extraction(scene))
    assert "Find the faces of the new face first" in refusal(bpy.ops.understudy.preview_frame)
    found(shot.source_extraction(scene))
    assert not refusal(bpy.ops.understudy.preview_frame)


def test_a_network_lacks_a_model_and_no_faces_of_the_source(scene, shot, tmp_path):
    own = scene.understudy
    own.renderer = "network"
    for operator in (bpy.ops.understudy.preview_frame, bpy.ops.understudy.convert):
        assert "Choose or train a model first" in refusal(operator)
    own.model = trained(tmp_path / "model")
    assert "Find faces first" in refusal(bpy.ops.understudy.preview_frame)
    found(shot.plate_extraction(scene))
    assert not refusal(bpy.ops.understudy.preview_frame)


def test_faces_that_are_looked_for_already_are_waited_for(scene, shot, extension, beside_the_ui):
    from bl_ext.user_default.understudy.addon import preferences
    from bl_ext.user_default.understudy.addon.jobs.session import session

    scene.understudy.source_footage = "//b.####.exr"
    preferences.preferences().command = "nothing"  # no job starts before the next poll
    try:
        bpy.ops.understudy.find_source_faces()
        assert not bpy.ops.understudy.find_source_faces.poll(), "one is enough"
        bpy.ops.understudy.convert()
        [source], [plate, conversion] = session.tasks(scene, "source"), session.tasks(scene, "result")
        assert source.settings["out"] == conversion.settings["source"]
        assert plate.settings["out"] == conversion.settings["faceset"]
        assert (conversion.after, plate.after) == (plate, source)
    finally:
        preferences.preferences().command = ""
        session.reopen()
