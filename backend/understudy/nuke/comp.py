"""A converted shot as a Nuke script: the composite rebuilt from its layers, so that all of it can be changed there.

Nuke's names of our channels: R G B A of a layer become red green blue alpha, all others stay (``swap.red``, ``st.u``;
see ExrChannelNameToNuke in the sources of Nuke's EXR reader). Every Read is raw. So the script opens with any colour
configuration, and computes in the space in which the composite was made; the name of that space is set, for whoever
unticks raw.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from understudy.convert.layers.compose import LAYERS
from understudy.nuke.script import Node, Tcl, Value, backdrop, literal, script
from understudy.plate.frame import Header
from understudy.safe_text import one_line

NEEDED = ("swap", "raw", "delta", "matte", "st")
"""The layers that the tree is made of."""

_MAPS = {**{name: LAYERS[name][0] for name in NEEDED}, "st_inv": ("u", "v")}
_NUKE = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}
_RGBA = ("red", "green", "blue", "alpha")
_ALIGNED = 1024  # side of the picture that stands in for a retouch

_ABOUT = """Understudy: {title}

Every Read is raw: pixels come in as they are in the files.
So this opens with any colour configuration, Nuke's own as well.
{colour}
result_data stays raw always: mattes and maps are no colours.

Paths start at the folder of this script."""

_KNOWN = """They are in {space}. Is that this script's working space?
Then leave it so. If not, untick raw on {reads}:
the name of the space is set there already."""

_UNKNOWN = """In which colour space they are, the files do not say. It should be
this script's working space; if not, untick raw on {reads}
and choose the space there."""

_FACE = """face: which new face goes over the plate.
0  swap as delivered, colour-matched and premultiplied:
    exactly the delivered composite
1  swap through grade_swap and the changed matte
2  raw, before the colour match, through grade_raw
    and the changed matte

Where the matte is grown, swap has no picture: take 2.
erode_matte: above 0 shrinks the matte, below 0 grows it.
feather_matte softens it. Both in plate pixels."""

_CHECK = """rebuild: swap + plate * (1 - matte).
check: the difference from the delivered composite.
With face at 0 it is the rounding of half floats."""

_MAP = """st says of each pixel of the plate where in the aligned face
it lies, 0 0 at the bottom left. So it lays a picture of the
aligned face into the plate: put a painting or a patch in the
place of aligned_picture, and enable retouch."""

_INVERSE = """

st_inv is the reverse: it brings the plate into the aligned
face, to be painted on there."""


@dataclass(frozen=True)
class ReadSequence:
    """A sequence as a Read node wants it: ``file`` in printf form with forward slashes, from the script's folder."""

    file: str
    first: int
    last: int
    gaps: bool = False


def nuke_comp(
    title: str,
    result: ReadSequence,
    plate: ReadSequence | None,
    header: Header,
    *,
    space: str | None,
    layers: Collection[str],
) -> str:
    """The text of the script for the converted shot ``result``.

    Without a ``plate`` it is computed from the result, as composite minus ``delta``. ``header`` is the result's: its display
    window, pixel aspect and frame rate are the project's. ``space`` is the name of the composite's colour space where it is
    known. ``layers`` are those in the files, :data:`NEEDED` among them.
    """
    files = [_read("result", (300, 0), result, space), _read("result_data", (900, 0), result, None)]
    files += [_read("plate", (0, 0), plate, space, auto_alpha=True)] if plate else _plate_of_result()
    face, matte, maps = _face(), _matte(), list(_maps("st_inv" in layers))
    composite = [
        _merge("rebuild", (0, 1120), "over", ("plate", "face")),
        _merge("check", (300, 1120), "difference", ("rebuild", "result")),
        _merge("retouch", (0, 1220), "over", ("rebuild", "premult_picture"), disable=True),
    ]
    colour = _KNOWN if space else _UNKNOWN
    colour = colour.format(space=literal(space or ""), reads="plate and result" if plate else "result")
    notes = [
        _note("about", (0, -340), _ABOUT.format(title=literal(title), colour=colour)),
        _note("about_face", (770, 720), _FACE),
        _note("about_check", (470, 1080), _CHECK),
        _note("about_maps", (1600, 320), _MAP + (_INVERSE if "st_inv" in layers else "")),
    ]
    fields = [
        backdrop("Files", 0x4A5A6AFF, files),
        backdrop("New face", 0x5A4A4AFF, face),
        backdrop("Matte", 0x4A4A4AFF, matte),
        backdrop("ST map", 0x4A5A4AFF, maps),
        backdrop("Composite and check", 0x5A5A4AFF, composite),
    ]
    display = header.display
    size = f"{display.width} {display.height}"
    root: dict[str, Value] = {
        "project_directory": "[python {nuke.script_directory()}]",
        "frame": result.first,
        "first_frame": result.first,
        "last_frame": result.last,
        "lock_range": True,
        "format": f"{size} 0 0 {size} {header.pixel_aspect:g} ",
        "name": literal(f"{title}.nk"),
    }
    if header.fps:
        root["fps"] = header.fps[0] / header.fps[1]
    named = {name: _channels(name) for name in _MAPS if name in layers}
    return script(root, named, [*fields, *notes, *files, *matte, *face, *maps, *composite])


def _read(
    name: str, at: tuple[int, int], footage: ReadSequence, space: str | None, *, auto_alpha: bool = False
) -> Node:
    """A raw Read; with ``auto_alpha`` a file without alpha is opaque, as our composite of it is."""
    first, last = footage.first, footage.last
    knobs: dict[str, Value] = {"file": literal(footage.file), "first": first, "last": last}
    knobs |= {"origfirst": first, "origlast": last, "origset": True}
    if footage.gaps:
        knobs["on_error"] = "black"
    if auto_alpha:
        knobs["auto_alpha"] = True
    knobs["raw"] = True
    if space:
        knobs |= {"colorspace": one_line(space), "label": literal(space)}
    return Node("Read", name, at, knobs)


def _plate_of_result() -> list[Node]:
    """The plate where no file of it was named: composite minus delta, the plate's own bits outside the matte."""
    return [
        _layer_as_rgba("delta", (150, 180), ("result",)),
        _merge("plate", (0, 180), "from", ("result", "delta_layer")),
    ]


def _face() -> list[Node]:
    """The new face in three ways, and the switch between them."""
    nodes = [_layer_as_rgba("swap", (300, 460), ("result",)), _layer_as_rgba("raw", (600, 460), ("result",))]
    nodes.append(Node("Unpremult", "unpremult_swap", (450, 460), {}, ("swap_layer",)))
    for name, x, before in (("swap", 450, "unpremult_swap"), ("raw", 600, "raw_layer")):
        nodes.append(Node("Grade", f"grade_{name}", (x, 560), {"black_clamp": False}, (before,)))
        nodes += _through_matte(name, x, 640, f"grade_{name}")
    ways = ("swap_layer", "premult_swap", "premult_raw")
    nodes.append(Node("Switch", "face", (300, 860), {"which": 0}, ways))
    return nodes


def _matte() -> list[Node]:
    return [
        Node(
            "FilterErode",
            "erode_matte",
            (900, 460),
            {"channels": "matte", "size": 0, "filter": "gaussian"},
            ("result_data",),
        ),
        Node("Blur", "feather_matte", (900, 560), {"channels": "matte", "size": 0}, ("erode_matte",)),
    ]


def _maps(inverse: bool) -> Iterator[Node]:
    side = f"{_ALIGNED} {_ALIGNED}"
    yield Node("CheckerBoard2", "aligned_picture", (1300, 360), {"format": f"{side} 0 0 {side} 1 ", "boxsize": 64})
    yield _st_map("aligned_to_plate", (1300, 480), "st", "aligned_picture")
    yield from _through_matte("picture", 1300, 560, "aligned_to_plate")
    if inverse:
        yield _st_map("plate_to_aligned", (1450, 480), "st_inv", "plate")


def _st_map(name: str, at: tuple[int, int], layer: str, picture: str) -> Node:
    return Node("STMap", name, at, {"channels": "rgba", "uv": layer}, (picture, "result_data"))


def _merge(name: str, at: tuple[int, int], operation: str, inputs: tuple[str, str], *, disable: bool = False) -> Node:
    """A Merge of B and A, in this order; B keeps its alpha."""
    knobs: dict[str, Value] = {"operation": operation, "output": "rgb"}
    return Node("Merge2", name, at, {**knobs, "disable": True} if disable else knobs, inputs)


def _through_matte(name: str, x: int, y: int, picture: str) -> Sequence[Node]:
    """``picture``, not premultiplied, given the changed matte as its alpha and premultiplied by it."""
    copied = {"from0": "matte.alpha", "to0": "rgba.alpha"}
    return (
        Node("Copy", f"matte_to_{name}", (x, y), copied, (picture, "feather_matte")),
        Node("Premult", f"premult_{name}", (x, y + 80), {}, (f"matte_to_{name}",)),
    )


def _layer_as_rgba(layer: str, at: tuple[int, int], inputs: tuple[str, ...]) -> Node:
    """A Shuffle2 that shows ``layer`` as the main picture; its alpha is white where it has none.

    A mapping is: channel, its input and its place in its layer, then the same of where it goes.
    """
    channels = _channels(layer)
    mappings = []
    for place, channel in enumerate(_RGBA):
        source = f"{layer}.{channel} 0 {place}" if f"{layer}.{channel}" in channels else "white -1 -1"
        mappings.append(f"{source} rgba.{channel} 0 {place}")
    knobs = {"fromInput1": Tcl("{{0} B}"), "in1": layer, "fromInput2": Tcl("{{0} B}")}
    return Node("Shuffle2", f"{layer}_layer", at, {**knobs, "mappings": f"4 {' '.join(mappings)}"}, inputs)


def _note(name: str, at: tuple[int, int], text: str) -> Node:
    return Node("StickyNote", name, at, {"label": text, "note_font_size": 14})


def _channels(layer: str) -> list[str]:
    """The channels of ``layer`` by Nuke's names."""
    return [f"{layer}.{_NUKE.get(channel, channel)}" for channel in _MAPS[layer]]
