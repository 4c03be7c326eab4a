"""A real extraction in a process of its own, killed without warning and started again."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from killing import call, preload, wait_until
from understudy.events import Events
from understudy.faceset.crop import read_pixels, read_record
from understudy.settings import ExtractSettings
from understudy.stages import extract

DEMO = Path(__file__).parents[3] / "shared" / "data" / "synthetic" / "demo"


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    preload("mediapipe", "understudy.stages.extract")


def content(folder: Path) -> dict[str, object]:
    """A faceset's files; of crops what they say and show, for their headers hold the time of day. Not the index."""
    return {
        path.relative_to(folder).as_posix(): (read_record(path).to_json(), read_pixels(path).tobytes())
        if path.suffix == ".exr" and not path.name.startswith(".")
        else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "index.npz"
    }


@pytest.mark.slow
def test_an_extraction_that_is_killed_again_and_again_ends_like_one_that_is_not(tmp_path):
    pytest.importorskip("mediapipe")
    if not DEMO.is_dir():
        pytest.skip("the synthetic people (../shared/data/synthetic) are not here")
    plate = (DEMO / "plate.%04d.exr").as_posix()
    extract.run(ExtractSettings(plate=plate, out=tmp_path / "through", crop_size=128), Events())
    settings = ExtractSettings(plate=plate, out=tmp_path / "killed", crop_size=128)
    arguments = ["extract", plate, "--out", str(settings.out), "--crop-size", "128"]
    moments, told = random.Random(5), tmp_path / "told.txt"
    journal = settings.out / "frames.jsonl"
    seen: list[int] = []
    for _ in range(3):
        before = journal.stat().st_size if journal.exists() else 0
        process = call(arguments, told)
        # From when it begins to write: somewhere within the next frames.
        wait_until(lambda: journal.exists() and journal.stat().st_size > before, process, told)  # noqa: B023
        time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.wait()
        seen.append(journal.read_bytes().count(b"\n"))
        for crop in settings.out.glob("[!.]*.exr"):
            read_pixels(crop)  # whole, or not there
    assert 0 < seen[0] < 24, seen
    assert seen == sorted(seen)
    extract.run(settings, Events())
    ours, through = content(settings.out), content(tmp_path / "through")
    assert ours.keys() == through.keys()
    assert [name for name, held in ours.items() if held != through[name]] == []
