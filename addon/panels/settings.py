"""Draws generated settings, and keeps presets of those that are worth carrying to another shot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bpy
from bl_operators.presets import AddPresetBase
from bl_ui.utils import PresetPanel
from bpy.types import Operator, Panel, PropertyGroup, UILayout

from ..properties import GROUPS

# What artists reach for; everything else of a group goes into a sub-panel.
_FRONT = {
    "plate": ("frames", "colour_space"),
    "analysis": ("detector", "recogniser", "crop"),
    "training": ("preset", "minutes", "iterations"),
    "conversion": ("opacity", "matte", "erode", "feather", "colour_match", "relight", "occlusion"),
}
# The Plate panel shows it in its own way.
_ELSEWHERE = {"plate"}
# A preset is for any shot on any machine.
_OF_THE_SHOT = {"holdout", "roto", "force", "device"}

_NEEDS: dict[str, Callable[[Any], bool]] = {
    "likeness": lambda settings: bool(settings.reference),
    "reference": lambda settings: settings.recogniser != "none",
    "pack": lambda settings: "insightface" in (settings.detector, settings.landmarker, settings.recogniser),
    "relight_reach": lambda settings: settings.relight > 0,
}


def front(group: str) -> tuple[str, ...]:
    """The names of a group's settings that are always in sight."""
    return _FRONT[group]


def rest(group: str) -> tuple[str, ...]:
    """The names of all others that no panel draws in its own way, in the backend's order."""
    return tuple(name for name in GROUPS[group] if name not in _ELSEWHERE and name not in _FRONT[group])


def draw_group(layout: UILayout, settings: PropertyGroup, group: str, names: Iterable[str] | None = None) -> None:
    """Draw a group's settings, all or those in ``names``; what has no effect as things are set is dimmed."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    for name in GROUPS[group] if names is None else names:
        row = column.row()
        row.active = name not in _NEEDS or _NEEDS[name](settings)
        row.prop(settings, name)


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
