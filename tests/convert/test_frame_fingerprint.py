"""A frame is complete when it was made of what it would be made of now, and of nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import OpenEXR
import pytest
import torch
from made_people import BERT, MadeShot, channel, make_faceset, make_model, make_shot, read_exr
from understudy.convert.frame_fingerprint import UNTOLD, Fingerprints, differences, told_by
from understudy.errors import UsageError
from understudy.events import Events, Recorder
from understudy.faceset.store import Faceset
from understudy.model.store import load_model, save_model
from understudy.plate.header import FINGERPRINT
from understudy.settings import ConversionOptions, ConvertSettings, animates
from understudy.stages import convert

FRAMES = [1001, 1002, 1003, 1004, 1005, 1006]
WITHOUT_FACE = 1003


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, MadeShot, dict[str, Any]]:
    """A folder with a conversion that was made, its shot, and its options."""
    folder = tmp_path_factory.mktemp("made")
    shot, model = make_shot(folder / "shot", 6, faceless=(2,)), make_model(folder / "model")
    roto = folder / "roto"
    roto.mkdir()
    for frame in FRAMES:
        cv2.imwrite(str(roto / f"r.{frame}.png"), np.full((96, 112), 200, np.uint8))
    values: dict[str, Any] = {
        "plate": shot.pattern, "model": model, "faceset": shot.faceset, "device": "cpu", "occlusion": "none", "grain": 0,
        "roto": f"{roto.as_posix()}/r.####.png", "out": f"{folder.as_posix()}/out/o.####.exr",
    }  # fmt: skip
    assert convert.run(ConvertSettings(**values), Events())["frames"] == len(FRAMES)
    return folder, shot, values


@pytest.fixture
def base(made) -> Iterator[dict[str, Any]]:
    """The options of a conversion that was made; whatever a test does to its files is undone."""
    folder, _, values = made
    before = {path: (path.read_bytes(), path.stat()) for path in folder.rglob("*") if path.is_file()}
    yield values
    for path, (data, status) in before.items():
        if not path.exists() or path.stat().st_mtime_ns != status.st_mtime_ns:
            path.write_bytes(data)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def shot(made) -> MadeShot:
    return made[1]


@pytest.fixture
def planned(base, monkeypatch) -> Callable[..., tuple[list[int], dict[str, int], list[str]]]:
    """Which frames a conversion with other options would write, why, and what it says; nothing is written."""

    def plan(**changes: Any) -> tuple[list[int], dict[str, int], list[str]]:
        todo, recorder = list[int](), Recorder()
        with monkeypatch.context() as patch:
            patch.setattr(convert, "_convert", lambda *given: todo.extend(given[6]))
            report = convert.run(ConvertSettings(**{**base, **changes}), Events(recorder))
        assert report["frames"] == len(todo)
        return todo, report["changed"], [note["text"] for note in recorder.of("note")]

    return plan


def later(path: Path) -> None:
    """As if the same number of bytes had been written a second later."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def test_what_was_made_of_the_same_is_kept_and_that_is_told(planned):
    todo, changed, notes = planned()
    assert (todo, changed) == ([], {})
    assert "6 of 6 frames are there already, made of the same, and are kept." in notes
    # What makes no other picture, and another range.
    assert planned(device="auto", convert_batch=3, frames="1002-1003")[:2] == ([], {})


def test_another_layer_of_the_plate_s_files_makes_its_frames_again(planned):
    todo, changed, _ = planned(layer="rgba")
    assert (todo, changed) == (FRAMES, {"layer": len(FRAMES)})


def other(name: str) -> Any:
    """Another value of the option than its default, within its range."""
    info = ConversionOptions.model_fields[name]
    if info.annotation is bool:
        return not info.default
    if info.annotation is int:
        return info.default + 1
    if animates(info.annotation):
        low = next((mark.ge for mark in info.metadata if hasattr(mark, "ge")), 0.0)
        high = next((mark.le for mark in info.metadata if hasattr(mark, "le")), 1.0)
        return (low + high) / 2 if (low + high) / 2 != info.default else (low + 3 * high) / 4
    if choices := get_args(info.annotation):
        return next(choice for choice in choices if choice not in (info.default, type(None), str))
    return "carl"


def test_every_option_of_the_look_makes_its_frames_again(planned, monkeypatch):
    """Of a new option too, whoever adds it."""
    given = list[Any]()
    monkeypatch.setattr(convert, "Fingerprints", lambda *all_of_it: given.extend(all_of_it) or Fingerprints(*all_of_it))
    planned()
    settings, *rest = given
    before = Fingerprints(settings, *rest).of(1001)
    for name in sorted(set(ConversionOptions.model_fields) - {"holdout", "roto", "force", "keep"}):
        value = {"grain": 0.5, "occlusion": "hands"}.get(name, other(name))
        after = Fingerprints(settings.model_copy(update={name: value}), *rest).of(1001)
        assert differences(before, after) == ([] if name == "convert_batch" else [name])


def test_what_changed_is_told_by_name(planned):
    todo, changed, notes = planned(erode=2.0, blend="gradient")
    assert todo == FRAMES and changed == {"blend": 6, "erode": 6}
    assert any("this changed since they were made: blend (6), erode (6)." in note for note in notes)


def test_options_that_animate_count_as_they_are_on_each_frame(planned):
    assert planned(opacity="1001:1,1004:1,1006:0")[0] == [1005, 1006]


def a_crop_again(base: dict[str, Any]) -> None:
    later(next(Path(base["faceset"]).glob("*.1002.*.exr")))


def a_crop_less(base: dict[str, Any]) -> None:
    next(Path(base["faceset"]).glob("*.1002.*.exr")).unlink()


def trained_on(base: dict[str, Any]) -> None:
    """The same model some steps later, of the same size: what a swap with more minutes has."""
    network, card = load_model(base["model"], torch.device("cpu"))
    weights = network.state_dict()
    next(iter(weights.values())).add_(1e-3)
    save_model(base["model"], network, card)


def a_frame_of_the_plate(base: dict[str, Any]) -> None:
    """One without a face: nothing of the shot is measured on it."""
    later(Path(base["plate"].replace("%04d", str(WITHOUT_FACE)).replace("####", str(WITHOUT_FACE))))


def a_matte(base: dict[str, Any]) -> None:
    later(Path(base["roto"].replace("####", "1005")))


@pytest.mark.parametrize(
    ("change", "frames", "name"),
    [
        (a_crop_again, FRAMES, "faces"),
        (a_crop_less, FRAMES, "faces"),
        (trained_on, FRAMES, "model"),
        (a_frame_of_the_plate, [WITHOUT_FACE], "plate"),
        (a_matte, [1005], "roto"),
    ],
)
def test_frames_are_made_again_where_what_they_are_made_of_changed(base, planned, change, frames, name):
    change(base)
    todo, changed, _ = planned()
    assert todo == frames and changed == {name: len(frames)}
    todo, changed, notes = planned(keep=True)
    assert todo == [] and changed == {name: len(frames)}
    assert any("are kept as they are (--keep), though this changed" in note for note in notes)


def test_a_plates_frame_on_which_the_grain_is_measured_changes_all(base, planned, shot):
    later(shot.plate(1001))
    todo, changed, _ = planned()
    assert todo == FRAMES and changed == {"faces": 6, "plate": 1}


def test_another_profile_or_layer_or_person_is_another_frame(base, planned, tmp_path):
    assert planned(profile="parts")[1] == {"profile": 6}
    todo, changed, _ = planned(extra_layers=["depth"])
    assert todo == FRAMES and not changed  # they lack the layer
    assert planned(also=[f"index:0={make_model(tmp_path / 'two')}"])[0] == FRAMES


def test_a_frame_that_does_not_tell_what_it_was_made_of_is_made_again(base, planned):
    """As those of older versions, and of a program that wrote the layers anew."""
    path = Path(base["out"].replace("####", "1004"))
    part = read_exr(path).parts[0]
    header = {name: value for name, value in part.header.items() if name != FINGERPRINT}
    channels = {name: one.pixels for name, one in part.channels.items()}
    OpenEXR.File(header, channels).write(str(path))
    assert told_by(path) is None
    assert planned()[:2] == ([1004], {UNTOLD: 1})
    assert planned(keep=True)[0] == []


def test_keep_still_writes_what_is_not_there(base, planned):
    Path(base["out"].replace("####", "1002")).unlink()
    assert planned(keep=True, opacity=0.5)[0] == [1002]


def test_force_and_keep_exclude_each_other(base):
    with pytest.raises(UsageError, match="--force writes every frame again, and --keep none"):
        convert.run(ConvertSettings(**base, force=True, keep=True), Events())


def test_a_frame_made_again_has_the_bits_of_one_made_at_once(base, tmp_path):
    changed = {**base, "opacity": 0.5, "frames": "1001-1002"}
    assert convert.run(ConvertSettings(**changed), Events())["frames"] == 2
    convert.run(ConvertSettings(**{**changed, "out": f"{tmp_path.as_posix()}/o.####.exr"}), Events())
    for frame in ("1001", "1002"):
        assert Path(base["out"].replace("####", frame)).read_bytes() == (tmp_path / f"o.{frame}.exr").read_bytes()
    assert convert.run(ConvertSettings(**changed), Events())["skipped"] == 2


def test_a_header_tells_the_look_in_words(base):
    told = told_by(Path(base["out"].replace("####", "1001")))
    assert told is not None and told["blend"] == "over" and told["opacity"] == 1.0 and told["grain"] == 0.0
    assert not any("/" in str(value) for value in told.values())  # no path of a machine


def test_the_source_of_footage_counts_whole(tmp_path):
    folder = make_faceset(tmp_path / "bert", BERT, 3, seed=1)
    faceset = Faceset.open(folder)
    before = faceset.stamps(faceset.faces())
    assert len(before) == 3 and faceset.stamps(faceset.faces()) == before
    later(folder / before[1][0])
    assert [a == b for a, b in zip(before, faceset.stamps(faceset.faces()), strict=True)] == [True, False, True]


def test_the_picture_is_what_it_was_without_a_fingerprint(base, shot):
    """A frame without a face has the plate's own bits still."""
    path = Path(base["out"].replace("####", str(WITHOUT_FACE)))
    for name in "RGB":
        np.testing.assert_array_equal(
            channel(path, name).view(np.uint16), channel(shot.plate(WITHOUT_FACE), name).view(np.uint16)
        )
