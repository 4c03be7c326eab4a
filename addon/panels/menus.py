"""What the tabs do, once more in the editors' own menus: there the menu search and keymaps find it."""

from __future__ import annotations

import bpy


class UNDERSTUDY_MT_image(bpy.types.Menu):
    """The way from a plate to a converted shot"""

    bl_label = "Understudy"

    def draw(self, _context: bpy.types.Context) -> None:
        """The steps, in their order."""
        layout = self.layout
        layout.operator("understudy.load_plate", text="Load Plate…")
        layout.operator("understudy.find_faces")
        layout.operator("understudy.find_faces_frame")
        layout.separator()
        layout.operator("understudy.find_source_faces")
        layout.operator("understudy.new_model")
        layout.operator("understudy.train")
        layout.separator()
        layout.operator("understudy.preview_frame")
        layout.operator_menu_enum("understudy.compare", "mode")
        layout.separator()
        layout.operator("understudy.convert")
        layout.operator("understudy.open_result", text="Open Newest Version")
        layout.operator("understudy.send_to_compositor")


class UNDERSTUDY_MT_clip(bpy.types.Menu):
    """Masks and tracks for the face replacement"""

    bl_label = "Understudy"

    def draw(self, _context: bpy.types.Context) -> None:
        """The mask in both roles, and the track."""
        layout = self.layout
        layout.operator("understudy.use_active_mask", text="Use Active Mask as Holdout").role = "HOLDOUT"
        layout.operator("understudy.use_active_mask", text="Use Active Mask as Matte").role = "ROTO"
        layout.operator("understudy.use_active_track")


def _in_image(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu("UNDERSTUDY_MT_image")


def _in_clip(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu("UNDERSTUDY_MT_clip")


def _in_add(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.operator("understudy.send_to_compositor", text="Understudy Result")


_ADDED = (("IMAGE_MT_image", _in_image), ("CLIP_MT_clip", _in_clip), ("NODE_MT_compositor_node_add_all", _in_add))

CLASSES = (UNDERSTUDY_MT_image, UNDERSTUDY_MT_clip)


def register() -> None:
    """Add to the editors' menus."""
    for name, draw in _ADDED:
        getattr(bpy.types, name).append(draw)


def unregister() -> None:
    """Take it off them."""
    for name, draw in _ADDED:
        getattr(bpy.types, name).remove(draw)
