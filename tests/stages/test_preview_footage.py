"""One frame of a new face made of footage: the pixels of conversion, and no more work than what has changed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import understudy
from made_people import bits, channel
from understudy.convert import new_face
from understudy.convert.cache import LatestCache
from understudy.errors import NoFaceError, UsageError
from understudy.events import Events
from understudy.extraction import shot as shots
from understudy.faceset.store import Faceset
from understudy.rendering.renderer import ShotRenderer
from understudy.settings import ConvertSettings, ExtractSettings, PreviewSettings
from understudy.stages import convert, extract, preview

SAMPLE = Path(understudy.__file__).parent / "sample"
PLATE = (SAMPLE / "plate.%04d.exr").as_posix()


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Path:
    """A folder with the facesets ``plate``, of four frames, and ``source``."""
    folder = tmp_path_factory.mktemp("people")
    for name, footage, frames in (
        ("plate", PLATE, "1009-1012"),
        ("source", (SAMPLE / "source_B.%04d.exr").as_posix(), "1001-1064x8"),
    ):
        wanted = ExtractSettings(plate=footage, frames=frames, out=folder / name, crop_size=128)
        extract.run(wanted, Events())
    return folder


@pytest.fixture
def source(people, tmp_path) -> Path:
    return Path(shutil.copytree(people / "source", tmp_path / "source"))


def settings(people: Path, footage: Path, folder: Path, frame: int = 1010, **changes: Any) -> PreviewSettings:
    values: dict[str, Any] = {"plate": PLATE, "source": footage, "faceset": people / "plate", "out": folder}
    return PreviewSettings(**{**values, "frame": frame, "occlusion": "none", **changes})


@pytest.fixture
def work(monkeypatch) -> Counter[str]:
    """Counts what is done while previews are made."""
    done: Counter[str] = Counter()

    def spied(owner: Any, name: str, said: str) -> None:
        straight: Callable[..., Any] = getattr(owner, name)

        def spy(*arguments: Any, **options: Any) -> Any:
            done[said] += 1
            return straight(*arguments, **options)

        monkeypatch.setattr(owner, name, spy)

    spied(preview.ColourManager, "__init__", "colour")
    spied(shots, "read_frame", "frame")
    spied(new_face, "fit_shape", "shape")
    spied(ShotRenderer, "__init__", "shot")
    spied(ShotRenderer, "in_crop", "sharpness")
    spied(ShotRenderer, "place", "head")
    spied(ShotRenderer, "render", "face")
    return done


def test_other_edges_and_colours_make_nothing_again_that_they_do_not_change(people, source, tmp_path, work):
    kept = LatestCache()

    def cost(**changes: Any) -> dict[str, int]:
        work.clear()
        assert preview.run(settings(people, source, tmp_path / "look", **changes), Events(), kept)["face"]
        return dict(work)

    everything = {"colour": 1, "frame": 5, "shape": 2, "shot": 1, "sharpness": 4, "head": 1, "face": 1}
    assert cost() == everything
    assert cost() == {}
    for changes in (
        {"feather": 0.2}, {"erode": 4.0}, {"opacity": 0.5}, {"defocus": 2.0}, {"grain": 0.0}, {"sharpness": 0.3},
        {"blend": "pyramid"}, {"out": tmp_path / "there"},
    ):  # fmt: skip
        # What is seen of the face is larger where its edge is: it may have to be lit again, and no more than that.
        assert set(cost(**changes)) <= ({"face"} if "erode" in changes or "feather" in changes else set()), changes
    for changes in ({"relight": 0.2}, {"colour_strength": 0.5}, {"colour_part": "chroma"}, {"colour_match": "none"}):
        assert cost(**changes) == {"face": 1}, changes
    assert cost(face_scale=1.1) == {"head": 1, "face": 1}
    assert cost(frame=1011) == {"frame": 1, "head": 1, "face": 1}
    assert cost(frame=1011) == {}
    heads = {"frame": 4, "shot": 1, "sharpness": 4, "head": 1, "face": 1}
    assert cost(frame=1011, reference_frames="1001-1033x8") == heads
    assert cost(frame=1011, occlusion="hands") == heads


def test_other_faces_of_the_source_make_another_new_face(people, source, tmp_path, work):
    kept = LatestCache()
    wanted = settings(people, source, tmp_path / "look")
    preview.run(wanted, Events(), kept)
    faceset = Faceset.open(source)
    faceset.remove(faceset.faces()[::2])
    work.clear()
    preview.run(wanted, Events(), kept)
    assert work == {"frame": 4, "shape": 1, "shot": 1, "sharpness": 4, "head": 1, "face": 1}, (
        "the plate's head is known"
    )
    faceset.remove(faceset.faces()[1:])
    with pytest.raises(NoFaceError, match="holds one face"):
        preview.run(wanted, Events(), kept)


@pytest.mark.parametrize("changes", [{}, {"feather": 0.15, "relight": 0.3, "colour_match": "none", "matte": "hull"}])
def test_the_composite_is_the_one_that_conversion_writes_whatever_was_shown_before(people, source, tmp_path, changes):
    kept, wanted = LatestCache(), settings(people, source, tmp_path / "look", **changes)
    preview.run(settings(people, source, tmp_path / "look", 1011, relight=0.7), Events(), kept)
    files = preview.run(wanted, Events(), kept)["files"]
    shared = {name: getattr(wanted, name) for name in ConvertSettings.model_fields if hasattr(wanted, name)}
    out = f"{tmp_path.as_posix()}/out.####.exr"
    convert.run(ConvertSettings(**{**shared, "frames": "1010", "out": out}), Events())
    for name in "RGB":
        composite = bits(channel(Path(files["composite"]), name))
        np.testing.assert_array_equal(composite, bits(channel(tmp_path / "out.1010.exr", name)))
        assert (composite != bits(channel(Path(files["plate"]), name))).any()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"matte": "learned"}, "--matte is for faces that a network paints"),
        ({"colour_match": "idt"}, "--colour-match is for faces that a network paints"),
        ({"source": None}, "no faceset of it is given"),
        ({"renderer": "network"}, "no model is given"),
        ({"model": Path("model")}, "without a model"),
    ],
)
def test_what_footage_has_no_use_for_is_refused(people, source, tmp_path, changes, told):
    with pytest.raises(UsageError, match=told):
        preview.run(settings(people, source, tmp_path / "look", **changes), Events(), LatestCache())
    assert not (tmp_path / "look").exists()
