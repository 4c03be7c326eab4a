"""The result: versions of the converted shot."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import IntProperty

from ..compositor import exr_header
from ..images import editor
from ..images.sequence import frame_path, missing_frames
from ..jobs.session import session
from ..jobs.task import Task
from ..link.job import Job
from ..link.options import taken
from ..scene import paths, requests
from .base import BackendOperator, can
from .faces import extract_missing


class UNDERSTUDY_OT_convert(BackendOperator, bpy.types.Operator):
    """Swap the face over the plate's range into a new version, or finish the last one if nothing changed since"""

    bl_idname = "understudy.convert"
    bl_label = "Convert"
    bl_options = {"REGISTER"}
    family = "result"

    @classmethod
    def poll(cls, context):
        """There must be something to make the new face of, and no conversion under way."""
        busy = "A conversion is under way" if session.is_busy(context.scene, "result", "convert") else ""
        return can(cls, requests.lacks_new_face(context.scene) or busy)

    def asks(self, context) -> Task:
        """Queue the faces that are missing, and the conversion."""
        scene = context.scene
        # All of the plate's frames: the keys of a version do not depend on the range that is converted.
        root, settings = (
            requests.folder(scene),
            taken("convert", requests.conversion(scene, requests.plate_frames(scene))),
        )
        source = requests.source_extraction(scene) if settings["source"] else None
        after = extract_missing(scene, "result", plate=requests.plate_extraction(scene), source=source)
        new = paths.render(root, paths.new_version(root), scene.understudy.plate.plate)
        settings["out"] = paths.resumable(root, settings) or new
        Path(settings["out"]).parent.mkdir(parents=True, exist_ok=True)
        job = Job.create(paths.new_job(root, "convert"), "convert", settings)
        title = f"Convert {Path(settings['out']).parent.name}"
        return session.submit(scene, job, "result", title, after=after)


class UNDERSTUDY_OT_open_result(bpy.types.Operator):
    """Show a version in the Image Editor, the newest unless another one is chosen"""

    bl_idname = "understudy.open_result"
    bl_label = "Open"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(name="Index", description="Which version of the list; -1 is the newest", default=-1, min=-1)

    @classmethod
    def poll(cls, context):
        """There must be a version."""
        return can(cls, "" if context.scene.understudy.versions else "Convert the shot first")

    def execute(self, context):
        """Load the sequence and map its frames."""
        versions = context.scene.understudy.versions
        if self.index >= len(versions):
            self.report({"ERROR"}, f"There are {len(versions)} versions")
            return {"CANCELLED"}
        version = versions[self.index]
        pattern = bpy.path.abspath(version.pattern)
        absent = set(missing_frames(pattern, version.first, version.last))
        first = next((frame for frame in range(version.first, version.last + 1) if frame not in absent), version.first)
        try:
            spaces = exr_header.read_header(frame_path(pattern, first)).colour_spaces
            image = editor.load(context.scene, "Result", pattern, first, next(iter(spaces), None))
        except (RuntimeError, OSError, ValueError) as error:
            self.report({"ERROR"}, f"{version.name} cannot be shown: {error}")
            return {"CANCELLED"}
        editor.show(image, version.first, version.last)
        return {"FINISHED"}


@session.outcome_of("convert")
def converted(scene: bpy.types.Scene, task: Task) -> str:
    """List the version."""
    own, report = scene.understudy, task.report
    name = Path(report["out"]).parent.name
    version = own.versions.get(name) or own.versions.add()
    version.name, version.pattern = name, report["out"]
    version.first, version.last = report["first"], report["last"]
    own.version_index = list(own.versions.keys()).index(name)
    if report["without_face"]:
        task.notes.append(f"{report['without_face']} frames show no face and keep the plate.")
    return f"Convert {name}"


CLASSES = (UNDERSTUDY_OT_convert, UNDERSTUDY_OT_open_result)
