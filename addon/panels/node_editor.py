"""The result's few settings, in the compositor's sidebar."""

from __future__ import annotations

import bpy

from ..compositor import build
from ..operators.compositor import shown

_SETTINGS = ("Opacity", "Use Own Matte", "Own Matte", "Erode", "Feather", "Color Gain")


class UNDERSTUDY_PT_compositor(bpy.types.Panel):
    """The settings of the result in the compositor"""

    bl_label = "Understudy Swap"
    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Understudy"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only in the compositor."""
        return context.space_data.tree_type == "CompositorNodeTree"

    def draw(self, context: bpy.types.Context) -> None:
        """The sockets of the group node, as on the node itself."""
        layout = self.layout
        layout.use_property_split = True
        swap = shown(context)
        if swap is None:
            layout.operator("understudy.send_to_compositor", icon="NODE_COMPOSITING")
            return
        if swap.parent:
            layout.label(text=build.title(swap.parent), icon="SEQUENCE")
        for name in _SETTINGS:
            socket = swap.inputs[name]
            if name == "Own Matte" and not swap.inputs["Use Own Matte"].default_value:
                continue
            if socket.is_linked:
                row = layout.row()
                row.active = False
                row.label(text=f"{name}: {socket.links[0].from_node.label or socket.links[0].from_node.name}")
            else:
                layout.prop(socket, "default_value", text=name)
        layout.operator("understudy.send_to_compositor", text="Update", icon="FILE_REFRESH")


class UNDERSTUDY_PT_compositor_layers(bpy.types.Panel):
    """The layers of the result, to look at"""

    bl_label = "View Layer"
    bl_parent_id = "UNDERSTUDY_PT_compositor"
    bl_space_type = "NODE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Understudy"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be a result with its sequence beside it."""
        swap = shown(context)
        return swap is not None and build.part_of(swap.id_data, swap.parent, "result") is not None

    def draw(self, context: bpy.types.Context) -> None:
        """One button a layer; the one in the viewer is pressed."""
        swap = shown(context)
        result = build.part_of(swap.id_data, swap.parent, "result")
        viewer = build.part_of(swap.id_data, swap.parent, "viewer")
        seen = viewer.inputs[0].links[0].from_socket if viewer and viewer.inputs[0].is_linked else None
        grid = self.layout.grid_flow(columns=2, even_columns=True, align=True)
        grid.operator("understudy.view_layer", text="Result", depress=seen == swap.outputs["Image"]).layer = ""
        for socket in result.outputs:
            if socket.name not in ("Combined", "rgba", "Alpha"):
                button = grid.operator("understudy.view_layer", text=_label(socket.name), depress=seen == socket)
                button.layer = socket.name


def _label(layer: str) -> str:
    return layer.upper() if len(layer) < 3 else layer.title()


CLASSES = (UNDERSTUDY_PT_compositor, UNDERSTUDY_PT_compositor_layers)
