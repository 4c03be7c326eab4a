"""Settings that move: what F-curves, drivers and strips of the scene make of them, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bpy
from bpy.types import FCurve, PropertyGroup
from bpy_extras.anim_utils import action_get_channelbag_for_slot


def moves(held: PropertyGroup, name: str) -> bool:
    """Whether keys or a driver set this property."""
    return any(True for _ in _curves(held, name))


def over(held: PropertyGroup, names: Iterable[str], frames: range) -> dict[str, list[float]]:
    """The values that Blender gives the properties among ``names`` that move on ``frames`` of the scene, within their ranges.

    What has an F-curve alone is read from it. What a driver or the Nonlinear Animation has a say in is known only when
    the scene stands on the frame: then it goes there, and comes back.
    """
    scene, values = held.id_data, dict[str, list[float]]()
    stretch = scene.render.frame_map_old / scene.render.frame_map_new
    visited = []
    for name in names:
        curves = list(_curves(held, name))
        if curves and (any(curve.driver for curve in curves) or _is_woven(scene)):
            visited.append(name)
        elif curves:
            rna = held.bl_rna.properties[name]
            evaluated = (curves[0].evaluate(frame * stretch) for frame in frames)
            values[name] = [min(max(value, rna.hard_min), rna.hard_max) for value in evaluated]
    if visited:
        values |= _visit(held, visited, frames)
    return values


def _visit(held: PropertyGroup, names: list[str], frames: range) -> dict[str, list[float]]:
    scene, values = held.id_data, {name: list[float]() for name in names}
    frame, part = scene.frame_current, scene.frame_subframe
    try:
        for one in frames:
            scene.frame_set(one)
            for name in names:
                values[name].append(getattr(held, name))
    finally:
        scene.frame_set(frame, subframe=part)
    return values


def _curves(held: PropertyGroup, name: str) -> Iterator[FCurve]:
    """What sets the property: of the scene's action, of its strips, and its driver; but nothing that is muted."""
    data = held.id_data.animation_data
    if data is None:
        return
    path = held.path_from_id(name)
    actions = [(data.action, data.action_slot)]
    if _is_woven(held.id_data):
        strips = (strip for track in data.nla_tracks if not track.mute for strip in track.strips if not strip.mute)
        actions += [(strip.action, strip.action_slot) for strip in strips if strip.action]
    bags = [action_get_channelbag_for_slot(action, slot) for action, slot in actions if action and slot]
    for curves in (*(bag.fcurves for bag in bags if bag), data.drivers):
        curve = curves.find(path)
        if curve and curve.is_valid and not curve.mute and not (curve.group and curve.group.mute):
            yield curve


def _is_woven(scene: bpy.types.Scene) -> bool:
    data = scene.animation_data
    return data.use_nla and len(data.nla_tracks) > 0
