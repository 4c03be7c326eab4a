"""The result in the compositor."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from .. import compat
from ..compositor import build
from ..compositor.exr_header import ExrHeader, read_header
from ..images.sequence import frame_path, frame_ranges, missing_frames
from ..scene.properties import NEUTRAL, Shot, absolute
from .base import can

_GAIN = "understudy_gain"  # on the group's node: what was handed on last


class UNDERSTUDY_OT_send_to_compositor(bpy.types.Operator):
    """Build the chosen version into the compositor with ordinary nodes, or bring those built for it up to date"""

    bl_idname = "understudy.send_to_compositor"
    bl_label = "Send to Compositor"
    bl_options = {"REGISTER", "UNDO"}

    match_scene: BoolProperty(
        name="Match Scene to Plate",
        description="Give the scene the size, pixel aspect, frame range and frame rate of the version",
        default=True,
    )
    replace_output: BoolProperty(
        name="Replace Output",
        description="Link the new result to the output even where other nodes than Render Layers feed it",
        default=False,
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be a version."""
        return can(cls, "" if _version(context.scene) else "Convert the range first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Check the files, tell of gaps, then build."""
        scene, version = context.scene, _version(context.scene)
        pattern, first, last = absolute(version.pattern), version.first, version.last
        missing = missing_frames(pattern, first, last)
        if len(missing) == last - first + 1:
            self.report({"ERROR"}, f"No frame of {pattern} is there. Convert the range again")
            return {"CANCELLED"}
        self._tell_gaps(Path(pattern).name, missing)
        try:
            present = next(frame for frame in range(first, last + 1) if frame not in set(missing))
            header = read_header(frame_path(pattern, present))
            plate = _plate_of(scene, header, present)
            if plate:
                self._tell_gaps(Path(plate).name, missing_frames(plate, first, last))
            width, height = header.size
            build.build(
                scene,
                pattern=pattern,
                first=first,
                last=last,
                width=width,
                height=height,
                colour_space=_colour_space(header),
                plate=plate,
                relink=self.replace_output,
            )
        except (OSError, ValueError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        _hand_on_gain(scene.understudy, shown(context))
        if self.match_scene:
            _match(scene, header, first, last)
        linked = build.feeds_output(scene, pattern)
        rest = "" if linked else "; the output keeps its own link, choose Replace Output to change it"
        self.report({"INFO"}, f"{version.name or Path(pattern).name} is in the compositor{rest}")
        return {"FINISHED"}

    def _tell_gaps(self, name: str, missing: list[int]) -> None:
        if missing:
            self.report({"WARNING"}, f"{name} lacks frames {frame_ranges(missing)}; they render as transparent black")


class UNDERSTUDY_OT_view_layer(bpy.types.Operator):
    """Show this layer of the result in the viewer"""

    bl_idname = "understudy.view_layer"
    bl_label = "View Layer"
    bl_options = {"REGISTER", "UNDO"}

    layer: StringProperty(name="Layer", description="Output of the layered sequence; empty for the result")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be a result in the compositor."""
        return can(cls, "" if shown(context) else "Send a version to the compositor first")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Link the layer to the frame's own viewer."""
        swap = shown(context)
        tree = swap.id_data
        viewer = build.part_of(tree, swap.parent, "viewer")
        result = build.part_of(tree, swap.parent, "result")
        outputs = result.outputs if self.layer and result else swap.outputs
        source = outputs.get(self.layer or "Image")
        if viewer is None or source is None:
            self.report(
                {"ERROR"}, f"There is no {self.layer or 'viewer'} here. Send the version to the compositor again"
            )
            return {"CANCELLED"}
        tree.links.new(source, viewer.inputs[0])
        tree.nodes.active = viewer
        return {"FINISHED"}


def shown(context: bpy.types.Context) -> bpy.types.Node | None:
    """The "Understudy Swap" that is meant: the active one, that of the active node's frame, a selected one, the last."""
    tree = compat.existing_compositor(context.scene)
    swaps = build.swaps(tree)
    if not swaps:
        return None
    active = tree.nodes.active
    frames = {active, active.parent} if active else set()
    beside = next((node for node in swaps if node.parent and node.parent in frames), None)
    if active in swaps:
        return active
    return beside or next((node for node in swaps if node.select), swaps[-1])


def _hand_on_gain(own: Shot, swap: bpy.types.Node) -> None:
    """Give the nodes the gain that the preview was seen with, once: after that they may be tuned themselves."""
    gain = list(own.gain)
    if gain != list(swap.get(_GAIN, NEUTRAL)):
        swap[_GAIN] = gain
        swap.inputs["Color Gain"].default_value = (*gain, 1.0)


def _version(scene: bpy.types.Scene) -> bpy.types.PropertyGroup | None:
    shot = scene.understudy
    return shot.versions[shot.version_index] if 0 <= shot.version_index < len(shot.versions) else None


def _colour_space(header: ExrHeader) -> str:
    """The name of the colour layers' space, of those in the file, that this Blender knows; else the one to tell of."""
    names = header.colour_spaces
    return next(filter(compat.image_colour_space, names), names[-1] if names else "unknown")


def _plate_of(scene: bpy.types.Scene, header: ExrHeader, frame: int) -> str | None:
    """The scene's plate, when Blender lays its files over the result pixel by pixel; else None.

    It does not with movies and display-referred pictures, which the result holds linearised, nor with files whose data
    window is another, nor when the scene meanwhile names another plate.
    """
    shot = scene.understudy
    path, name = absolute(shot.plate.plate), header.texts.get("understudy/plate", "")
    if not path or not name:
        return None
    pattern = str(Path(path, name)) if Path(path).is_dir() else path
    file = frame_path(pattern, frame)
    if file.suffix.lower() != ".exr" or file.name != frame_path(name, frame).name:
        return None
    if shot.colour and shot.colour != header.texts.get("understudy/colour_space"):
        return None
    try:
        plate = read_header(file)
    except (OSError, ValueError):
        return None
    tagged = plate.texts.get("colorInteropID")
    same = plate.data_window == header.data_window and tagged in (None, header.texts.get("colorInteropID"))
    return pattern if same else None


def _match(scene: bpy.types.Scene, header: ExrHeader, first: int, last: int) -> None:
    """Give the scene the picture's size, its frames and its rate."""
    render = scene.render
    render.resolution_x, render.resolution_y = header.size
    render.resolution_percentage = 100
    aspect = header.pixel_aspect
    render.pixel_aspect_x, render.pixel_aspect_y = (aspect, 1.0) if aspect >= 1 else (1.0, 1.0 / aspect)
    scene.frame_start, scene.frame_end = first, last
    if not first <= scene.frame_current <= last:
        scene.frame_set(first)
    if header.fps:
        number, per = header.fps
        render.fps = max(1, math.floor(number / per + 0.5))
        render.fps_base = render.fps * per / number


CLASSES = (UNDERSTUDY_OT_send_to_compositor, UNDERSTUDY_OT_view_layer)
