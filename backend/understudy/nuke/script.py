"""The text of a Nuke script: nodes, their knobs and their links, written as Nuke's own files are.

A script is Tcl. A node takes its inputs from a stack, number 0 from its top; ``set`` keeps what lies on top under a name,
and ``push`` puts that back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from understudy.safe_text import one_line

VERSION = "13.0 v1"
"""The oldest Nuke that is meant to read the script; later ones read it as well."""

NODE = 80, 80
"""Width and height in the node graph that a node needs at most; a Read shows its picture."""

_MARGIN, _TITLE = 40, 60  # of a backdrop: around its nodes, and above them for its label
_BARE = re.compile(r"[\w./:%+-]+")
_SPECIAL = re.compile(r'([\\"\[${}])')


Value = str | int | float | bool


class Tcl(str):
    """A knob's value that is Tcl already, such as a list in braces."""

    __slots__ = ()


@dataclass(frozen=True)
class Node:
    """One node, at (x, y) of the node graph.

    ``inputs`` are names of nodes that come before it, by Nuke's numbers: of a Merge and a Copy 0 is B and 1 is A, of an
    STMap 0 is the picture and 1 the map.
    """

    kind: str
    name: str
    at: tuple[int, int]
    knobs: Mapping[str, Value] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


def backdrop(label: str, colour: int, nodes: Collection[Node]) -> Node:
    """A titled field behind ``nodes``; ``colour`` is 0xRRGGBBAA."""
    left, top = (min(node.at[axis] for node in nodes) - _MARGIN for axis in (0, 1))
    right, bottom = (max(node.at[axis] + NODE[axis] for node in nodes) + _MARGIN for axis in (0, 1))
    knobs: dict[str, Value] = {"label": label, "tile_color": Tcl(f"0x{colour:08x}"), "note_font_size": 28}
    size: dict[str, Value] = {"bdwidth": right - left, "bdheight": bottom - top + _TITLE}
    return Node("BackdropNode", "backdrop_" + re.sub(r"\W+", "_", label.lower()), (left, top - _TITLE), knobs | size)


def script(root: Mapping[str, Value], layers: Mapping[str, Sequence[str]], nodes: Sequence[Node]) -> str:
    """The whole script: settings of the project, the layers that its knobs name (with their channels), and its nodes."""
    used = {name for node in nodes for name in node.inputs}
    parts = [f"version {VERSION}", _block("Root", {"inputs": 0, **root})]
    parts += [f"add_layer {{{' '.join([name, *channels])}}}" for name, channels in layers.items()]
    for node in nodes:
        parts += [f"push $N{name}" for name in reversed(node.inputs)]
        x, y = node.at
        named = {"inputs": len(node.inputs), **node.knobs, "name": node.name, "xpos": x, "ypos": y}
        parts.append(_block(node.kind, named))
        if node.name in used:
            parts.append(f"set N{node.name} [stack 0]")
    return "\n".join(parts) + "\n"


def pasted(kind: str, knobs: Mapping[str, Value]) -> str:
    """One node as Nuke's clipboard holds it, to be pasted into any script: its knobs, without place and links."""
    return f"set cut_paste_input [stack 0]\nversion {VERSION}\npush $cut_paste_input\n{_block(kind, knobs)}\n"


def literal(text: str) -> str:
    """``text`` in a knob that Nuke expands as Tcl when it is used or shown, as it does files, names and labels.

    What would be a command, a variable or an escape stays as it is; control characters go.
    """
    return re.sub(r"([\[$\\])", r"\\\1", one_line(text))


def _block(kind: str, knobs: Mapping[str, Value]) -> str:
    return "\n".join([f"{kind} {{", *(f" {name} {_value(value)}" for name, value in knobs.items()), "}"])


def _value(value: Value) -> str:
    match value:
        case Tcl():
            return str(value)
        case bool():
            return str(value).lower()
        case str():
            return value if _BARE.fullmatch(value) else '"' + _SPECIAL.sub(r"\\\1", value).replace("\n", "\\n") + '"'
        case _:
            return f"{value:.10g}"
