"""A real conversion in a process of its own, killed without warning and started again."""

from __future__ import annotations

import os
import signal

import pytest
from killing import call, preload
from made_people import channel, make_model, make_shot
from understudy.convert.layers.compose import CHANNELS
from understudy.events import Events
from understudy.plate.layers import is_complete
from understudy.settings import ConvertSettings
from understudy.stages import convert

FRAMES = 8
KILLED = signal.SIGTERM if os.name == "nt" else -signal.SIGKILL


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    preload("understudy.stages.convert")


@pytest.mark.slow
def test_a_conversion_that_is_killed_again_and_again_ends_like_one_that_is_not(tmp_path):
    shot = make_shot(tmp_path / "plate", FRAMES)
    values = {
        "plate": shot.pattern, "model": make_model(tmp_path / "model"), "faceset": shot.faceset,
        "convert_batch": 1, "device": "cpu", "occlusion": "none",
    }  # fmt: skip
    settings = ConvertSettings(**values, out=(tmp_path / "out" / "out.####.exr").as_posix())
    arguments = ["convert", settings.plate, "--out", settings.out, "--device", "cpu"]
    arguments += ["--model", str(settings.model), "--faceset", str(settings.faceset)]
    arguments += ["--convert-batch", "1", "--occlusion", "none"]
    seen, told = 0, tmp_path / "told.txt"
    for renames in (1, 4, 3):  # the last one is not put into its place any more
        process = call(arguments, told, renames=renames)
        assert process.wait() == KILLED, told.read_text()
        outputs = sorted((tmp_path / "out").glob("out.*.exr"))
        for path in outputs:
            assert is_complete(path, CHANNELS), path
            channel(path, "matte.A")  # every pixel is there
        seen += renames - 1
        assert len(outputs) == seen
    stamps = {path.name: path.stat().st_mtime_ns for path in outputs}
    report = convert.run(settings, Events())
    assert (report["skipped"], report["frames"]) == (seen, FRAMES - seen)
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    through = settings.model_copy(update={"out": (tmp_path / "through" / "out.####.exr").as_posix()})
    convert.run(through, Events())
    for frame in shot.frames:
        name = f"out.{frame}.exr"
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "through" / name).read_bytes(), frame
