"""The artist's way with the real backend: plate, both faces, preview, training, conversion, beside the UI and in background.

Needs the backend's command in UNDERSTUDY_COMMAND.
"""

import json
import os
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest
from beside import timed, until

COMMAND = os.environ.get("UNDERSTUDY_COMMAND", "")
SAMPLE = Path(__file__).parents[2] / "backend" / "understudy" / "sample"
FIRST, LAST = 1001, 1006

pytestmark = pytest.mark.skipif(not COMMAND, reason="UNDERSTUDY_COMMAND does not name a backend")


@pytest.fixture(scope="module")
def session(extension):
    from bl_ext.user_default.understudy.addon import preferences
    from bl_ext.user_default.understudy.addon.jobs.session import session

    preferences.preferences().command = COMMAND
    yield session
    preferences.preferences().command = ""
    session.forget()


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    """A short plate with a gap at its end, and footage of the new face."""
    folder = tmp_path_factory.mktemp("footage")
    for frame in range(FIRST, LAST + 1):
        shutil.copy(SAMPLE / f"plate.{frame}.exr", folder)
    for frame in range(FIRST, FIRST + 16):
        shutil.copy(SAMPLE / f"source_B.{frame}.exr", folder)
    return folder


@pytest.fixture(scope="module")
def scene(session, footage, tmp_path_factory):
    """The scene of a saved file with the plate loaded."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path_factory.mktemp("show") / "shot.blend"))
    bpy.ops.understudy.load_plate(filepath=str(footage / "plate.1003.exr"))
    scene = bpy.context.scene
    scene.understudy.source_footage = str(footage / "source_B.####.exr")
    training = scene.understudy.training
    training.preset, training.resolution, training.batch = "cpu", 64, 2
    training.iterations, training.preview_every = 20, 20
    return scene


@pytest.fixture
def beside_the_ui(session, monkeypatch):
    """Operators return at once, as they do in a window; calling it has them wait again."""
    monkeypatch.setattr(session, "waits", lambda: False)
    return monkeypatch.undo


def test_any_frame_of_a_sequence_stands_for_all_of_it(scene, footage):
    shot = scene.understudy
    assert Path(bpy.path.abspath(shot.plate.plate)).resolve() == (footage / "plate.####.exr").resolve()
    assert (shot.first, shot.last, shot.gaps) == (FIRST, LAST, "")
    assert (shot.width, shot.height) == (512, 288)
    assert (scene.frame_start, scene.frame_end) == (FIRST, LAST)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (shot.width, shot.height)
    assert scene.render.fps / scene.render.fps_base == shot.fps == 24
    plate = bpy.data.images["Plate"]
    assert plate.source == "SEQUENCE"
    assert plate.colorspace_settings.name == "Linear Rec.709"


def test_faces_on_one_frame_are_handed_to_the_overlay(session, scene):
    from bl_ext.user_default.understudy.addon.viewport import state

    scene.frame_set(1002)
    bpy.ops.understudy.find_faces_frame()
    [face] = state.view_of(scene.name).faces[1002]
    x0, y0, x1, y1 = face["box"]
    assert 0 <= x0 < x1 <= 512
    assert 0 <= y0 < y1 <= 288
    assert len(face["landmarks"]) == 68


def test_buttons_that_cannot_work_say_why(session, scene):
    for operator, reason in (
        (bpy.ops.understudy.preview_frame, "Find faces first"),
        (bpy.ops.understudy.compare, "Preview a frame first"),
        (bpy.ops.understudy.open_result, "Convert the shot first"),
        (bpy.ops.understudy.select_person, "Find faces first"),
    ):
        assert not operator.poll()
        with pytest.raises(RuntimeError, match=reason):
            operator()


def test_faces_are_found_beside_the_ui(session, scene, beside_the_ui):
    timed(bpy.ops.understudy.find_faces)
    [task] = session.tasks(scene, "faces", "extract")
    assert scene.understudy.jobs[0].folder == str(task.job.folder)
    assert not bpy.ops.understudy.find_faces.poll(), "one is enough"
    until(session, lambda: not session.is_busy(scene))
    assert task.state == "done", task.problem
    shot = scene.understudy
    [person] = shot.people
    assert person.frames == LAST - FIRST + 1
    assert (person.first, person.last, shot.person_index) == (FIRST, LAST, 0)
    assert 0 < person.weakest_confidence <= person.confidence <= 1
    assert Path(person.picture).is_file()
    assert len(shot.jobs) == 0, "a job that is done is not followed again"
    assert Path(bpy.path.abspath("//understudy/faces/plate")).is_dir(), "everything lies beside the .blend"


def test_the_new_face_is_found_beside_the_ui_and_previewed_before_any_training(session, scene, beside_the_ui):
    shot = scene.understudy
    assert not bpy.ops.understudy.preview_frame.poll()
    timed(bpy.ops.understudy.find_source_faces)
    [task] = session.tasks(scene, "source", "extract")
    assert not bpy.ops.understudy.find_source_faces.poll(), "one is enough"
    until(session, lambda: not session.is_busy(scene))
    assert (task.state, task.report["faces"]) == ("done", 16), task.problem
    assert Path(task.report["faceset"]).parent == Path(bpy.path.abspath("//understudy/faces/source"))
    assert [person.frames for person in shot.people] == [LAST - FIRST + 1], "of the plate as before"
    beside_the_ui()  # from here on as a script
    scene.frame_set(1002)
    assert shot.model == ""
    bpy.ops.understudy.preview_frame()
    swapped, shot_as, covered = _previewed()
    assert 0.02 < (covered > 0).mean() < 0.5, "a face, and much beside it"
    assert (swapped[covered == 1] != shot_as[covered == 1]).any()
    assert shot.preview_references
    shot.reference_frames = "1003-1005"
    bpy.ops.understudy.preview_frame()
    assert set(shot.preview_references.replace("-", ", ").split(", ")) <= {"1003", "1004", "1005"}
    assert (_previewed()[0] != swapped).any()
    shot.reference_frames = ""


def test_a_training_is_stopped_and_resumed(session, scene, beside_the_ui):
    shot = scene.understudy
    shot.training.iterations = 100000
    bpy.ops.understudy.train()
    [training] = session.tasks(scene, "model")
    assert training.after is None, "both people are known already"
    until(session, lambda: training.job.metrics.get("loss"))
    assert "Step" in training.line()
    timed(bpy.ops.understudy.stop_job, number=training.number)
    assert training.line() == "Stopping"
    until(session, lambda: not session.is_busy(scene))
    assert training.state == "stopped"
    reached = training.job.metrics["loss"][-1][0]
    shot.training.iterations = reached + 20
    beside_the_ui()  # from here on as a script
    bpy.ops.understudy.train()
    from bl_ext.user_default.understudy.addon.operators.model import card

    assert card(scene)["steps"] == reached + 20
    assert Path(bpy.path.abspath(shot.model), "curve.png").is_file()


@pytest.mark.parametrize("renderer", ["footage", "network"])
def test_a_preview_is_shown_and_compared(session, scene, renderer):
    shot = scene.understudy
    shot.renderer = renderer
    scene.frame_set(1003)
    bpy.ops.understudy.preview_frame()
    assert shot.preview_frame == 1003
    composite, matte = bpy.data.images["Preview Composite"], bpy.data.images["Preview Matte"]
    assert Path(composite.filepath) == Path(shot.preview_composite)
    assert tuple(composite.size) == (512, 288)
    assert composite.colorspace_settings.name == "Linear Rec.709"
    assert matte.colorspace_settings.is_data
    swapped, shot_as, covered = _previewed()
    assert 0.02 < (covered > 0).mean() < 0.5, "a face, and much beside it"
    assert (swapped[covered == 0] == shot_as[covered == 0]).all()
    assert (swapped[covered == 1] != shot_as[covered == 1]).any()
    bpy.ops.understudy.compare(mode="DIFFERENCE")
    assert shot.compare == "DIFFERENCE"
    for what in ("PLATE", "SOURCE", "TRAINING", "CURVE"):
        assert bpy.ops.understudy.show_preview(what=what) == {"FINISHED"}


def _previewed():
    """The pixels (288, 512, 3) of the composite, the plate and the matte."""
    images = (bpy.data.images[f"Preview {part}"] for part in ("Composite", "Plate", "Matte"))
    return [np.array(image.pixels[:]).reshape(288, 512, 4)[..., :3] for image in images]


def test_a_setting_that_the_new_face_has_no_use_for_is_told_in_the_panels_words(session, scene):
    shot = scene.understudy
    shot.renderer, shot.conversion.colour_match = "footage", "reinhard"
    with pytest.raises(RuntimeError, match=r"“Color Match” is for faces that a network paints.*“Renderer: Network”"):
        bpy.ops.understudy.preview_frame()
    shot.conversion.property_unset("colour_match")


def test_an_asked_again_preview_replaces_the_open_one(session, scene, beside_the_ui):
    for opacity in (0.2, 0.5, 1.0):
        scene.understudy.conversion.opacity = opacity
        bpy.ops.understudy.preview_frame()
    until(session, lambda: not session.is_busy(scene))
    [task] = session.tasks(scene, "swap")
    assert (task.state, task.settings["opacity"]) == ("done", 1.0)


def test_a_range_is_converted_into_versions(session, scene):
    shot = scene.understudy
    shot.renderer, shot.plate.frames = "network", "1002-1003"
    bpy.ops.understudy.convert()
    [version] = shot.versions
    assert (version.name, version.first, version.last) == ("v001", 1002, 1003)
    folder = Path(bpy.path.abspath("//understudy/renders/v001"))
    assert sorted(file.name for file in folder.iterdir()) == [f"plate.{frame}.exr" for frame in (1002, 1003)]
    bpy.ops.understudy.open_result()
    result = bpy.data.images["Result"]
    assert (result.source, Path(result.filepath).name) == ("SEQUENCE", "plate.1002.exr")
    shot.renderer = "auto"
    bpy.ops.understudy.convert()
    assert [version.name for version in shot.versions] == ["v001", "v002"]
    assert shot.version_index == 1


def test_a_killed_conversion_is_said_and_finished_in_the_same_version(session, scene, beside_the_ui):
    shot = scene.understudy
    shot.plate.frames = ""
    bpy.ops.understudy.convert()
    [task] = session.tasks(scene, "result", "convert")
    until(session, lambda: task.job.state == "running" and (task.job.folder / "alive").exists())
    from bl_ext.user_default.understudy.addon.link.process import kill_tree

    kill_tree(json.loads((task.job.folder / "alive").read_text())["pid"])
    until(session, lambda: task.ended)
    assert task.state == "failed"
    assert task.problem
    bpy.ops.understudy.show_log(number=task.number)
    assert bpy.data.texts["Understudy Log"].as_string()
    beside_the_ui()  # from here on as a script
    bpy.ops.understudy.convert()
    assert [version.name for version in shot.versions] == ["v001", "v002", "v003"]
    assert (shot.versions[2].first, shot.versions[2].last) == (FIRST, LAST)


def test_the_file_opens_again_in_the_same_state_and_follows_its_job(session, scene, beside_the_ui):
    bpy.ops.understudy.convert()
    [task] = session.tasks(scene, "result", "convert")
    until(session, lambda: task.job.state == "running")
    bpy.ops.wm.save_mainfile()
    path = bpy.data.filepath
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    until(session, lambda: not session.is_recalling)
    session.poll()
    shot = bpy.context.scene.understudy
    assert [version.name for version in shot.versions] == ["v001", "v002", "v003"]
    [again] = session.tasks(bpy.context.scene, "result")
    assert (again.job.folder, again.title, again.ended) == (task.job.folder, "Convert v004", False)
    until(session, lambda: again.ended)
    assert [version.name for version in shot.versions] == ["v001", "v002", "v003", "v004"]
    assert shot.people[0].weakest_confidence > 0
    assert bpy.ops.understudy.preview_frame.poll()


def test_a_gap_is_named_and_does_not_stop_the_plate(session, footage, fresh, tmp_path):
    for frame in (1001, 1002, 1005):
        shutil.copy(footage / f"plate.{frame}.exr", tmp_path / f"shot.{frame}.exr")
    bpy.ops.understudy.load_plate(filepath=str(tmp_path / "shot.1001.exr"))
    assert bpy.context.scene.understudy.gaps == "1003-1004"


def test_a_plate_that_is_not_there_is_one_sentence(session, fresh, tmp_path):
    with pytest.raises(RuntimeError, match=r"nothing\..*\.exr"):
        bpy.ops.understudy.load_plate(filepath=str(tmp_path / "nothing.####.exr"))
