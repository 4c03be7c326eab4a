"""The swap, one frame at a time: preview it, look at its parts."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import EnumProperty

from ..images import editor
from ..images.sequence import frame_ranges
from ..jobs.session import session
from ..jobs.task import Task
from ..scene import paths, requests
from ..scene.properties import absolute
from .base import BackendOperator, can
from .faces import outside

PARTS = ("composite", "plate", "matte", "swap")


class UNDERSTUDY_OT_preview_frame(BackendOperator, bpy.types.Operator):
    """Swap the face on the current frame and show it, without writing a version"""

    bl_idname = "understudy.preview_frame"
    bl_label = "Preview This Frame"
    bl_options = {"REGISTER"}
    family = "swap"

    @classmethod
    def poll(cls, context):
        """There must be something to make the new face of, faces, and such a frame."""
        scene = context.scene
        return can(cls, requests.lacks_new_face(scene) or requests.lacks_faces(scene) or outside(scene))

    def asks(self, context) -> Task:
        """Ask for this frame."""
        scene = context.scene
        frame = scene.frame_current
        settings = requests.conversion(scene, range(frame, frame + 1))
        settings = {name: value for name, value in settings.items() if name not in {"frames", "force"}}
        settings |= {"frame": frame, "out": str(_folder(scene))}
        return session.ask(scene, "preview", settings, "swap", "Preview This Frame")


class UNDERSTUDY_OT_show_preview(bpy.types.Operator):
    """Show a picture of the preview, of the new face's footage or of the training in the Image Editor"""

    bl_idname = "understudy.show_preview"
    bl_label = "Show Preview"
    bl_options = {"REGISTER"}

    what: EnumProperty(
        name="Picture",
        description="Which picture to show",
        items=[
            ("COMPOSITE", "Composite", "The frame with its new face"),
            ("PLATE", "Plate", "The frame as shot"),
            ("MATTE", "Matte", "Where the new face is laid in"),
            ("SWAP", "New Face", "The new face alone"),
            ("SOURCE", "Source", "The faces of the new face's footage"),
            ("TRAINING", "Training", "What the model makes of some faces"),
            ("CURVE", "Curve", "The training's loss, step by step"),
        ],
        default="COMPOSITE",
        options={"SKIP_SAVE"},
    )

    def execute(self, context):
        """Show it; what the training writes again and again is read anew."""
        try:
            _show(context.scene, self.what.lower())
        except (RuntimeError, requests.ShotError) as error:
            self.report({"ERROR"}, f"{error}")
            return {"CANCELLED"}
        return {"FINISHED"}


@session.outcome_of("preview")
def previewed(scene: bpy.types.Scene, task: Task) -> str:
    """Load the frame's pictures, for the comparison too, and show the composite."""
    own, files = scene.understudy, task.report["files"]
    own.preview_frame = task.report["frame"]
    references = task.report.get("references", {}).values()  # by region
    own.preview_references = frame_ranges(sorted({frame for frames in references for frame in frames}))
    try:
        for part in PARTS:
            setattr(own, f"preview_{part}", files[part])
            space = task.report["colour_space"] if part != "matte" else "data"
            editor.load(scene, f"Preview {part.title()}", files[part], own.preview_frame, space)
        _show(scene, "composite")
    except RuntimeError as error:
        task.notes.append(f"The preview is not shown: {error}. Blender and the backend must see the same files.")
    if not task.report["face"]:
        task.notes.append(f"Frame {own.preview_frame} shows no face to swap.")
    return "Preview Frame"  # else the next undo would take the preview away


def _show(scene: bpy.types.Scene, what: str) -> None:
    """Raises RuntimeError when the picture is not there, ShotError where there is nothing to make one of."""
    own = scene.understudy
    if what == "source" and (reason := requests.lacks_footage(scene)):
        raise requests.ShotError(reason)
    if what in {"source", "training", "curve"}:
        name = {"source": paths.SHEET, "training": "preview.png", "curve": "curve.png"}[what]
        folder = requests.source_extraction(scene)["out"] if what == "source" else absolute(own.model)
        editor.show(editor.load(scene, what.title(), str(Path(folder) / name), 1, None))
        return
    image = editor.of_file(getattr(own, f"preview_{what}"))
    if image is None:
        raise RuntimeError("Preview a frame first")
    editor.show(image)


def _folder(scene: bpy.types.Scene) -> Path:
    """The folder of the scene's previews: another scene's may show the same frame of its plate."""
    return requests.folder(scene) / "preview" / bpy.path.clean_name(scene.name)


CLASSES = (UNDERSTUDY_OT_preview_frame, UNDERSTUDY_OT_show_preview)
