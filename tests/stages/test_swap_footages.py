"""Two footages, two families of options: what is said of one is not done to the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_people import write_exr
from understudy.events import Events
from understudy.settings import AnalysisOptions, ExtractSettings, PlateOptions, SourceOptions, SwapSettings
from understudy.stages import swap

SHARED = {"detector", "landmarker", "recogniser", "pack", "crop", "crop_size", "ocio"}
"""What the two facesets have in common, or the source would not fit the plate."""

OF_A_FOOTAGE = (AnalysisOptions.model_fields.keys() | PlateOptions.model_fields.keys()) - SHARED - {"plate"}

PLATE: dict[str, Any] = {
    "frames": "1001-1002", "colour_space": "ACEScg", "missing": "skip", "face": "index:1", "reference": Path("anne.png"),
    "likeness": 0.4, "min_face": 40.0, "smoothing": 2.0, "lens": 50.0, "cuts": "1002", "corrections": Path("anne.json"),
    "layer": None, "view": None,  # the plate is opened, and has one of each
}  # fmt: skip
SOURCE: dict[str, Any] = {
    "frames": "5-9", "colour_space": "lin_rec709", "missing": "error", "face": "track:2", "reference": Path("bert.png"),
    "likeness": 0.6, "min_face": 30.0, "smoothing": 1.0, "lens": 85.0, "cuts": "none", "corrections": Path("bert.json"),
    "layer": "beauty", "view": "right",
}  # fmt: skip


@pytest.fixture
def extracted(tmp_path, monkeypatch):
    """The settings by which a swap with some options extracts each footage."""
    for frame in (1001, 1002):
        write_exr(tmp_path / f"plate.{frame}.exr", np.full((8, 8, 3), 0.2, np.float16))

    def run(**options: Any) -> dict[str, ExtractSettings]:
        made = list[ExtractSettings]()
        monkeypatch.setattr(swap.extract, "run", lambda settings, _: made.append(settings) or {})
        monkeypatch.setattr(swap.convert, "run", lambda *_: {})
        values = {"plate": f"{tmp_path.as_posix()}/plate.####.exr", "source": "bert.mov", "recogniser": "dlib"}
        swap.run(SwapSettings(**values, out=f"{tmp_path.as_posix()}/o.####.exr", **options), Events())
        return {"source": made[0], "plate": made[1]}

    return run


def test_every_option_of_a_footage_has_a_twin_for_the_source():
    assert {f"source_{name}" for name in OF_A_FOOTAGE} == SourceOptions.model_fields.keys() - {"source"}
    for name in OF_A_FOOTAGE:
        own, twin = SwapSettings.model_fields[name], SwapSettings.model_fields[f"source_{name}"]
        assert (own.annotation, own.default, own.metadata) == (twin.annotation, twin.default, twin.metadata)
    assert set(PLATE) == set(SOURCE) == OF_A_FOOTAGE


def test_what_is_said_of_the_plate_is_not_done_to_the_source(extracted):
    made = extracted(**PLATE)
    usual = ExtractSettings(plate="p", out=Path("o"))
    for name in OF_A_FOOTAGE:
        assert getattr(made["source"], name) == getattr(usual, name), name
        # Of the plate all frames are extracted, whichever are converted.
        assert getattr(made["plate"], name) == (None if name == "frames" else PLATE[name]), name


def test_each_footage_is_extracted_by_its_own_options(extracted):
    made = extracted(**PLATE, **{f"source_{name}": value for name, value in SOURCE.items()})
    assert made["source"].plate == "bert.mov"
    for name in OF_A_FOOTAGE:
        assert getattr(made["source"], name) == SOURCE[name], name
        assert getattr(made["plate"], name) == (None if name == "frames" else PLATE[name]), name


def test_what_finds_and_frames_faces_is_the_same_for_both(extracted):
    options: dict[str, Any] = {"detector": "dlib-hog", "landmarker": "dlib", "crop": "head", "crop_size": 64}
    made = extracted(**options)
    for name, value in options.items():
        assert getattr(made["source"], name) == getattr(made["plate"], name) == value
