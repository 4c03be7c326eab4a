"""What our panels in the Image Editor have in common."""

from __future__ import annotations


class Tab:
    """A panel of the tab, laid out as Blender's own properties are."""

    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Understudy"

    def draw(self, context) -> None:
        """Set the layout up, then draw the panel."""
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        self.body(context, self.layout)

    def body(self, context, layout) -> None:
        """What the panel shows."""
        raise NotImplementedError
