from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import torch
from made_clock import Clock
from made_shots import RED, picture, register, walk, write_frame
from understudy import bench, stopwatch
from understudy.bench.conversion import against_exr, fixture
from understudy.bench.conversion import convert as bench_convert
from understudy.bench.conversion.fixture import make_bed
from understudy.errors import Interrupted, MissingInputError, UsageError
from understudy.events import Events
from understudy.plate.layers import LayerWriter
from understudy.settings import BenchSettings
from understudy.stages import convert


@pytest.fixture
def sample(monkeypatch, tmp_path):
    """A sample folder of squares, with networks that see nothing else."""
    register(monkeypatch.setitem)
    monkeypatch.setattr(fixture, "RESOLUTION", 64)
    for footage in ("source_B", "target_A"):
        for index in range(16):
            frame = picture(160, 120, [(20.0 + 4 * index, 40.0, 40.0, RED)])
            write_frame(tmp_path / f"{footage}.{1001 + index}.exr", frame)
    for index, squares in enumerate(walk(5)):  # the last frame has no face that could be swapped
        write_frame(tmp_path / f"plate.{1001 + index}.exr", picture(160, 120, squares))
    return tmp_path


def test_conversion_is_measured_against_reading_and_writing_the_same_frames(sample, monkeypatch):
    compared, clock = [], Clock()
    clock.put_into(monkeypatch, stopwatch)

    class Comparing(LayerWriter):
        """Compares each copy with the converted frame, by another library, before both are thrown away."""

        def submit(self, path, *rest, **more):
            compared.append(path)
            clock.sleep(1.5)
            super().submit(path, *rest, **more)

        def __exit__(self, *rest):
            super().__exit__(*rest)
            for path in compared[-5:]:
                copy, shot = (
                    channels(path.with_name(f"{name}.{path.suffixes[0][1:]}.exr")) for name in ("copy", "shot")
                )
                assert copy.keys() == shot.keys() >= {"R", "A", "swap.R", "matte.A", "st.u", "confidence.Y"}
                assert all(copy[name].dtype == shot[name].dtype for name in shot)
                assert all(np.array_equal(copy[name], shot[name]) for name in shot)

    monkeypatch.setattr(against_exr, "LayerWriter", Comparing)
    compose = convert.compose
    monkeypatch.setattr(convert, "compose", lambda *rest: clock.sleep(2) or compose(*rest))
    folder = sample / "bench"
    made = make_bed((sample / "plate.%04d.exr").as_posix(), folder, Events())
    told = against_exr.measure_against_exr(made, folder, Events(), rounds=2)
    assert [path.name for path in compared] == [f"copy.{1001 + index}.exr" for index in range(5)] * 2
    assert told["frames"] == 5
    assert (told["seconds"], told["frames_per_second"]) == (20, 0.5)
    assert (told["exr_seconds"], told["exr_frames_per_second"]) == (15, pytest.approx(10 / 15))
    assert told["against_exr"] == 0.75
    assert told["shares"] == {"networks": 0, "placing": 1, "reading": 0, "writing": 0, "other": 0}
    assert told["outside_networks"] == 1


def channels(path: Path) -> dict[str, np.ndarray]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels for name, channel in file.channels().items()}


def measures(monkeypatch) -> list[str]:
    """Measurements that only say that they were taken."""
    taken: list[str] = []
    for name in bench.MEASURES:
        monkeypatch.setitem(
            bench.MEASURES,
            name,
            lambda events, sample, *rest, name=name, **more: taken.append(name) or {"taken": name, **more},
        )
    return taken


def test_what_is_asked_for_is_measured(monkeypatch):
    taken = measures(monkeypatch)
    assert bench.run(BenchSettings(what="train"), Events())["train"] == {"taken": "train"}
    assert taken == ["train"]
    told = bench.run(BenchSettings(what="convert", model=Path("carl")), Events())["convert"]
    assert told == {"taken": taken.pop(), "model": Path("carl")}
    report = bench.run(BenchSettings(), Events())
    assert taken[1:] == ["faces", "train", "convert", "render"]
    assert list(report) == ["machine", "faces", "train", "convert", "render"]


def test_rendering_is_measured_on_several_samples_and_judged_as_is_asked(monkeypatch):
    asked = []
    monkeypatch.setitem(bench.MEASURES, "render", lambda events, samples, judges: asked.append((samples, judges)) or {})
    samples = [Path("full"), Path("cd")]
    bench.run(BenchSettings(what="render", sample=samples, colour_space="scene_linear", pack="mini"), Events())
    bench.run(BenchSettings(what="render"), Events())
    assert asked == [
        (samples, bench.render.Judges("scene_linear", "auto", "mini")),
        ([bench.SAMPLE], bench.render.Judges()),
    ]


@pytest.mark.parametrize(
    ("what", "options", "sentence"),
    [
        ("faces", {"sample": [Path("a"), Path("b")]}, "Several samples"),
        ("train", {"colour_space": "scene_linear"}, "--colour-space is for bench render"),
        ("convert", {"recogniser": "dlib"}, "--recogniser is for bench render"),
        ("faces", {"pack": "mini"}, "--pack is for bench render"),
        ("render", {"model": Path("carl")}, "--model is measured with conversion"),
    ],
)
def test_an_option_that_a_measurement_has_no_use_for_is_named(what, options, sentence, monkeypatch):
    taken = measures(monkeypatch)
    with pytest.raises(UsageError, match=sentence):
        bench.run(BenchSettings(what=what, **options), Events())
    assert taken == []


def test_the_machine_is_described_but_not_named(monkeypatch):
    measures(monkeypatch)
    monkeypatch.setattr(platform, "node", lambda: "render07")
    machine = bench.run(BenchSettings(), Events())["machine"]
    assert machine["cores"] == os.cpu_count()
    assert machine["device"] == "cpu" or torch.cuda.is_available() or torch.backends.mps.is_available()
    assert platform.machine() in machine["system"]
    assert "render07" not in json.dumps(machine)


def test_a_stop_ends_the_bench_between_measurements(monkeypatch):
    taken = measures(monkeypatch)
    with pytest.raises(Interrupted):
        bench.run(BenchSettings(), Events(stop=lambda: len(taken) == 1))
    assert taken == ["faces"]


def test_a_sample_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=tmp_path.name):
        bench_convert.measure(Events(), tmp_path)
