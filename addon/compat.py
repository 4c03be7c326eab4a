"""Every difference between Blender's versions that the add-on meets; no other module asks for the version."""

from __future__ import annotations

import bpy

_GROUP_TREES = bpy.app.version >= (5, 0, 0)
"""Since 5.0 a scene points at a compositing node group, and its picture is the group's output."""

# Names of one and the same linear space: Color Interop identifier, ACES studio configurations, Blender's own.
_SAME_SPACE = (
    ("lin_rec709_scene", "Linear Rec.709 (sRGB)", "Linear Rec.709", "Utility - Linear - sRGB", "lin_rec709"),
    ("lin_ap1_scene", "ACEScg", "ACES - ACEScg", "lin_ap1"),
    ("lin_ap0_scene", "ACES2065-1", "ACES - ACES2065-1", "lin_ap0"),
    ("lin_rec2020_scene", "Linear Rec.2020", "Utility - Linear - Rec.2020", "lin_rec2020"),
    ("lin_p3d65_scene", "Linear P3-D65", "Linear DCI-P3 D65", "Utility - Linear - P3-D65", "lin_p3d65"),
    ("lin_ciexyzd65_scene", "CIE XYZ-D65 - Scene-referred", "Linear CIE-XYZ D65"),
)


def existing_compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    """The scene's compositing tree, or None."""
    return scene.compositing_node_group if _GROUP_TREES else scene.node_tree


def compositor(scene: bpy.types.Scene) -> bpy.types.NodeTree:
    """The scene's compositing tree, made if missing and switched on."""
    scene.render.use_compositing = True
    if not _GROUP_TREES:
        new = scene.node_tree is None
        scene.use_nodes = True
        if new:
            # Blender fills it with Render Layers, which nobody asked for and which do not render without a camera.
            scene.node_tree.nodes.clear()
        return scene.node_tree
    if scene.compositing_node_group is None:
        scene.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    return scene.compositing_node_group


def output_socket(tree: bpy.types.NodeTree, *, make: bool) -> bpy.types.NodeSocket | None:
    """The socket that the scene's rendered picture comes from; None when there is none and none is to be made."""
    kind = "NodeGroupOutput" if _GROUP_TREES else "CompositorNodeComposite"
    node = next((node for node in tree.nodes if node.bl_idname == kind and node.mute is False), None)
    if not make:
        return _picture(node) if node else None
    if _GROUP_TREES and not any(
        item.item_type == "SOCKET" and item.in_out == "OUTPUT" and item.socket_type == "NodeSocketColor"
        for item in tree.interface.items_tree
    ):
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return _picture(node or tree.nodes.new(kind))


def _picture(node: bpy.types.Node) -> bpy.types.NodeSocket | None:
    return next((socket for socket in node.inputs if socket.bl_idname == "NodeSocketColor"), None)


def remove_compositor(scene: bpy.types.Scene) -> None:
    """Delete the compositing tree of a scene that is about to be deleted itself."""
    if _GROUP_TREES and scene.compositing_node_group:
        bpy.data.node_groups.remove(scene.compositing_node_group)


def replace_alpha(node: bpy.types.Node) -> None:
    """Make a Set Alpha node put the alpha in place of the old one, colours untouched."""
    if _GROUP_TREES:
        node.inputs["Type"].default_value = "Replace Alpha"
    else:
        node.mode = "REPLACE_ALPHA"


def image_colour_space(name: str) -> str | None:
    """What the running Blender (and its OCIO configuration) calls the space ``name``; None when it has no such space.

    ``name`` is a Color Interop identifier or the name of a scene-linear space in some OCIO configuration.
    """
    known = bpy.types.ColorManagedInputColorspaceSettings.bl_rna.properties["name"].enum_items.keys()
    folded = {space.casefold(): space for space in known}
    same = next((names for names in _SAME_SPACE if name.casefold() in map(str.casefold, names)), ())
    return next((folded[other.casefold()] for other in (name, *same) if other.casefold() in folded), None)
