"""A Nuke script computed without Nuke: nkparser reads it, numpy does what the reference guide says of each node.

Pictures are dictionaries of (H, W) float32 by Nuke's names of channels, over the display window, top row first. Nodes and
knobs that are not known here raise KeyError, so that a script cannot grow something unseen.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nkparser
import numpy as np
import OpenEXR
from scipy.ndimage import map_coordinates

Picture = dict[str, np.ndarray]
RGB = ("rgba.red", "rgba.green", "rgba.blue")
RGBA = (*RGB, "rgba.alpha")
_PLACED = {"inputs", "name", "xpos", "ypos", "label"}


def parsed(text: str) -> nkparser.Script:
    script = nkparser.Script.from_string(text)
    assert not script.diagnostics, script.diagnostics
    return script


def inputs(node: nkparser.Node) -> list[Any]:
    """By Nuke's numbers: 0 lies on top of the stack. nkparser lists them as they were pushed, which is the other way round."""
    return node.inputs[::-1]


def evaluate(text: str, folder: Path, frame: int, **instead: Picture) -> Callable[[str], Picture]:
    """Any node's picture by its name, for a script that lies in ``folder``; ``instead`` are given for nodes of that name."""
    script = parsed(text)
    assert script.root().get_string("project_directory") == r"\[python \{nuke.script_directory()\}]"
    done = dict(instead)

    def picture(node: Any) -> Picture:
        if node.name not in done:
            done[node.name] = compute(node)
        return done[node.name]

    def compute(node: Any) -> Picture:
        knobs = {knob.name: node.get_string(knob.name) for knob in node.knobs if knob.name not in _PLACED}
        if node.class_name == "Read":
            return _read(knobs, folder, frame)
        before = [picture(one) for one in inputs(node)]
        return before[0] if knobs.get("disable") == "true" else dict(_NODES[node.class_name](knobs, *before))

    return lambda name: picture(script.find(name))


def _read(knobs: dict[str, str], folder: Path, frame: int) -> Picture:
    assert knobs["raw"] == "true", "what else is read depends on the colour configuration"
    assert int(knobs["first"]) <= frame <= int(knobs["last"])
    names = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}
    found: Picture = {}
    for part in OpenEXR.File(str(folder / (knobs["file"] % frame)), separate_channels=True).parts:
        (x0, y0), (x1, y1) = part.header["displayWindow"]
        data = part.header["dataWindow"][0]
        for name, channel in part.channels.items():
            layer, _, short = name.rpartition(".")
            whole = np.zeros((y1 - y0 + 1, x1 - x0 + 1), np.float32)
            left, top = int(data[0] - x0), int(data[1] - y0)
            pixels = channel.pixels[max(-top, 0) :, max(-left, 0) :]
            there = whole[max(top, 0) :, max(left, 0) :]
            rows, columns = (min(a, b) for a, b in zip(there.shape, pixels.shape, strict=True))
            there[:rows, :columns] = pixels[:rows, :columns]
            found[f"{layer or 'rgba'}.{names.get(short, short)}"] = whole
    without = np.ones_like if knobs.get("auto_alpha") == "true" else np.zeros_like
    return {"rgba.alpha": without(found["rgba.red"]), **found}


def _shuffle(knobs: dict[str, str], source: Picture) -> Picture:
    count, *words = shlex.split(knobs.pop("mappings"))
    assert knobs.pop("fromInput1") == knobs.pop("fromInput2") == "{{0} B}"
    layer = knobs.pop("in1")
    assert not knobs and len(words) == 6 * int(count)
    result = dict(source)
    for name, which, _, target, out, place in zip(*(words[start::6] for start in range(6)), strict=True):
        assert out == "0" and RGBA[int(place)] == target
        if name == "white":
            result[target] = np.ones_like(source["rgba.red"])
        else:
            assert which == "0" and name.startswith(f"{layer}.")
            result[target] = source[name]
    return result


def _copy(knobs: dict[str, str], b: Picture, a: Picture) -> Picture:
    assert set(knobs) == {"from0", "to0"}
    return {**b, knobs["to0"]: a[knobs["from0"]]}


def _premult(knobs: dict[str, str], source: Picture) -> Picture:
    assert not knobs
    return {**source, **{name: source[name] * source["rgba.alpha"] for name in RGB}}


def _unpremult(knobs: dict[str, str], source: Picture) -> Picture:
    assert not knobs
    alpha = source["rgba.alpha"]
    divided = {name: np.where(alpha == 0, source[name], source[name] / np.where(alpha == 0, 1, alpha)) for name in RGB}
    return {**source, **divided}


def _grade(knobs: dict[str, str], source: Picture) -> Picture:
    assert set(knobs) <= {"white", "black_clamp"}
    lowest = -np.inf if knobs.get("black_clamp") == "false" else 0
    graded = {name: np.maximum(source[name] * np.float32(knobs.get("white", 1)), lowest) for name in RGB}
    return {**source, **graded}


def _unchanged(knobs: dict[str, str], source: Picture) -> Picture:
    assert knobs["channels"] == "matte" and knobs["size"] == "0", "only without effect"
    return source


def _switch(knobs: dict[str, str], *sources: Picture) -> Picture:
    return sources[int(knobs["which"])]


def _merge(knobs: dict[str, str], b: Picture, a: Picture) -> Picture:
    assert set(knobs) - {"disable"} == {"operation", "output"} and knobs["output"] == "rgb"
    formula: Callable[[np.ndarray, np.ndarray], np.ndarray] = {
        "over": lambda x, y: x + y * (1 - a["rgba.alpha"]),
        "difference": lambda x, y: np.abs(x - y),
        "from": lambda x, y: y - x,
    }[knobs["operation"]]
    with np.errstate(invalid="ignore"):
        return {**b, **{name: formula(a[name], b[name]) for name in RGB}}


def _st_map(knobs: dict[str, str], picture: Picture, maps: Picture) -> Picture:
    """(0, 0) is the picture's bottom left corner, (1, 1) its top right one; pixel centres lie half a pixel inside."""
    assert knobs["channels"] == "rgba"
    height, width = picture["rgba.red"].shape
    u, v = (maps[f"{knobs['uv']}.{axis}"].astype(np.float64) for axis in "uv")
    where = [(1 - v) * height - 0.5, u * width - 0.5]
    moved = {name: map_coordinates(picture[name], where, order=1, mode="nearest") for name in RGBA if name in picture}
    return {**maps, **moved}


_NODES: dict[str, Callable[..., Picture]] = {
    "Shuffle2": _shuffle,
    "Copy": _copy,
    "Premult": _premult,
    "Unpremult": _unpremult,
    "Grade": _grade,
    "FilterErode": _unchanged,
    "Blur": _unchanged,
    "Switch": _switch,
    "Merge2": _merge,
    "STMap": _st_map,
}
