"""The faces of the plate: find them, choose whose is replaced, jump to them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy
from bpy.props import IntProperty

from .. import preferences
from ..jobs.session import session
from ..jobs.task import Task
from ..link.job import Job
from ..link.options import taken
from ..scene import paths, requests
from ..scene.properties import settings_of
from ..viewport import overlay
from .base import BackendOperator, can

_known: dict[int, list[dict[str, Any]]] = {}  # scene's session_uid -> every face of its plate


class UNDERSTUDY_OT_find_faces(BackendOperator, bpy.types.Operator):
    """Find every face in the whole plate, and tell people apart"""

    bl_idname = "understudy.find_faces"
    bl_label = "Find Faces"
    bl_options = {"REGISTER"}
    family = "faces"

    @classmethod
    def poll(cls, context):
        """There must be a plate that nobody is looking through yet."""
        busy = "Faces are being found" if session.is_busy(context.scene, "faces", "extract") else ""
        return can(cls, requests.lacks_plate(context.scene) or busy)

    def asks(self, context) -> Task:
        """Extract the plate, or only read its people when that is done already."""
        settings = requests.plate_extraction(context.scene)
        if paths.is_current(settings):
            return ask_people(context.scene, settings)
        return extract(context.scene, settings, "faces", "Find Faces")


class UNDERSTUDY_OT_find_faces_frame(BackendOperator, bpy.types.Operator):
    """Find the faces on the current frame and draw them over the plate"""

    bl_idname = "understudy.find_faces_frame"
    bl_label = "Find on This Frame"
    bl_options = {"REGISTER"}
    family = "faces"

    @classmethod
    def poll(cls, context):
        """There must be a plate with this frame."""
        scene = context.scene
        return can(cls, requests.lacks_plate(scene) or outside(scene))

    def asks(self, context) -> Task:
        """Ask for this frame's faces."""
        scene = context.scene
        settings = {**settings_of(scene.understudy, "plate", "analysis"), "frame": scene.frame_current}
        scene.understudy.overlay_faces = True
        return session.ask(scene, "find", settings, "faces", "Find on This Frame")


class UNDERSTUDY_OT_select_person(bpy.types.Operator):
    """Replace the face of this person"""

    bl_idname = "understudy.select_person"
    bl_label = "Select Person"
    bl_options = {"REGISTER", "UNDO"}

    index: IntProperty(name="Index", description="Which of the people in the list", min=0, options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        """Somebody must have been found."""
        return can(cls, "" if context.scene.understudy.people else "Find faces first")

    def execute(self, context):
        """Point the list at the person, as a click does."""
        own = context.scene.understudy
        if self.index >= len(own.people):
            self.report({"ERROR"}, f"There are {len(own.people)} people")
            return {"CANCELLED"}
        own.person_index = self.index
        remember(context.scene)
        return {"FINISHED"}


class UNDERSTUDY_OT_show_frame(bpy.types.Operator):
    """Jump to this frame"""

    bl_idname = "understudy.show_frame"
    bl_label = "Show Frame"
    bl_options = {"REGISTER", "UNDO"}

    frame: IntProperty(name="Frame", description="Frame to jump to", options={"SKIP_SAVE"})

    def execute(self, context):
        """Set the scene's frame."""
        context.scene.frame_set(self.frame)
        remember(context.scene)
        return {"FINISHED"}


def extract(
    scene: bpy.types.Scene, settings: dict[str, Any], family: str, title: str, after: Task | None = None
) -> Task:
    """A job that extracts a faceset."""
    job = Job.create(paths.new_job(requests.folder(scene), "extract"), "extract", taken("extract", settings))
    return session.submit(scene, job, family, title, after=after)


def extract_missing(
    scene: bpy.types.Scene, family: str, *, plate: dict[str, Any] | None = None, source: dict[str, Any] | None = None
) -> Task | None:
    """Jobs that extract what is not there of the two facesets; the last of them, or None when nothing is missing."""
    titled = [(plate, "Find Faces in Plate"), (source, "Find Faces in New Face")]
    needed = [(settings, title) for settings, title in titled if settings is not None]
    after = None
    # What is running already comes first: the queue does one at a time.
    for settings, title in sorted(needed, key=lambda one: _running(scene, one[0]) is None):
        if not paths.is_current(settings):
            after = _running(scene, settings) or extract(scene, settings, family, title, after)
    return after


def ask_people(scene: bpy.types.Scene, extraction: dict[str, Any]) -> Task:
    """Ask who is in the faceset that ``extraction`` filled."""
    faceset = Path(extraction["out"])
    pictures = faceset.with_name(f"{faceset.name}-people")
    settings = {"faceset": str(faceset), "pictures": str(pictures)}
    return session.ask(scene, "people", settings, "faces", "Read Faces")


def remember(scene: bpy.types.Scene) -> None:
    """Ask for the faces of a file that was opened again, for the overlay; opening it starts nothing by itself."""
    if scene.session_uid in _known or not scene.understudy.people or preferences.backend_problem():
        return
    extraction = requests.plate_extraction(scene)
    if paths.is_whole(Path(extraction["out"])):
        ask_people(scene, extraction)


def outside(scene: bpy.types.Scene) -> str:
    """Why the current frame is none of the plate's, or ``""``."""
    own = scene.understudy
    if not own.width or own.first <= scene.frame_current <= own.last:
        return ""
    return f"Frame {scene.frame_current} is outside the plate ({own.first}-{own.last})"


@session.outcome_of("extract")
def extracted(scene: bpy.types.Scene, task: Task) -> None:
    """Once everybody in the plate is found, ask who they are."""
    if task.settings["out"] == requests.plate_extraction(scene)["out"]:
        ask_people(scene, task.settings)


@session.outcome_of("people")
def met(scene: bpy.types.Scene, task: Task) -> str:
    """List the people, and choose the one who is there most where several stand side by side."""
    own, found = scene.understudy, task.report["people"]
    own.people.clear()
    for number, one in enumerate(found, 1):
        person = own.people.add()
        person.name = f"Person {number}"
        for name in ("track", "frames", "first", "last", "weakest", "weakest_confidence", "confidence", "picture"):
            setattr(person, name, one[name])
    tracks = [f"track:{one['track']}" for one in found]
    if own.analysis.face in tracks:
        own.person_index = tracks.index(own.analysis.face)
    elif not found or not own.analysis.face.startswith(("one", "track:")):
        own.person_index = -1  # a point, or another way to say who is meant
    else:
        own.person_index = 0
        if not _together(found):  # one person, whose track may be broken
            own.analysis.face = "one"
    _known[scene.session_uid] = task.report["faces"]
    overlay.set_faces(scene.name, task.report["faces"])
    return "Find Faces"


@session.outcome_of("find")
def found_on_frame(scene: bpy.types.Scene, task: Task) -> None:
    """Draw this frame's faces."""
    frame = task.report["frame"]
    others = [face for face in _known.get(scene.session_uid, ()) if face["frame"] != frame]
    overlay.set_faces(scene.name, [*others, *({**face, "frame": frame} for face in task.report["faces"])])
    if not task.report["faces"]:
        task.notes.append(f"No face was found on frame {frame}.")


def _running(scene: bpy.types.Scene, settings: dict[str, Any]) -> Task | None:
    """The extraction into the same folder that is under way, if any."""
    same = (task for task in session.tasks(scene, stage="extract") if task.settings.get("out") == settings["out"])
    return next((task for task in same if not task.ended), None)


def _together(people: list[dict[str, Any]]) -> bool:
    """Whether two people's time overlaps: otherwise it may be one person whose track was broken."""
    spans = sorted((one["first"], one["last"]) for one in people)
    return any(later[0] <= earlier[1] for earlier, later in pairwise(spans))


def forget() -> None:
    """Forget all faces."""
    _known.clear()


CLASSES = (
    UNDERSTUDY_OT_find_faces,
    UNDERSTUDY_OT_find_faces_frame,
    UNDERSTUDY_OT_select_person,
    UNDERSTUDY_OT_show_frame,
)
