"""What a shot remembers in its scene: the backend's settings, generated from its schema, and the shot's own state."""

from __future__ import annotations

import os
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)
from bpy.types import PropertyGroup

from ..images import editor
from ..link.keyframes import keyed, single
from ..link.options import Option, read, words
from . import animation

GROUPS = {name: {option.name: option for option in held} for name, held in read().groups.items()}
"""The options of each group of settings, by name."""

# The backend takes these as text, because they may be more than a path: a pattern, a channel after a colon, a URI.
_FILES = {"plate", "ocio", "holdout", "roto"}
COMPARISONS = [
    ("OFF", "Off", "Show the picture alone"),
    ("WIPE", "Wipe", "Show the new face on one side of a line and the plate on the other"),
    ("DIFFERENCE", "Difference", "Show in false color where the result differs from the plate"),
    ("MATTE", "Matte", "Tint what the matte covers"),
]
"""How a preview is compared with the plate."""

NEUTRAL = (1.0, 1.0, 1.0)
"""The color gain that changes nothing."""


def _redraw(_self: PropertyGroup, _context: bpy.types.Context) -> None:
    """Draw the image editors again: what they show over the picture hangs on the shot's state."""
    editor.redraw()


def _choose_person(shot: Shot, _context: bpy.types.Context) -> None:
    """Have everything after work on the person whom the list shows; the only one of a shot is meant anyway."""
    people, index = shot.people, shot.person_index
    if 0 <= index < len(people) and not (len(people) == 1 and shot.analysis.face == "one"):
        shot.analysis.face = f"track:{people[index].track}"
    editor.redraw()


def _number(option: Option) -> Any:
    """A number's property. Zero stands for an optional number that is left out."""
    whole = option.kind == "int"
    given: dict[str, Any] = {
        "default": option.default or 0,
        "description": option.description,
        "options": _ways(option),
    }
    low, high = option.minimum, option.maximum
    if low is not None and option.optional:
        if not option.above:
            given["update"] = _not_between(option.name, low)
        low = 0
    elif low is not None and option.above:
        low += 1 if whole else 0.001
    if option.optional:
        given["description"] += ". Zero leaves it out"
    if low is not None:
        given["min"] = int(low) if whole else low
    if high is not None:
        given["max"] = int(high) if whole else high
    if option.unit == "px":
        given["subtype"] = "PIXEL"
    elif not whole and (low, high) == (0, 1):
        given["subtype"] = "FACTOR"
    if whole:
        return IntProperty(name=option.label, **given)
    digits = 2 if high is None or high > 1 else 3 if high > 0.1 else 6
    return FloatProperty(name=option.label, precision=digits, step=100 / 10 ** (digits - 1), **given)


def _ways(option: Option) -> set[str]:
    """What an artist may do with an option's property: key it where the backend takes keys, and only there."""
    return {"ANIMATABLE"} if option.animates else set()


def _not_between(name: str, minimum: float) -> Any:
    """An update that lifts what lies between zero (left out) and the smallest value that the backend takes."""

    def lift(self: PropertyGroup, _context: bpy.types.Context) -> None:
        if 0 < getattr(self, name) < minimum:
            setattr(self, name, minimum)

    return lift


def _property(option: Option) -> Any:
    """The Blender property of an option."""
    given: dict[str, Any] = {"name": option.label, "description": option.description}
    plain = {**given, "options": _ways(option)}
    match option.kind:
        case "bool":
            return BoolProperty(default=bool(option.default), **plain)
        case "choice":
            items = [(choice, words(choice), "") for choice in option.choices]
            return EnumProperty(items=items, default=option.default, **plain)
        case "int" | "float":
            return _number(option)
        case "list":
            raise ValueError(f"The option {option.name} is a list, which no group of settings can hold.")
    given["default"] = str(option.default or "")
    if option.kind == "path" and option.description.startswith("Folder"):
        return _path("DIR_PATH", **given)
    if option.kind == "path" or option.name in _FILES:
        return _path("FILE_PATH", **given)
    return StringProperty(**given, options=_ways(option))


def _path(subtype: str, **given: Any) -> Any:
    """A path's property, which may begin with ``//``: the folder of the .blend."""
    return StringProperty(subtype=subtype, options={"PATH_SUPPORTS_BLEND_RELATIVE"}, **given)


def _settings(name: str, group: str, doc: str) -> type[PropertyGroup]:
    """A property group that holds the options of ``group``."""
    annotations = {option.name: _property(option) for option in GROUPS[group].values()}
    return type(name, (PropertyGroup,), {"__annotations__": annotations, "__doc__": doc, "__module__": __name__})


PlateSettings = _settings("PlateSettings", "plate", "Which frames, and in which colors")
AnalysisSettings = _settings("AnalysisSettings", "analysis", "How faces are found and framed, and whose")
TrainingSettings = _settings("TrainingSettings", "training", "How a model learns and when it stops")
ConversionSettings = _settings("ConversionSettings", "conversion", "How the new face is laid into the plate")


class Person(PropertyGroup):
    """Somebody found in the plate"""

    track: IntProperty(name="Track", description="Number of the person's track")
    frames: IntProperty(name="Frames", description="How many frames show the person")
    first: IntProperty(name="First", description="First frame that shows the person")
    last: IntProperty(name="Last", description="Last frame that shows the person")
    weakest: IntProperty(name="Weakest", description="Frame whose face is trusted least")
    weakest_confidence: FloatProperty(
        name="Weakest Confidence", description="How far the weakest frame's face is trusted", min=0, max=1
    )
    confidence: FloatProperty(name="Confidence", description="Mean confidence of the faces found", min=0, max=1)
    picture: _path("FILE_PATH", name="Picture", description="Picture of the person")


class JobRecord(PropertyGroup):
    """A job of this shot, found again by its folder"""

    stage: StringProperty(name="Stage", description="What the job does")
    folder: _path("DIR_PATH", name="Folder", description="Where the job's document and log are")


class Version(PropertyGroup):
    """A converted version of the shot"""

    pattern: _path("FILE_PATH", name="Sequence", description="Where the version's frames are")
    first: IntProperty(name="First", description="First frame of the version")
    last: IntProperty(name="Last", description="Last frame of the version")


class Shot(PropertyGroup):
    """The state of a face replacement, kept with its scene"""

    plate: PointerProperty(type=PlateSettings)
    analysis: PointerProperty(type=AnalysisSettings)
    training: PointerProperty(type=TrainingSettings)
    conversion: PointerProperty(type=ConversionSettings)

    source_footage: _path("FILE_PATH", name="Footage", description="Footage of the person whose face is laid in")
    renderer: _property(GROUPS["newface"]["renderer"])
    reference_frames: _property(GROUPS["newface"]["reference_frames"])
    forbidden_frames: _property(GROUPS["newface"]["forbidden_frames"])
    model: _path("DIR_PATH", name="Model", description="Folder of the model")
    folder: _path(
        "DIR_PATH",
        name="Shot Folder",
        description="Where facesets, jobs, models and results of this shot are kept",
        default="//understudy/",
    )

    width: IntProperty(name="Width", description="Width of the plate", subtype="PIXEL", min=0)
    height: IntProperty(name="Height", description="Height of the plate", subtype="PIXEL", min=0)
    first: IntProperty(name="First", description="First frame of the plate")
    last: IntProperty(name="Last", description="Last frame of the plate")
    fps: FloatProperty(name="Frame Rate", description="Frames a second that the plate's files tell; zero if none do")
    colour: StringProperty(name="Color Space", description="Color space that the plate is read in")
    gaps: StringProperty(name="Gaps", description="Frames that the sequence lacks")

    people: CollectionProperty(type=Person)
    person_index: IntProperty(
        name="Person", description="Person of the list whose face is replaced", default=-1, update=_choose_person
    )
    jobs: CollectionProperty(type=JobRecord)
    versions: CollectionProperty(type=Version)
    version_index: IntProperty(name="Version", description="Version shown in the list", default=-1)

    compare: EnumProperty(
        name="Compare", description="How the result is compared with the plate", items=COMPARISONS, update=_redraw
    )
    wipe: FloatProperty(
        name="Wipe",
        description="Where the line between plate and result lies",
        min=0,
        max=1,
        default=0.5,
        subtype="FACTOR",
        update=_redraw,
    )
    difference_gain: FloatProperty(
        name="Difference Gain",
        description="How far a difference is lifted: at 4, white is a quarter of the display's range",
        min=0.01,
        soft_min=1,
        soft_max=64,
        default=4,
        step=100,
        precision=1,
        update=_redraw,
    )
    gain: FloatVectorProperty(
        name="Color Gain",
        description=(
            "Multiplies the new face's color (scene-linear red, green, blue) in the preview. "
            "Send to Compositor hands it on to the nodes; converted files stay as they are"
        ),
        size=3,
        min=0,
        soft_max=4,
        default=NEUTRAL,
        step=1,
        precision=3,
        update=_redraw,
    )
    overlay_faces: BoolProperty(
        name="Show Faces", description="Draw the faces found over the plate", default=True, update=_redraw
    )
    preview_frame: IntProperty(name="Previewed Frame", description="Frame that the preview shows")
    preview_references: StringProperty(
        name="Reference Frames", description="Frames of the new face's footage that the preview is made of"
    )
    preview_composite: _path("FILE_PATH", name="Preview", description="The previewed frame with its new face")
    preview_plate: _path("FILE_PATH", name="Preview Plate", description="The previewed frame as shot")
    preview_matte: _path("FILE_PATH", name="Preview Matte", description="The previewed frame's matte")
    preview_swap: _path("FILE_PATH", name="Preview Swap", description="The new face alone, as laid into the matte")


def absolute(path: str) -> str:
    """A path as the backend can use it from any folder; "" and URIs stay what they are."""
    if not path or "://" in path:
        return path
    return os.path.abspath(bpy.path.abspath(path))  # noqa: PTH100 - resolve() would follow the show's links


def settings_of(shot: Shot, *groups: str, frames: range = range(0)) -> dict[str, Any]:
    """The settings of these groups as a job document has them: paths absolute, None for what is left out.

    What moves over ``frames`` of the scene, which are the plate's, is given as keys; what stands still there is its value.
    """
    settings: dict[str, Any] = {}
    for group in groups:
        held = getattr(shot, group)
        moving = [option.name for option in GROUPS[group].values() if option.animates and frames]
        values = animation.over(held, moving, frames)
        for option in GROUPS[group].values():
            if option.name in values:
                settings[option.name] = keyed(frames.start, values[option.name])
            else:
                settings[option.name] = _json(option, getattr(held, option.name), held)
    return settings


def _json(option: Option, value: Any, held: PropertyGroup) -> Any:
    if option.optional and not value:
        return None
    if option.kind == "float":
        return single(value)
    if isinstance(value, str) and held.bl_rna.properties[option.name].subtype in ("FILE_PATH", "DIR_PATH"):
        return absolute(value)
    return value


_CLASSES = (
    PlateSettings,
    AnalysisSettings,
    TrainingSettings,
    ConversionSettings,
    Person,
    JobRecord,
    Version,
    Shot,
)


_register, _unregister = bpy.utils.register_classes_factory(_CLASSES)


def register() -> None:
    """Give every scene a shot."""
    _register()
    bpy.types.Scene.understudy = PointerProperty(type=Shot, name="Understudy", description=Shot.__doc__)


def unregister() -> None:
    """Take the shots off; what they held stays in the file for the next time."""
    del bpy.types.Scene.understudy
    _unregister()
