"""Every mistake ends in one clear sentence and its exit code."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import made_shots
import numpy as np
import pytest
from made_people import ANNE, BERT, MadeShot, make_faceset, make_model, make_shot, tiny_preset, write_exr
from understudy.cli import main
from understudy.convert.layers.compose import CHANNELS
from understudy.errors import ExitCode
from understudy.face.components import registry
from understudy.plate.layers import is_complete
from understudy.training.presets import PRESETS

Says = Callable[..., str]
"""The fixture of tests/conftest.py."""


@pytest.fixture(autouse=True)
def squares_for_faces(monkeypatch) -> None:
    made_shots.register(monkeypatch.setitem)


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> MadeShot:
    return make_shot(tmp_path_factory.mktemp("shot"), 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("people")
    return make_faceset(folder / "bert", BERT, 3), make_faceset(folder / "anne", ANNE, 3)


def squares(folder: Path, count: int = 3) -> str:
    return made_shots.write_shot(folder, made_shots.walk(count))


def test_missing_frames(tmp_path, says):
    plate = squares(tmp_path / "plate", 4)
    Path(plate % 1002).unlink()
    told = says(ExitCode.MISSING_INPUT, "extract", plate, "--out", tmp_path / "faces")
    assert "1002" in told and "missing" in told
    assert "2000" in says(
        ExitCode.MISSING_INPUT, "extract", plate, "--frames", "1001,2000", "--out", tmp_path / "faces"
    )
    nothing = tmp_path / "plate" / "no.####.exr"
    assert "no.%04d.exr" in says(ExitCode.MISSING_INPUT, "extract", nothing, "--out", tmp_path / "faces")
    assert not (tmp_path / "faces").exists()


def test_a_truncated_frame(tmp_path, says, shot, model):
    plate = squares(tmp_path / "plate")
    second = Path(plate % 1002)
    second.write_bytes(second.read_bytes()[:-300])
    assert "1002" in says(ExitCode.UNREADABLE, "extract", plate, "--out", tmp_path / "faces")
    shutil.copytree(Path(shot.pattern).parent, tmp_path / "shot")
    cut = tmp_path / "shot" / "shot.1002.exr"
    cut.write_bytes(cut.read_bytes()[:-300])
    told = says(
        ExitCode.UNREADABLE, "convert", tmp_path / "shot" / "shot.####.exr", "--model", model,
        "--faceset", shot.faceset, "--out", tmp_path / "out" / "o.####.exr",
    )  # fmt: skip
    assert "shot.1002.exr" in told
    assert not list((tmp_path / "out").glob("*1002*"))


def test_no_face_in_the_shot(tmp_path, says, model):
    plate = made_shots.write_shot(tmp_path / "plate", [[], []])
    assert "No face" in says(ExitCode.NO_FACE, "extract", plate, "--out", tmp_path / "faces")
    assert "No face" in says(ExitCode.NO_FACE, "convert", plate, "--model", model, "--out", tmp_path / "o.####.exr")
    assert not list(tmp_path.glob("o.*"))


def test_one_face_where_several_stand(tmp_path, says, model):
    plate = made_shots.write_shot(tmp_path / "plate", made_shots.two(5))
    told = says(ExitCode.AMBIGUOUS_FACE, "extract", plate, "--out", tmp_path / "faces")
    assert "2 people" in told
    assert main(["extract", plate, "--out", str(tmp_path / "all"), "--face", "all", "--crop-size", "64"]) == 0
    told = says(
        ExitCode.AMBIGUOUS_FACE, "convert", plate, "--model", model, "--faceset", tmp_path / "all",
        "--out", tmp_path / "o.####.exr",
    )  # fmt: skip
    assert "1001" in told


def test_an_unknown_colour_space(tmp_path, says, shot, model):
    for command in (
        ["extract", shot.pattern, "--out", tmp_path / "faces"],
        ["convert", shot.pattern, "--model", model, "--faceset", shot.faceset, "--out", tmp_path / "o.####.exr"],
    ):
        assert "no_such_space" in says(ExitCode.COLOUR, *command, "--colour-space", "no_such_space")
    assert "nowhere.ocio" in says(
        ExitCode.COLOUR, "extract", shot.pattern, "--out", tmp_path / "faces", "--ocio", tmp_path / "nowhere.ocio"
    )


@pytest.mark.parametrize("size", [(2, 2), (1, 1)])
def test_a_picture_of_a_few_pixels(tmp_path, says, size):
    write_exr(tmp_path / "small.1001.exr", np.full((size[1], size[0], 3), 0.5, np.float16))
    says(ExitCode.NO_FACE, "extract", tmp_path / "small.1001.exr", "--out", tmp_path / "faces")


def test_two_pixels_square_with_the_real_detector(tmp_path, says, monkeypatch):
    pytest.importorskip("mediapipe")
    from understudy.face.components.mediapipe_models import MediapipeDetector

    monkeypatch.setitem(registry.DETECTORS, "mediapipe", lambda _pack: MediapipeDetector())
    write_exr(tmp_path / "small.1001.exr", np.full((2, 2, 3), 0.5, np.float16))
    says(ExitCode.NO_FACE, "extract", tmp_path / "small.1001.exr", "--out", tmp_path / "faces")


def test_a_folder_of_text_files(tmp_path, says):
    folder = tmp_path / "notes"
    folder.mkdir()
    for index in range(3):
        (folder / f"note.{index:04d}.txt").write_text("not a picture")
    assert "notes" in says(ExitCode.UNREADABLE, "extract", folder, "--out", tmp_path / "faces")
    (folder / "shot.1001.exr").write_text("not a picture either")
    assert "shot.1001.exr" in says(
        ExitCode.UNREADABLE, "extract", folder / "shot.####.exr", "--out", tmp_path / "faces"
    )
    assert "notes" in says(ExitCode.FACESET, "train", "--source", folder, "--target", folder, "--model", tmp_path / "m")


def test_a_model_of_another_resolution_or_an_impossible_one(tmp_path, says, people, monkeypatch):
    monkeypatch.setitem(PRESETS, "cpu", tiny_preset())
    train = ["train", "--source", people[0], "--target", people[1], "--model", tmp_path / "m", "--device", "cpu"]
    assert "100" in says(ExitCode.MODEL, *train, "--resolution", "100")
    assert main([*map(str, train), "--resolution", "64", "--iterations", "1"]) == 0
    told = says(ExitCode.MODEL, *train, "--resolution", "128")
    assert "64 px" in told and "128 px" in told
    assert "resolution" in says(ExitCode.USAGE, *train, "--resolution", "32")


def test_a_model_that_is_missing_or_damaged(tmp_path, says, shot, model):
    convert = ["convert", shot.pattern, "--faceset", shot.faceset, "--out", tmp_path / "o.####.exr", "--model"]
    assert "nowhere" in says(ExitCode.MODEL, *convert, tmp_path / "nowhere")
    shutil.copytree(model, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    assert "model.safetensors" in says(ExitCode.MODEL, *convert, tmp_path / "m")
    weights.write_text("{}")
    assert "model.safetensors" in says(ExitCode.MODEL, *convert, tmp_path / "m")
    assert not list(tmp_path.glob("o.*"))


def test_facesets_that_do_not_go_together(tmp_path, says, people):
    close = make_faceset(tmp_path / "close", ANNE, 2, kind="face")
    other_space = make_faceset(tmp_path / "space", ANNE, 2, colour_space="lin_rec709_scene")
    for other, word in ((close, "face crops"), (other_space, "lin_rec709_scene")):
        told = says(ExitCode.FACESET, "train", "--source", people[0], "--target", other, "--model", tmp_path / "m")
        assert word in told
    told = says(
        ExitCode.FACESET, "train", "--source", people[0], close, "--target", people[1], "--model", tmp_path / "m"
    )
    assert "crops" in told
    damaged = make_faceset(tmp_path / "damaged", ANNE, 2)
    victim = sorted(damaged.glob("*.exr"))[0]
    victim.write_bytes(victim.read_bytes()[:-200])
    told = says(ExitCode.FACESET, "train", "--source", people[0], "--target", damaged, "--model", tmp_path / "m")
    assert victim.name in told
    assert not (tmp_path / "m").exists()


def test_an_output_without_a_frame_number(tmp_path, says, shot, model):
    told = says(
        ExitCode.USAGE,
        "convert",
        shot.pattern,
        "--model",
        model,
        "--faceset",
        shot.faceset,
        "--out",
        tmp_path / "o.exr",
    )
    assert "o.exr" in told and "frame number" in told


def test_a_device_that_is_not_there(tmp_path, says, people, shot, model):
    train = ["train", "--source", people[0], "--target", people[1], "--model", tmp_path / "m"]
    convert = ["convert", shot.pattern, "--model", model, "--faceset", shot.faceset, "--out", tmp_path / "o.####.exr"]
    for command in (train, convert):
        assert "cuda:77" in says(ExitCode.COMPONENT, *command, "--device", "cuda:77")
        assert "toaster" in says(ExitCode.USAGE, *command, "--device", "toaster")


def test_values_out_of_range(tmp_path, says, shot, model):
    convert = ["convert", shot.pattern, "--model", model, "--out", tmp_path / "o.####.exr"]
    assert "opacity" in says(ExitCode.USAGE, *convert, "--opacity", "3")
    assert "nobody" in says(ExitCode.USAGE, *convert, "--faceset", shot.faceset, "--face", "nobody")


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Callable[[int], Path]]:
    """A folder that holds only so many KiB: a disk of its own where that may be mounted, else a limit on files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with contextlib.ExitStack() as undo:

        def make(size: int) -> Path:
            command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
            with contextlib.suppress(OSError):
                if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                    undo.callback(subprocess.run, ["umount", str(folder)], check=True)
                    return folder
            resource = pytest.importorskip("resource")
            before = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size * 512, before[1]))
            undo.callback(resource.setrlimit, resource.RLIMIT_FSIZE, before)
            return folder

        yield make


@pytest.mark.parametrize("size", [200, 4000])  # too little for the pictures; enough for them and not for the weights
def test_a_full_disk_while_training(says, people, small_disk, size):
    disk = small_disk(size)
    train = [
        "train",
        "--source",
        people[0],
        "--target",
        people[1],
        "--iterations",
        "1",
        "--batch",
        "1",
        "--device",
        "cpu",
    ]
    told = says(ExitCode.OUTPUT, *train, "--model", disk / "m")
    assert str(disk / "m") in told
    left = [path.name for path in (disk / "m").iterdir()]
    assert not any(name.startswith(".") or name.endswith(".safetensors") for name in left), left


def test_a_full_disk_while_converting(tmp_path, says, model, small_disk):
    rng = np.random.default_rng(0)

    def noise(image: np.ndarray, index: int) -> None:
        image += rng.normal(0, 0.05, image.shape).astype(image.dtype)

    shot = make_shot(tmp_path / "plate", 6, (224, 200), spoil=noise)
    disk = small_disk(1200)
    convert = ["convert", shot.pattern, "--model", model, "--faceset", shot.faceset, "--occlusion", "none"]
    # On a disk of its own some frames fit; where only files are limited, not even one may.
    told = says(ExitCode.OUTPUT, *convert, "--compression", "none", "--out", disk / "o.####.exr")
    assert str(disk / "o.") in told
    assert all(is_complete(path, CHANNELS) for path in disk.iterdir())
