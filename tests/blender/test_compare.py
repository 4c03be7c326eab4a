"""The preview and what it is compared with: kept with the file, found again, and seen with the gain that is built."""

import dataclasses
import time

import bpy
import layered
import numpy as np
import pytest

PARTS = ("composite", "plate", "matte", "swap")


@pytest.fixture
def session(extension, fresh):
    from bl_ext.user_default.understudy.addon.jobs.session import session

    yield session
    session.reopen()


@pytest.fixture
def preview(session, tmp_path):
    """Hands a preview over as the backend does."""
    from bl_ext.user_default.understudy.addon.jobs.task import Task

    def give(scene, frame=1010):
        files = {part: str(tmp_path / f"{part}.{frame}.exr") for part in PARTS}
        for value, part in enumerate(PARTS, 1):
            flat = dataclasses.replace(
                layered.make_frame(1), plate=np.full((layered.HEIGHT, layered.WIDTH, 3), value / 4)
            )
            layered.write_plate(str(tmp_path / f"{part}.%d.exr"), {frame: flat})
        report = {"frame": frame, "files": files, "face": True, "colour_space": "lin_rec709_scene"}
        task = Task("preview", "swap", "Preview", scene.session_uid, {})
        session._tasks.append(task)
        session.handle(task, {"event": "done", "time": time.time(), "report": report})
        return files

    return give


def _shown(shot, part):
    from bl_ext.user_default.understudy.addon.images import editor

    return editor.of_file(getattr(shot, f"preview_{part}"))


def test_a_preview_names_its_four_pictures(preview, fresh):
    files = preview(fresh)
    shot = fresh.understudy
    assert {part: getattr(shot, f"preview_{part}") for part in PARTS} == files
    assert shot.preview_frame == 1010
    assert _shown(shot, "matte").colorspace_settings.is_data


def test_a_preview_that_blender_cannot_see_is_said_and_nothing_stops(preview, session, fresh, monkeypatch):
    monkeypatch.setattr(layered, "write_plate", lambda *_: None)
    preview(fresh)
    [task] = session.tasks(fresh, "swap")
    assert task.state == "done"
    assert "must see the same files" in task.notes[-1]


def test_a_preview_is_there_when_the_file_is_opened_again(preview, fresh, tmp_path):
    preview(fresh)
    bpy.ops.understudy.compare(mode="DIFFERENCE")
    fresh.understudy.difference_gain, fresh.understudy.gain = 16, (1.5, 1, 0.5)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    shot = bpy.context.scene.understudy
    assert (shot.compare, shot.difference_gain, tuple(shot.gain)) == ("DIFFERENCE", 16, (1.5, 1, 0.5))
    for value, part in enumerate(PARTS, 1):
        assert _shown(shot, part).pixels[0] == pytest.approx(value / 4), part


def test_a_preview_is_found_after_its_scene_was_renamed_or_copied(preview, fresh):
    preview(fresh)
    fresh.name = "sh010"
    bpy.context.window.scene = fresh.copy()
    for part in PARTS:
        assert bpy.ops.understudy.show_preview(what=part.upper()) == {"FINISHED"}
    assert bpy.ops.understudy.compare(mode="WIPE") == {"FINISHED"}


def test_what_is_undone_after_a_preview_leaves_the_preview(preview, fresh):
    bpy.ops.ed.undo_push(message="before")
    preview(fresh)
    fresh.understudy.conversion.feather = 0.3
    bpy.ops.ed.undo_push(message="feather")
    bpy.ops.ed.undo()
    shot = bpy.context.scene.understudy
    assert shot.conversion.feather == pytest.approx(0.05)
    assert shot.preview_frame == 1010
    assert _shown(shot, "composite")


def test_the_previews_of_two_scenes_do_not_overwrite_each_other(extension, fresh, tmp_path):
    from bl_ext.user_default.understudy.addon.operators import swap

    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    scenes = [bpy.context.scene, bpy.data.scenes.new("sh/020")]
    folders = {swap._folder(scene) for scene in scenes}
    assert {folder.parent for folder in folders} == {tmp_path / "understudy" / "preview"}
    assert len(folders) == 2


@pytest.fixture
def sent(fresh, tmp_path):
    """Sends a version to the compositor, once or again; returns the group's node."""
    pattern = str(tmp_path / "v001" / "sh.%04d.exr")
    layered.write_result(pattern, {1001: layered.make_frame(1001)}, layered.REC709, plate="pl.%04d.exr")
    version = fresh.understudy.versions.add()
    version.name, version.pattern, version.first, version.last = "v001", pattern, 1001, 1001
    fresh.understudy.version_index = 0

    def send():
        bpy.ops.understudy.send_to_compositor()
        from bl_ext.user_default.understudy.addon.operators.compositor import shown

        return shown(bpy.context)

    return send


def _gain(node):
    return pytest.approx(tuple(node.inputs["Color Gain"].default_value))


def test_without_a_gain_the_nodes_have_none(fresh, sent):
    assert _gain(sent()) == (1, 1, 1, 1)


def test_the_gain_that_was_seen_is_the_gain_that_is_built_and_rendered(fresh, sent, tmp_path):
    fresh.understudy.gain = (1.5, 1.0, 0.25)
    assert _gain(sent()) == (1.5, 1, 0.25, 1)
    fresh.frame_set(1001)
    frame = layered.make_frame(1001)
    matte = frame.matte[..., None]
    expected = frame.plate * (1 - matte) + np.array([1.5, 1.0, 0.25]) * frame.swap * matte
    pixels = layered.render(fresh, tmp_path / "out.exr")[..., :3]
    np.testing.assert_array_less(np.abs(pixels - expected), 0.002 * (np.abs(expected) + 2.0))


def test_a_gain_is_handed_on_once_and_again_only_when_it_was_changed(fresh, sent):
    fresh.understudy.gain = (2, 1, 1)
    node = sent()
    node.inputs["Color Gain"].default_value = (1, 0.5, 1, 1)
    assert _gain(sent()) == (1, 0.5, 1, 1), "tuned in the compositor since"
    fresh.understudy.gain = (1, 1, 1)
    assert _gain(sent()) == (1, 1, 1, 1)
