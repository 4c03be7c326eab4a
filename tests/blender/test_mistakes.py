"""What goes wrong is one clear sentence in the panel, with what to do in the panel's words."""

import json
import os
import shutil
import subprocess
import sys

import bpy
import pytest
from beside import until
from conftest import SAMPLE


def _fails(operator, **given):
    """What a script is told, which is what the panel shows: problem and hint."""
    with pytest.raises(RuntimeError) as told:
        operator(**given)
    return str(told.value).removeprefix("Error: ").strip()


def _clear(task):
    """The problem, which is one sentence, and which names nothing but what a panel has."""
    print(f"{task.problem} {task.hint}")
    assert task.state == "failed"
    assert task.problem.endswith(".") and "\n" not in task.problem and "Errno" not in task.problem
    assert not any(word in task.problem + task.hint for word in ("--", "Traceback", "defect"))
    return task.problem


def test_a_backend_of_another_protocol_is_refused(session, fresh, extension, tmp_path):
    hello = {"event": "hello", "protocol": 2, "events": 1, "version": "9.9.9", "pid": 0}
    program = tmp_path / "newer.py"
    program.write_text(f"import time\nprint({json.dumps(hello)!r}, flush=True)\ntime.sleep(60)\n")
    extension.addon.preferences.preferences().command = f'"{sys.executable}" "{program}"'
    fresh.understudy.plate.plate = str(tmp_path)
    told = _fails(bpy.ops.understudy.inspect_plate)
    assert "The backend speaks protocol 2 and this add-on protocol 1." in told
    assert "Install the same version of both; the backend's is 9.9.9." in told
    [task] = session.tasks(fresh, "plate")
    _clear(task)


def test_a_job_whose_backend_is_not_there_names_it(session, shot, extension, tmp_path):
    extension.addon.preferences.preferences().command = str(tmp_path / "nowhere")
    shot.understudy.analysis.crop = "full"
    told = _fails(bpy.ops.understudy.find_faces)
    assert f"{tmp_path / 'nowhere'} was not found." in told
    assert "Check the backend's command in Preferences" in told
    _clear(*session.tasks(shot, "faces", "extract"))


def test_a_movie_without_frames_is_said_to_have_none(session, fresh, tmp_path):
    movie = tmp_path / "empty.mp4"
    movie.write_bytes(b"YUV4MPEG2 W64 H64 F24:1 Ip A1:1 C420jpeg\n")
    assert "has no pictures in it" in _fails(bpy.ops.understudy.load_plate, filepath=str(movie))
    _clear(*session.tasks(fresh, "plate"))


def test_a_plate_that_is_deleted_while_its_faces_are_found_ends_the_job(session, shot, beside_the_ui, tmp_path):
    footage = tmp_path / "footage"
    footage.mkdir()
    for file in SAMPLE.glob("plate.*.exr"):
        shutil.copy(file, footage)
    shot.understudy.plate.plate = str(footage / "plate.####.exr")
    bpy.ops.understudy.find_faces()
    [task] = session.tasks(shot, "faces", "extract")
    until(session, lambda: task.progress or task.ended)
    shutil.rmtree(footage)
    until(session, lambda: task.ended)
    assert str(footage) in _clear(task)


def test_a_range_without_frames_is_named(session, shot):
    shot.understudy.plate.frames = "2000-2010"
    told = _fails(bpy.ops.understudy.convert)
    assert "Frames 2000-2010 of" in told and "are missing. Give a range that is there" in told
    _clear(*session.tasks(shot, "result", "convert"))
    assert len(shot.understudy.versions) == 0


def test_a_model_is_not_trained_on_with_another_crop(session, shot, tmp_path):
    own = shot.understudy
    footage = tmp_path / "footage"
    footage.mkdir()
    for name in ("plate.1001.exr", "plate.1002.exr", "source_B.1001.exr", "source_B.1002.exr"):
        shutil.copy(SAMPLE / name, footage)
    own.plate.plate, own.source_footage = str(footage / "plate.####.exr"), str(footage / "source_B.####.exr")
    own.analysis.crop = "full"
    told = _fails(bpy.ops.understudy.train)
    assert "was trained on whole crops; these faces are full crops" in told
    [task] = session.tasks(shot, "model", "train")
    _clear(task)


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for half a megabyte."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can make a small disk, on Linux")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"this root may not make a small disk: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_called_full(session, shot, small_disk):
    shot.understudy.folder = str(small_disk)
    shot.understudy.plate.plate = str(SAMPLE / "plate.####.exr")
    told = _fails(bpy.ops.understudy.find_faces)
    assert "is nearly full" in told and "Free some space" in told
    _clear(*session.tasks(shot, "faces", "extract"))
    with (small_disk / "rest").open("wb", buffering=0) as rest, pytest.raises(OSError, match="No space left"):
        while True:
            rest.write(bytes(4096))
    told = _fails(bpy.ops.understudy.find_faces)
    assert "cannot be used: No space left on device." in told and "Errno" not in told
