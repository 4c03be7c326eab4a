from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from understudy.errors import UnderstudyError, UnreadableError, UsageError
from understudy.plate.picture import read_picture, read_picture_header

HEAD: dict[str, Any] = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}


def channels(value: float, prefix: str = "", names: str = "RGB", kind: Any = np.float16) -> dict[str, Any]:
    return {prefix + name: np.full((6, 8), value, kind) for name in names}


def write(path: Path, parts: dict[str, Any] | Sequence[tuple[str, dict[str, Any]]], **head: Any) -> Path:
    """One part of channels, or several, named, each with a header of its own under the key ``head``."""
    if isinstance(parts, dict):
        OpenEXR.File(HEAD | head, parts).write(str(path))
    else:
        made = [OpenEXR.Part(HEAD | own.pop("head", {}), own, name) for name, own in parts]
        OpenEXR.File(made).write(str(path))
    return path


AOVS = {**channels(-1, "ViewLayer.Normal.", "XYZ"), **channels(9, "ViewLayer.Depth.", "Z", np.float32)}

# What is the picture is 0.5 all over; what is none has other values.
FILES: dict[str, tuple[Any, str]] = {
    "blender multilayer": ({**channels(0.5, "ViewLayer.Combined.", "RGBA"), **AOVS}, "ViewLayer.Combined"),
    "blender with its compositor's result": (
        channels(0.1, "ViewLayer.Combined.", "RGBA") | channels(0.5, "Composite.Combined.", "RGBA"),
        "Composite.Combined",
    ),
    "blender in parts": (
        [
            ("ViewLayer.Combined", channels(0.5, "ViewLayer.Combined.", "RGBA")),
            ("ViewLayer.Normal", channels(-1, "ViewLayer.Normal.", "XYZ")),
        ],
        "ViewLayer.Combined",
    ),
    "lower case": (channels(0.5, "", "rgba"), ""),
    "words": ({name: np.full((6, 8), 0.5, np.float16) for name in ("red", "green", "blue")}, ""),
    "a layer rgba": (channels(0.5, "rgba.", "RGBA") | channels(-1, "N.", "RGB"), "rgba"),
    "a layer beauty in lower case": (channels(0.5, "beauty.", "rgba") | channels(0.2, "diffuse.", "rgb"), "beauty"),
    "houdini, normals first": ([("N", channels(-1)), ("C", channels(0.5))], "C"),
    "renderman": ([("Nn", channels(-1)), ("Ci", channels(0.5, names="RGBA"))], "Ci"),
    "arnold": ([("RGBA", channels(0.5, names="RGBA")), ("diffuse", channels(0.2))], "RGBA"),
    "nothing but bare channels and data": (channels(0.5) | channels(-1, "normal.", "RGB"), ""),
    "one part of light among data": ([("normals", channels(-1)), ("plate_v3", channels(0.5))], "plate_v3"),
    "grey": (channels(0.5, "", "Y"), ""),
}


@pytest.mark.parametrize("name", FILES)
def test_the_picture_is_found_by_the_hosts_conventions(tmp_path: Path, name: str) -> None:
    made, layer = FILES[name]
    made = dict(made) if isinstance(made, dict) else [(part, dict(own)) for part, own in made]
    frame = read_picture(write(tmp_path / "a.exr", made), 1)
    assert np.all(frame.rgb == 0.5) and frame.rgb.dtype == np.float16
    assert frame.header.layer == layer
    assert frame.header.notes == ((f"Its picture is the layer {layer}.",) if layer else ())


UNCLEAR: dict[str, Any] = {
    "only data": channels(-1, "normal.", "RGB"),
    "two that may be it": channels(0.5, "fg.Combined.") | channels(0.2, "bg.Combined."),
    "two passes of light": [("diffuse", channels(0.5)), ("specular", channels(0.2))],
    "points in space": channels(0.5, "", "XYZ"),
    "object ids": channels(7, "", "RGB", np.uint32),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_is_not_clear_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.exr", UNCLEAR[name])
    with pytest.raises(UnreadableError) as refused:
        read_picture_header(path)
    assert len(str(refused.value)) < 400
    if name.startswith("two"):
        assert "--layer" in refused.value.hint and "it has " in refused.value.message


def test_a_layer_is_chosen_by_name_or_by_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.exr", channels(0.5, "fg.Combined.") | channels(0.25, "bg.Combined.") | channels(1.0))
    for asked, value in ((None, 1.0), ("rgba", 1.0), ("bg", 0.25), ("FG.combined", 0.5)):
        assert float(read_picture(path, 1, asked).rgb[0, 0, 0]) == value
    for wrong in ("Combined", "sky"):
        with pytest.raises(UsageError, match=r"it has rgba, bg\.Combined, fg\.Combined"):
            read_picture(path, 1, wrong)


@pytest.mark.parametrize("parts", [False, True])
def test_views_are_told_and_chosen(tmp_path: Path, parts: bool) -> None:
    if parts:
        made: Any = [
            (f"rgba.{view}", channels(value) | {"head": {"view": view}})
            for view, value in (("left", 0.5), ("right", 0.25))
        ]
        path = write(tmp_path / "a.exr", made)
    else:
        path = write(tmp_path / "a.exr", channels(0.5) | channels(0.25, "right."), multiView=["left", "right"])
    header = read_picture_header(path)
    assert (header.view, header.views) == ("left", ("left", "right"))
    assert "Of its views left, right the view left is taken." in header.notes
    assert float(read_picture(path, 1).rgb[0, 0, 0]) == 0.5
    assert float(read_picture(path, 1, None, "Right").rgb[0, 0, 0]) == 0.25
    with pytest.raises(UsageError, match="no view 'top'; it has left, right"):
        read_picture(path, 1, None, "top")


def test_many_layers_are_told_in_few_words(tmp_path: Path) -> None:
    made = {name: value for n in range(40) for name, value in channels(0.5, f"layer_of_a_long_name_{n:02}.").items()}
    with pytest.raises(UnderstudyError, match="and 32 more") as refused:
        read_picture_header(write(tmp_path / "a.exr", made))
    assert len(str(refused.value)) < 400
