"""Builds a result into the scene's compositor, with ordinary nodes: it renders where the add-on is not installed.

A frame "Understudy" holds the layered sequence, the plate, the group "Understudy Swap" and a viewer. Nodes are found
again by what is stored on them: the pattern on the frame, the part that a node plays on the node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import bpy

from .. import compat
from ..images.sequence import frame_path, is_sequence, missing_frames, number_in
from .exr_header import read_header
from .swap_group import group, is_swap

__all__ = ["CompositorError", "build", "feeds_output", "group", "missing_frames", "part_of", "swaps", "title"]

_PATTERN, _PART = "understudy_pattern", "understudy_part"
_MAIN = ("Combined", "rgba", "Image")  # Blender's name of the first layer: flat file, multi-part file, plain picture
_GAP = 100
_PLACES = {
    "result": (30, -40),
    "plate": (30, -600),
    "derived": (310, -600),
    "swap": (560, -40),
    "viewer": (860, -200),
}
_WIDTH = 1060  # of the whole frame


class CompositorError(ValueError):
    """A result that cannot be shown; the text is one sentence for the artist and what to do."""


def build(
    scene: bpy.types.Scene,
    *,
    pattern: str,
    first: int,
    last: int,
    width: int,
    height: int,
    colour_space: str,
    plate: str | None,
    relink: bool = False,
) -> bpy.types.CompositorNodeTree:
    """Put the layered sequence ``pattern`` into the compositor of ``scene``, or bring what is there up to date.

    Scene frame N shows file N, from ``first`` to ``last``. ``colour_space`` is the interop identifier or the OCIO name
    of the files' scene-linear space; ``width`` and ``height`` are their size in pixels, written on the frame's label.
    ``plate`` is a sequence or picture of the same size and space; None takes the plate back out of the result
    (exact where there is no matte, to half-float rounding inside it). The scene's output is linked when nothing, Render
    Layers or another result feeds it, or when ``relink`` is set, and its node then moves to the right of the frame; no
    other link or node of the artist is touched.
    Raises CompositorError before anything is built.
    """
    space = compat.image_colour_space(colour_space)
    if space is None:
        raise CompositorError(
            f'Blender has no color space "{colour_space}". Start Blender with the show\'s OCIO configuration in $OCIO.'
        )
    _check_layers(_check_file(pattern, first))
    if plate is not None:
        _check_file(plate, first)
    tree = compat.compositor(scene)
    frame = _frame(tree, pattern) or _new_frame(tree, pattern)
    frame.label = f"Understudy  {title(frame)}  {first}-{last}  {width} x {height}"

    result = _image(tree, frame, "result", "Result Layers", (pattern, first, last), space)
    under = _plate(tree, frame, result, plate, (first, last), space)
    swap = _swap(tree, frame)
    for name, socket in (
        ("Plate", under),
        ("Swap", result.outputs["swap"]),
        ("Matte", result.outputs["matte"]),
        ("Occlusion", result.outputs["occlusion"]),
    ):
        _join(tree, frame, socket, swap.inputs[name])

    output = compat.output_socket(tree, make=True)
    if relink or _is_free(output):
        tree.links.new(swap.outputs["Image"], output)
        # Elsewhere the wire would run backwards.
        output.node.location.x = max(output.node.location.x, frame.location.x + _WIDTH + _GAP)
    viewer = part_of(tree, frame, "viewer")
    if viewer is None:
        viewer = _add(tree, frame, "CompositorNodeViewer", "viewer", "Understudy Viewer")
        tree.links.new(swap.outputs["Image"], viewer.inputs[0])
    for node in tree.nodes:
        node.select = node == frame
    tree.nodes.active = viewer
    return tree


def swaps(tree: bpy.types.NodeTree | None) -> list[bpy.types.Node]:
    """The group nodes "Understudy Swap" of ``tree``."""
    return [node for node in tree.nodes if is_swap(node)] if tree else []


def title(frame: bpy.types.Node) -> str:
    """What the frame of a result is called: ``v001/shot.####.exr``."""
    path = Path(frame.get(_PATTERN, ""))
    name = re.sub(r"%0?(\d*)d", lambda digits: "#" * int(digits[1] or 1), path.name)
    return f"{path.parent.name}/{name}"


def part_of(tree: bpy.types.NodeTree, frame: bpy.types.Node | None, part: str) -> bpy.types.Node | None:
    """The node that plays ``part`` (result, plate, derived, swap, viewer) in ``frame``, or None."""
    return next((node for node in tree.nodes if frame and node.parent == frame and node.get(_PART) == part), None)


def feeds_output(scene: bpy.types.Scene, pattern: str) -> bool:
    """Whether what was built for ``pattern`` reaches the rendered picture directly."""
    tree = compat.existing_compositor(scene)
    output = compat.output_socket(tree, make=False) if tree else None
    frame = _frame(tree, pattern) if tree else None
    return bool(frame and output and any(link.from_node.parent == frame for link in output.links))


def _check_file(pattern: str, first: int) -> Path:
    file = frame_path(pattern, first)
    if not file.is_file():
        raise CompositorError(f"{file} does not exist. Convert the range again, or choose another version.")
    if is_sequence(pattern) and number_in(file.name) != first:
        raise CompositorError(
            f"Blender takes the last number in {file.name} for its frame. Name the files so that the frame comes last."
        )
    return file


def _check_layers(file: Path) -> None:
    try:
        ours = "understudy/version" in read_header(file).texts
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise CompositorError(f"{file} has no layers of Understudy. Choose a sequence that Understudy converted.")


def _frame(tree: bpy.types.NodeTree, pattern: str) -> bpy.types.Node | None:
    return next((node for node in tree.nodes if node.get(_PATTERN) == pattern), None)


def _new_frame(tree: bpy.types.NodeTree, pattern: str) -> bpy.types.Node:
    right, top = _free_place(tree.nodes)
    frame = tree.nodes.new("NodeFrame")
    frame[_PATTERN] = pattern
    frame.location = right, top
    return frame


def _free_place(nodes: Iterable[bpy.types.Node]) -> tuple[float, float]:
    """The top left corner of free ground to the right of all ``nodes``."""
    solid = [node for node in nodes if node.type != "FRAME"]
    # A frame without nodes, or one that was never drawn, has no useful width: ours is known.
    frames = [node.location_absolute.x + _WIDTH for node in nodes if node.get(_PATTERN)]
    right = max([node.location_absolute.x + node.width for node in solid] + frames, default=-_GAP)
    return right + _GAP, max((node.location_absolute.y for node in solid), default=0.0)


def _add(tree: bpy.types.NodeTree, frame: bpy.types.Node, kind: str, part: str, label: str) -> bpy.types.Node:
    node = tree.nodes.new(kind)
    node.parent = frame
    node.location = _PLACES[part]
    node.label = label
    node[_PART] = part
    return node


def _swap(tree: bpy.types.NodeTree, frame: bpy.types.Node) -> bpy.types.Node:
    node = part_of(tree, frame, "swap")
    if node is None:
        node = _add(tree, frame, "CompositorNodeGroup", "swap", "Understudy Swap")
        node.node_tree = group()
        node.width = 200
    return node


def _plate(
    tree: bpy.types.NodeTree,
    frame: bpy.types.Node,
    result: bpy.types.Node,
    plate: str | None,
    frames: tuple[int, int],
    space: str,
) -> bpy.types.NodeSocket:
    """The socket with the plate: of its own files, or the result without what the swap added."""
    unwanted = part_of(tree, frame, "plate" if plate is None else "derived")
    if unwanted:
        tree.nodes.remove(unwanted)
    if plate is not None:
        return _main(_image(tree, frame, "plate", "Plate", (plate, *frames), space))
    node = part_of(tree, frame, "derived")
    if node is None:
        node = _add(tree, frame, "ShaderNodeMix", "derived", "Plate (Result Minus Delta)")
        node.data_type, node.blend_type = "RGBA", "SUBTRACT"
        node.inputs[0].default_value = 1.0
        tree.links.new(_main(result), node.inputs[6])
        tree.links.new(result.outputs["delta"], node.inputs[7])
    return node.outputs[2]


def _image(
    tree: bpy.types.NodeTree,
    frame: bpy.types.Node,
    part: str,
    label: str,
    files: tuple[str, int, int],
    space: str,
) -> bpy.types.Node:
    """An Image node on which scene frame N shows file N."""
    pattern, first, last = files
    node = part_of(tree, frame, part) or _add(tree, frame, "CompositorNodeImage", part, label)
    node.width = 240
    path = str(frame_path(pattern, first))
    if node.image is None or bpy.path.abspath(node.image.filepath) != path:
        node.image = bpy.data.images.load(path, check_existing=False)
        node.image.name = f"{label} {Path(path).name}"
    else:
        node.image.reload()
    image = node.image
    if is_sequence(pattern):
        image.source = "SEQUENCE"
        node.frame_start, node.frame_offset, node.frame_duration = first, first - 1, last - first + 1
        node.use_auto_refresh = True
    # Last: choosing the source reads the file again, and some versions then guess the space anew.
    image.colorspace_settings.name = space
    image.alpha_mode = "PREMUL"
    return node


def _main(node: bpy.types.Node) -> bpy.types.NodeSocket:
    return next(node.outputs[name] for name in _MAIN if name in node.outputs)


def _join(
    tree: bpy.types.NodeTree, frame: bpy.types.Node, source: bpy.types.NodeSocket, target: bpy.types.NodeSocket
) -> None:
    """Link, unless the artist has put a node of his own between."""
    if all(link.from_node.parent == frame and _PART in link.from_node for link in target.links):
        tree.links.new(source, target)


def _is_free(socket: bpy.types.NodeSocket) -> bool:
    """Whether the output may be taken: nothing feeds it but Render Layers, or a result of ours directly."""
    for link in socket.links:
        node = link.from_node
        if node.bl_idname == "NodeReroute":
            if not _is_free(node.inputs[0]):
                return False
        elif node.bl_idname != "CompositorNodeRLayers" and not is_swap(node):
            return False
    return True
