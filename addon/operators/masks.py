"""What the artist has drawn or tracked, for the backend: masks as sequences of mattes, a track as a choice of face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import compat
from ..images.sequence import number_in
from ..scene import requests
from .base import can

_ROLES = [
    ("HOLDOUT", "Holdout", "The matte stays in front of the new face"),
    ("ROTO", "Matte", "The matte limits the new face"),
]

_CHANNEL = "V"  # what Blender calls the one channel of a black and white EXR file


class UNDERSTUDY_OT_use_active_mask(bpy.types.Operator):
    """Render the active mask over the plate's range, and give it to the conversion as a holdout or as the matte"""

    bl_idname = "understudy.use_active_mask"
    bl_label = "Use Active Mask"
    bl_options = {"REGISTER", "UNDO"}

    role: EnumProperty(name="Role", description="What the mask is for", items=_ROLES, default="HOLDOUT")
    mask: StringProperty(name="Mask", description="Name of the mask; the editor's own when empty")
    clip: StringProperty(name="Clip", description="Clip that the mask was drawn on; the editor's own when empty")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be a mask and a plate."""
        drawn = _edited(context, "mask") or (bpy.app.background and bpy.data.masks)
        return can(cls, requests.lacks_plate(context.scene) or ("" if drawn else "Draw a mask first"))

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Render one matte a plate frame, then name the sequence in the settings."""
        mask = bpy.data.masks.get(self.mask) if self.mask else _edited(context, "mask")
        if mask is None:
            self.report(
                {"ERROR"}, f"There is no mask {self.mask}" if self.mask else "Choose the mask in the editor first"
            )
            return {"CANCELLED"}
        try:
            footage = _Footage(context, self.clip)
            width, height = footage.plate_size()
            name = bpy.path.clean_name(mask.name)
            folder = requests.folder(context.scene) / "masks" / name
            folder.mkdir(parents=True, exist_ok=True)
            with _progress(context, footage.plate_frames()) as frames:
                files = {frame: folder / f"{name}.{frame:04d}.exr" for frame in frames}
                _render(mask, (width, height), files, footage.scene_frame, context.window_manager.progress_update)
        except (requests.ShotError, OSError, RuntimeError) as error:
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}
        finally:
            # Rendering has left the mask as it is on the last frame.
            context.scene.frame_set(context.scene.frame_current)
        setattr(context.scene.understudy.conversion, self.role.lower(), f"{folder / name}.####.exr:{_CHANNEL}")
        self.report({"INFO"}, f"Rendered {len(files)} frames of {mask.name} to {folder}")
        return {"FINISHED"}


class UNDERSTUDY_OT_clear_mask(bpy.types.Operator):
    """Convert without this matte; its files stay"""

    bl_idname = "understudy.clear_mask"
    bl_label = "Clear Mask"
    bl_options = {"REGISTER", "UNDO"}

    role: EnumProperty(name="Role", description="Which matte to do without", items=_ROLES, default="HOLDOUT")

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Empty the setting."""
        setattr(context.scene.understudy.conversion, self.role.lower(), "")
        return {"FINISHED"}


class UNDERSTUDY_OT_use_active_track(bpy.types.Operator):
    """Replace the face that the active track's marker lies on at this frame"""

    bl_idname = "understudy.use_active_track"
    bl_label = "Use Active Track"
    bl_options = {"REGISTER", "UNDO"}

    clip: StringProperty(name="Clip", description="Clip that was tracked; the editor's own when empty")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """There must be a clip and a plate."""
        clip = _edited(context, "clip") or (bpy.app.background and bpy.data.movieclips)
        return can(
            cls, requests.lacks_plate(context.scene) or ("" if clip else "Open the plate in the Clip Editor first")
        )

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Note the marker's place as ``point:FRAME,X,Y`` in plate pixels from the top left."""
        try:
            footage = _Footage(context, self.clip)
            width, height = footage.plate_size()
            frame, (x, y) = footage.marker()
        except requests.ShotError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.scene.understudy.analysis.face = f"point:{frame},{x * width:.1f},{(1 - y) * height:.1f}"
        self.report({"INFO"}, f"The face at the track on frame {frame} will be replaced")
        return {"FINISHED"}


class _Footage:
    """The clip or image that was drawn on, and how its time and size relate to the plate's."""

    def __init__(self, context: bpy.types.Context, clip: str) -> None:
        self.scene = context.scene
        self.clip = bpy.data.movieclips.get(clip) if clip else _edited(context, "clip")
        if clip and self.clip is None:
            raise requests.ShotError(f"There is no clip {clip}")
        image = None if self.clip else _edited(context, "image")
        moving = image is not None and image.source in {"SEQUENCE", "MOVIE"}
        self.size = tuple((self.clip or image).size) if self.clip or image else (0, 0)
        self.shift = 0  # from a frame of the scene to one of the plate
        if self.clip:
            sequence = self.clip.source == "SEQUENCE"
            start = number_in(bpy.path.basename(self.clip.filepath)) if sequence else 1
            self.shift = (start or 0) + self.clip.frame_offset - self.clip.frame_start
        elif moving:
            user = context.space_data.image_user
            self.shift = 1 + user.frame_offset - user.frame_start

    def scene_frame(self, plate_frame: int) -> int:
        return plate_frame - self.shift

    def plate_frames(self) -> range:
        """The plate's range as inspected, else the scene's."""
        own = self.scene.understudy
        if own.width:
            return range(own.first, own.last + 1)
        return range(self.scene.frame_start + self.shift, self.scene.frame_end + self.shift + 1)

    def plate_size(self) -> tuple[int, int]:
        """Width and height in pixels. Raises ShotError when it is not known, or when the footage has another shape."""
        own = self.scene.understudy
        width, height = (own.width, own.height) if own.width else self.size
        if not width or not height:
            raise requests.ShotError("The plate's size is not known. Press Refresh in the Plate panel")
        wide, high = self.size
        if wide and high and abs(wide / high - width / height) * height > 1:
            raise requests.ShotError(
                f"What is drawn on is {wide} x {high} and the plate {width} x {height}. Open the plate itself"
            )
        return width, height

    def marker(self) -> tuple[int, tuple[float, float]]:
        """The plate frame and the place (0..1 from the bottom left) of the active track's marker. Raises ShotError."""
        track = (
            self.clip.tracking.objects.active.tracks.active if self.clip and self.clip.tracking.objects.active else None
        )
        if track is None:
            raise requests.ShotError("Select a track in the Clip Editor first")
        current = self.scene.frame_current
        marker = track.markers.find_frame(current - self.clip.frame_start + 1, exact=True)
        if marker is None or marker.mute:
            raise requests.ShotError(f"{track.name} has no marker on this frame. Go to a frame where it was tracked")
        return current + self.shift, (marker.co.x, marker.co.y)


def _edited(context: bpy.types.Context, what: str) -> bpy.types.ID | None:
    """The ``mask``, ``clip`` or ``image`` of the editor that the mouse is in."""
    return getattr(context.space_data, what, None)


@contextmanager
def _progress(context: bpy.types.Context, frames: range) -> Iterator[range]:
    """Show at the cursor how far it has gone: this takes seconds, and needs Blender's own thread."""
    context.window_manager.progress_begin(frames.start, frames.stop)
    try:
        yield frames
    finally:
        context.window_manager.progress_end()


def _render(
    mask: bpy.types.Mask,
    size: tuple[int, int],
    files: dict[int, Path],
    scene_frame: Callable[[int], int],
    progress: Callable[[int], None],
) -> None:
    """Render ``mask`` to half-float EXR files of one channel, in a scene of its own that is gone afterwards."""
    scene = bpy.data.scenes.new("Understudy Mask")
    try:
        tree = compat.compositor(scene)
        node = tree.nodes.new("CompositorNodeMask")
        node.mask = mask
        # Blender draws masks without antialiasing.
        smooth = tree.nodes.new("CompositorNodeAntiAliasing")
        tree.links.new(node.outputs[0], smooth.inputs[0])
        tree.links.new(smooth.outputs[0], compat.output_socket(tree, make=True))
        render = scene.render
        render.resolution_x, render.resolution_y = size
        render.compositor_device = "CPU"
        render.image_settings.file_format = "OPEN_EXR"
        render.image_settings.color_mode, render.image_settings.color_depth = "BW", "16"
        for frame, path in files.items():
            scene.frame_start = scene.frame_end = scene_frame(frame)
            render.filepath = str(path.with_name(".part.####"))
            # An animation of one frame: a still would show the mask as it is on the scene's own frame.
            bpy.ops.render.render(animation=True, scene=scene.name)
            Path(render.frame_path(frame=scene.frame_start)).replace(path)
            progress(frame)
    finally:
        compat.remove_compositor(scene)
        bpy.data.scenes.remove(scene)


CLASSES = (UNDERSTUDY_OT_use_active_mask, UNDERSTUDY_OT_clear_mask, UNDERSTUDY_OT_use_active_track)
