"""A real conversion in a process of its own, killed without warning and started again."""

from __future__ import annotations

import random
import time

import pytest
from killing import start, wait_until
from made_people import channel, make_model, make_shot
from understudy.convert.layers import CHANNELS
from understudy.events import Events
from understudy.plate.layers import is_complete
from understudy.settings import ConvertSettings
from understudy.stages import convert


@pytest.mark.slow
def test_a_conversion_that_is_killed_again_and_again_ends_like_one_that_is_not(tmp_path):
    shot = make_shot(tmp_path / "plate", 16, (480, 360))
    values = {
        "plate": shot.pattern, "model": make_model(tmp_path / "model"), "faceset": shot.faceset,
        "convert_batch": 1, "device": "cpu", "occlusion": "none",
    }  # fmt: skip
    settings = ConvertSettings(**values, out=(tmp_path / "out" / "out.####.exr").as_posix())
    arguments = [
        "-m",
        "understudy",
        "convert",
        settings.plate,
        "--out",
        settings.out,
        "--device",
        "cpu",
    ]
    arguments += [
        "--model",
        str(settings.model),
        "--faceset",
        str(settings.faceset),
        "--convert-batch",
        "1",
        "--occlusion",
        "none",
    ]
    moments, seen, told = random.Random(8), [0], tmp_path / "told.txt"
    for _ in range(3):
        process = start(arguments, told)
        wait_until(lambda: len(list((tmp_path / "out").glob("out.*.exr"))) > seen[-1], process, told)
        time.sleep(moments.uniform(0.0, 0.1))
        process.kill()
        process.wait()
        outputs = sorted((tmp_path / "out").glob("out.*.exr"))
        for path in outputs:
            assert is_complete(path, CHANNELS), path
            channel(path, "matte.A")  # every pixel is there
        seen.append(len(outputs))
        assert seen[-1] > seen[-2], told.read_text()
    assert seen[1] < 16, seen
    stamps = {path.name: path.stat().st_mtime_ns for path in outputs}
    report = convert.run(settings, Events())
    assert (report["skipped"], report["frames"]) == (seen[-1], 16 - seen[-1])
    assert all((tmp_path / "out" / name).stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    through = settings.model_copy(update={"out": (tmp_path / "through" / "out.####.exr").as_posix()})
    convert.run(through, Events())
    for frame in shot.frames:
        name = f"out.{frame}.exr"
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "through" / name).read_bytes(), frame
