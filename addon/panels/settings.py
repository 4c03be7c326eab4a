"""Draws generated settings, and keeps presets of those that are worth carrying to another shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel
from bpy.types import Operator, Panel, PropertyGroup, UILayout

from ..link.options import Option
from ..scene import requests
from ..scene.animation import moves
from ..scene.properties import GROUPS

# What artists reach for; everything else of a group goes into a sub-panel.
_FRONT = {
    "plate": ("frames", "colour_space"),
    "analysis": ("detector", "recogniser", "crop"),
    "training": ("preset", "minutes", "iterations"),
    "conversion": ("opacity", "matte", "colour_match", "blend"),
}
# Sub-panels of one subject each; what is in none of them is left to the last one.
_SECTIONS = {
    "conversion": {
        "matte": ("erode", "feather", "feather_in", "feather_out", "occlusion", "holdout", "roto", "roto_operation"),
        "colour": ("colour_strength", "colour_part", "colour_encoding", "colour_window", "relight", "relight_reach"),
        "finish": ("sharpness", "grain", "defocus", "motion_blur", "shutter", "degrade"),
        "placement": ("face_x", "face_y", "face_scale", "face_rotate"),
    }
}
# The Plate panel shows it in its own way.
_ELSEWHERE = {"plate"}
# A preset is for any shot on any machine.
_OF_THE_SHOT = {"holdout", "roto", "force", "keep", "device"}


# What of a choice means something where the new face is made of footage, which the plate's light falls on.
_OF_FOOTAGE = {
    "colour_match": {"monge-kantorovich": "Plate", "none": "None"},
    "matte": {"both": "Head", "hull": "Hull"},
}


def _matched(settings: Any) -> bool:
    return settings.colour_match != "none"


def _painted(settings: Any) -> bool:
    """Whether a network paints the new face of the scene that these are the settings of."""
    return requests.renderer(settings.id_data) == "network"


_NEEDS: dict[str, Callable[[Any], bool]] = {
    "likeness": lambda settings: bool(settings.reference),
    "reference": lambda settings: settings.recogniser != "none",
    "pack": lambda settings: "insightface" in (settings.detector, settings.landmarker, settings.recogniser),
    "roto_operation": lambda settings: bool(settings.roto),
    "colour_strength": _matched,
    "colour_part": lambda settings: _matched(settings) and _at_work(settings, "colour_strength"),
    "colour_encoding": lambda settings: (
        _matched(settings) and _painted(settings) and _at_work(settings, "colour_strength")
    ),
    "colour_window": lambda settings: (
        _matched(settings) and _painted(settings) and _at_work(settings, "colour_strength")
    ),
    "person": _painted,
    "morph": _painted,
    "relight_reach": lambda settings: _at_work(settings, "relight"),
    "shutter": lambda settings: _at_work(settings, "motion_blur"),
}


def _at_work(settings: Any, name: str) -> bool:
    """Whether a strength is above zero, now or on some other frame."""
    return getattr(settings, name) > 0 or moves(settings, name)


def front(group: str) -> tuple[str, ...]:
    """The names of a group's settings that are always in sight."""
    return _FRONT[group]


def section(group: str, subject: str) -> tuple[str, ...]:
    """The names of a group's settings of one subject: of "conversion" ``matte``, ``colour``, ``finish``, ``placement``."""
    return _SECTIONS[group][subject]


def rest(group: str) -> tuple[str, ...]:
    """The names of all others that no panel draws in its own way, in the backend's order."""
    subjects = _SECTIONS.get(group, {}).values()
    drawn = {*_ELSEWHERE, *_FRONT[group], *(name for names in subjects for name in names)}
    return tuple(name for name in GROUPS[group] if name not in drawn)


def draw_group(layout: UILayout, settings: PropertyGroup, group: str, names: Iterable[str] | None = None) -> None:
    """Draw a group's settings, all or those in ``names``; what has no effect as things are set is dimmed.

    Where some of the group animate, each row has room for the button that sets a key, as in Blender's own panels.
    """
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = any(option.animates for option in GROUPS[group].values())
    for name in GROUPS[group] if names is None else names:
        if name in _OF_FOOTAGE and not _painted(settings):
            _draw_choice(column, settings, GROUPS[group][name], _OF_FOOTAGE[name])
            continue
        row = column.row()
        row.active = name not in _NEEDS or _NEEDS[name](settings)
        row.prop(settings, name)


def _draw_choice(layout: UILayout, settings: PropertyGroup, option: Option, choices: Mapping[str, str]) -> None:
    """Draw those ``choices`` of an option that mean something, under the names that they have there."""
    whole = layout.row()
    split = whole.split(factor=0.4)
    label = split.row()
    label.alignment = "RIGHT"
    label.label(text=option.label)
    row = split.row(align=True)
    row.use_property_split = False  # else each button's name would be a label beside it
    for value, name in choices.items():
        row.prop_enum(settings, option.name, value, text=name)
    whole.label(text="", icon="BLANK1")  # where other rows have the button that sets a key


def draw_presets(layout: UILayout, group: str) -> None:
    """Draw the button of a group's presets ("training" or "conversion"), as for a panel's header."""
    _PANELS[group].draw_panel_header(layout)


def _preset_values(group: str) -> list[str]:
    return [f"settings.{name}" for name in GROUPS[group] if name not in _OF_THE_SHOT]


class UNDERSTUDY_PT_training_presets(PresetPanel, Panel):
    bl_label = "Training Presets"
    preset_subdir = "understudy/training"
    preset_operator = "script.execute_preset"
    preset_add_operator = "understudy.training_preset_add"


class UNDERSTUDY_OT_training_preset_add(AddPresetBase, Operator):
    """Add or remove a preset of the training settings"""

    bl_idname = "understudy.training_preset_add"
    bl_label = "Add Training Preset"
    preset_menu = "UNDERSTUDY_PT_training_presets"
    preset_subdir = UNDERSTUDY_PT_training_presets.preset_subdir
    preset_defines = ["settings = bpy.context.scene.understudy.training"]
    preset_values = _preset_values("training")


class UNDERSTUDY_PT_conversion_presets(PresetPanel, Panel):
    bl_label = "Swap Presets"
    preset_subdir = "understudy/conversion"
    preset_operator = "script.execute_preset"
    preset_add_operator = "understudy.conversion_preset_add"


class UNDERSTUDY_OT_conversion_preset_add(AddPresetBase, Operator):
    """Add or remove a preset of the swap settings"""

    bl_idname = "understudy.conversion_preset_add"
    bl_label = "Add Swap Preset"
    preset_menu = "UNDERSTUDY_PT_conversion_presets"
    preset_subdir = UNDERSTUDY_PT_conversion_presets.preset_subdir
    preset_defines = ["settings = bpy.context.scene.understudy.conversion"]
    preset_values = _preset_values("conversion")


_PANELS: dict[str, type[PresetPanel]] = {
    "training": UNDERSTUDY_PT_training_presets,
    "conversion": UNDERSTUDY_PT_conversion_presets,
}

CLASSES: tuple[type[bpy.types.bpy_struct], ...] = (
    UNDERSTUDY_PT_training_presets,
    UNDERSTUDY_OT_training_preset_add,
    UNDERSTUDY_PT_conversion_presets,
    UNDERSTUDY_OT_conversion_preset_add,
)
