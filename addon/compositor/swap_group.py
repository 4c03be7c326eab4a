"""The node group "Understudy Swap": lays the new face over the plate with ordinary compositor nodes.

Image = Plate * (1 - Opacity * matte) + Opacity * Color Gain * Swap * matte / Matte, where Swap is premultiplied by
Matte, and ``matte`` is Matte, or the artist's own one, after the edge was moved and softened. Where ``matte`` is 0 the
plate passes bit for bit, infinities and NaN included: it is multiplied by 1 and 0 is added. (Alpha Over and Mix would
multiply it by 0 somewhere, and an infinity times 0 is NaN.)
The new face has no colour where Matte is 0, so no choice of matte can reach beyond it.
"""

from __future__ import annotations

import bpy

from .. import compat

NAME = "Understudy Swap"
_STAMP = "understudy_swap"
_VERSION = 1

# Half floats of a premultiplied colour keep enough of it to be brought back from this part of full strength.
_REACH = 256.0


def group() -> bpy.types.NodeTree:
    """The node group of this file, made if missing. Found by a stamp: another group may bear its name."""
    found = next((tree for tree in bpy.data.node_groups if tree.get(_STAMP) == _VERSION and not tree.library), None)
    return found or _build()


def is_swap(node: bpy.types.Node | None) -> bool:
    """Whether ``node`` is one of our group nodes."""
    return (
        node is not None
        and node.bl_idname == "CompositorNodeGroup"
        and bool(node.node_tree)
        and _STAMP in node.node_tree
    )


def _build() -> bpy.types.NodeTree:
    tree = bpy.data.node_groups.new(NAME, "CompositorNodeTree")
    tree[_STAMP] = _VERSION
    _interface(tree)
    entry = _node(tree, "NodeGroupInput", (-1100, 0))
    sockets = entry.outputs

    # A hand in front of the face is cut out of the swap's own matte already.
    clear = _math(tree, "SUBTRACT", 1.0, sockets["Occlusion"], (-900, -260), "In Front")
    own = _math(tree, "MULTIPLY", sockets["Own Matte"], clear, (-720, -200), "Own Matte")
    choice = _node(tree, "ShaderNodeMix", (-540, -60), "Matte Choice")
    choice.data_type = "FLOAT"
    _link(tree, sockets["Use Own Matte"], choice.inputs[0])
    _link(tree, sockets["Matte"], choice.inputs[2])
    _link(tree, own, choice.inputs[3])

    shrink = _math(tree, "MULTIPLY", sockets["Erode"], -1.0, (-540, -320), "Erode")
    edge = _node(tree, "CompositorNodeDilateErode", (-360, -100), "Edge")
    _link(tree, choice.outputs[0], edge.inputs["Mask"])
    _link(tree, shrink, edge.inputs["Size"])
    soft = _node(tree, "CompositorNodeBlur", (-180, -100), "Feather")
    _link(tree, edge.outputs[0], soft.inputs["Image"])
    _link(tree, sockets["Feather"], soft.inputs["Size"])

    reach = _math(tree, "MULTIPLY", sockets["Matte"], _REACH, (-180, -340), "Reach")
    matte = _math(tree, "MINIMUM", soft.outputs[0], reach, (0, -180), "Matte")
    # Blender divides by zero to zero.
    ratio = _math(tree, "DIVIDE", matte, sockets["Matte"], (180, -260), "Against Swap's Matte")

    strength = _math(tree, "MULTIPLY", matte, sockets["Opacity"], (180, -80), "Strength")
    amount = _math(tree, "MULTIPLY", ratio, sockets["Opacity"], (360, -260), "Amount")

    colour = _vector(tree, "MULTIPLY", sockets["Swap"], sockets["Color Gain"], (360, 60), "Color Gain")
    face = _vector(tree, "MULTIPLY", colour, amount, (540, 0), "New Face")
    # Divided by 1 / rest, which is the same as times rest, but an infinity under a full matte goes.
    rest = _math(tree, "SUBTRACT", 1.0, strength, (360, 260), "Rest")
    inverse = _math(tree, "DIVIDE", 1.0, rest, (540, 260), "1 / Rest")
    under = _vector(tree, "DIVIDE", sockets["Plate"], inverse, (720, 220), "Plate Behind")
    both = _vector(tree, "ADD", under, face, (900, 120), "Over")

    alpha = _node(tree, "CompositorNodeSeparateColor", (900, 340), "Plate's Alpha")
    _link(tree, sockets["Plate"], alpha.inputs[0])
    result = _node(tree, "CompositorNodeSetAlpha", (1080, 200), "Result")
    compat.replace_alpha(result)
    _link(tree, both, result.inputs["Image"])
    _link(tree, alpha.outputs["Alpha"], result.inputs["Alpha"])

    leave = _node(tree, "NodeGroupOutput", (1280, 80))
    _link(tree, result.outputs[0], leave.inputs["Image"])
    _link(tree, strength, leave.inputs["Matte"])
    return tree


def _interface(tree: bpy.types.NodeTree) -> None:
    add = tree.interface.new_socket
    add("Image", in_out="OUTPUT", socket_type="NodeSocketColor", description="The plate with the new face")
    add("Matte", in_out="OUTPUT", socket_type="NodeSocketFloat", description="Where the new face is, and how strongly")
    plate = add("Plate", in_out="INPUT", socket_type="NodeSocketColor", description="The plate, scene-linear")
    swap = add("Swap", in_out="INPUT", socket_type="NodeSocketColor", description="The layer swap, premultiplied")
    plate.default_value = swap.default_value = (0.0, 0.0, 0.0, 0.0)
    _number(
        tree, "Matte", "Float", 0.0, 0.0, 1.0, "The layer matte, which the layer swap is multiplied by"
    ).hide_value = True
    _number(
        tree, "Occlusion", "Float", 0.0, 0.0, 1.0, "The layer occlusion: what stays in front under a matte of your own"
    ).hide_value = True
    _number(tree, "Opacity", "Float", 1.0, 0.0, 1.0, "Strength of the new face; 0 is the plate").subtype = "FACTOR"
    add(
        "Use Own Matte",
        in_out="INPUT",
        socket_type="NodeSocketBool",
        description="Take the matte from Own Matte in place of the layer matte",
    )
    _number(
        tree, "Own Matte", "Float", 1.0, 0.0, 1.0, "A roto or a key that says where the new face goes"
    ).subtype = "FACTOR"
    _number(tree, "Erode", "Int", 0, -200, 200, "Pixels to shrink the matte by; grows it when negative")
    _number(tree, "Feather", "Float", 0.0, 0.0, 500.0, "Pixels to soften the matte's edge by")
    gain = add(
        "Color Gain", in_out="INPUT", socket_type="NodeSocketColor", description="Multiplies the new face's color"
    )
    gain.default_value = (1.0, 1.0, 1.0, 1.0)


def _number(
    tree: bpy.types.NodeTree, name: str, kind: str, default: float, low: float, high: float, description: str
) -> bpy.types.NodeTreeInterfaceSocket:
    socket = tree.interface.new_socket(name, in_out="INPUT", socket_type=f"NodeSocket{kind}", description=description)
    socket.default_value, socket.min_value, socket.max_value = default, low, high
    return socket


def _node(tree: bpy.types.NodeTree, kind: str, place: tuple[float, float], label: str = "") -> bpy.types.Node:
    node = tree.nodes.new(kind)
    node.location, node.label = place, label
    return node


def _link(tree: bpy.types.NodeTree, source: bpy.types.NodeSocket, target: bpy.types.NodeSocket) -> None:
    tree.links.new(source, target)


def _math(
    tree: bpy.types.NodeTree,
    operation: str,
    a: bpy.types.NodeSocket | float,
    b: bpy.types.NodeSocket | float,
    place: tuple[float, float],
    label: str,
) -> bpy.types.NodeSocket:
    node = _node(tree, "ShaderNodeMath", place, label)
    node.operation = operation
    for value, socket in zip((a, b), node.inputs, strict=False):
        if isinstance(value, float):
            socket.default_value = value
        else:
            _link(tree, value, socket)
    return node.outputs[0]


def _vector(
    tree: bpy.types.NodeTree,
    operation: str,
    a: bpy.types.NodeSocket,
    b: bpy.types.NodeSocket,
    place: tuple[float, float],
    label: str,
) -> bpy.types.NodeSocket:
    """A colour by a colour or a number, channel by channel; Mix nodes would also add a times 0, which is NaN at times."""
    node = _node(tree, "ShaderNodeVectorMath", place, label)
    node.operation = operation
    _link(tree, a, node.inputs[0])
    _link(tree, b, node.inputs[1])
    return node.outputs[0]
