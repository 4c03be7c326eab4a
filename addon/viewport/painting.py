"""Paints over one picture: the comparison that is due, and the faces. Knows no editor, only where the picture lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import bpy
import gpu

from ..images.editor import of_file
from ..scene.properties import NEUTRAL
from . import programs, state
from .captions import caption
from .display import departure, to_display
from .face_lines import CHOSEN, OTHER, strokes_of

ROLES = ("composite", "plate", "matte", "swap")
PROGRAMS = {"WIPE": "wipe", "DIFFERENCE": "difference", "MATTE": "matte"}
TINT = (0.95, 0.16, 0.12, 0.65)
LIGHT = (1.0, 1.0, 1.0, 0.9)
DARK = (0.0, 0.0, 0.0, 0.35)

Corners = tuple[float, float, float, float]
"""The picture's bottom left and top right in region pixels: x0, y0, x1, y1."""

_faces: dict[tuple[Any, ...], gpu.types.GPUBatch] = {}  # the newest only


def paint(scene: bpy.types.Scene, image: bpy.types.Image, corners: Corners) -> None:
    """Draw over ``image``, which lies at ``corners``, into the framebuffer that is bound.

    Raises RuntimeError, in a sentence for the artist, when a picture is missing or a program does not compile.
    """
    shot = scene.understudy
    previews = {role: of_file(getattr(shot, f"preview_{role}")) for role in ROLES}
    with _blending_kept():
        if name := _program(shot, image, previews):
            _draw_picture(name, scene, image, previews, corners)
        if shot.overlay_faces and image != previews["composite"]:  # there the new face is looked at
            frame = shot.preview_frame if image in previews.values() else scene.frame_current
            _draw_faces(scene, image, frame, corners)


def clear() -> None:
    """Forget what was made on the GPU."""
    _faces.clear()
    programs.clear()


def _program(shot: Any, image: bpy.types.Image, previews: dict[str, Any]) -> str:
    """The picture program that is due over ``image``, or an empty string."""
    if image not in (previews["composite"], previews["plate"]):
        return ""
    name = PROGRAMS.get(shot.compare, "")
    on_result = name == "wipe" or (not name and image == previews["composite"])
    return "match" if on_result and tuple(shot.gain) != NEUTRAL else name


def _draw_picture(
    name: str, scene: bpy.types.Scene, image: bpy.types.Image, previews: dict[str, Any], corners: Corners
) -> None:
    shot = scene.understudy
    wiping, lift = shot.compare == "WIPE", shot.difference_gain
    split = shot.wipe if wiping else 0.0
    matrix, gamma = to_display(scene, image)
    gain = lift if name == "difference" else tuple(shot.gain)
    values = {"to_display": matrix, "gamma": gamma, "gain": gain, "split": split, "tint": TINT}
    textures = {role: _texture(role, previews[role]) for role in programs.pictures_of(name)}
    draw_picture(name, textures, values, corners)

    size = _scale()
    left, foot = max(corners[0], 0.0) + 10 * size, max(corners[1], 0.0) + 10 * size
    if wiping:
        _draw_split(split, corners, foot, size)
    elif name == "match":
        caption("With Color Gain", left, foot, LIGHT, size)
    elif name == "difference":
        caption(f"Difference, white is {1 / lift:.2g}", left, foot, LIGHT, size)
    if look := departure(scene, image):
        caption(f"Shown as Standard, not {look}", left, foot + 18 * size, LIGHT, size)


def _draw_split(split: float, corners: Corners, foot: float, size: float) -> None:
    """The line of the wipe, one sharp pixel at scale 1, and which side is which."""
    x0, y0, x1, y1 = corners
    x = int(x0 + split * (x1 - x0)) + 0.5
    ends = ((x, y0), (x, y1))
    _draw_strokes(programs.strokes([(*ends, DARK, 1.5 * size), (*ends, LIGHT, 0.5 * size)]), (1.0, 1.0, 0.0, 0.0))
    if split > 0:
        caption("Plate", x - 8 * size, foot, LIGHT, size, right=True)
    if split < 1:
        caption("Swap", x + 8 * size, foot, LIGHT, size)


def draw_picture(
    name: str, textures: dict[str, gpu.types.GPUTexture], values: dict[str, Any], corners: Corners
) -> None:
    """Draw one picture program between ``corners``; ``values`` may hold more than the program has."""
    shader = programs.program(name)
    batch = programs.rectangle(name, *corners)
    gpu.state.blend_set("NONE")
    shader.bind()
    for sampler, texture in textures.items():
        shader.uniform_sampler(sampler, texture)
    for value in programs.values_of(name):
        shader.uniform_float(value, values[value])
    batch.draw(shader)


def _draw_faces(scene: bpy.types.Scene, image: bpy.types.Image, frame: int, corners: Corners) -> None:
    shot, view, size = scene.understudy, state.view_of(scene.name), _scale()
    faces = view.faces.get(frame, [])
    plate = (shot.width, shot.height)
    if not faces or 0 in plate or tuple(image.size) not in {plate, (0, 0)}:  # a layered sequence tells no size
        return
    names = {person.track: person.name for person in shot.people}
    chosen = shot.people[shot.person_index].track if 0 <= shot.person_index < len(shot.people) else None
    x0, y0, x1, y1 = corners
    across, up = (x1 - x0) / plate[0], (y1 - y0) / plate[1]
    ordered = sorted(faces, key=lambda face: _is(face, chosen))  # the chosen one on top
    near = [(face["box"][3] - face["box"][1]) * up > 40 * size for face in ordered]  # else points would hide the face
    key = (scene.name, view.generation, frame, chosen, size, *near)
    if key not in _faces:
        _faces.clear()
        drawn = zip(ordered, near, strict=True)
        _faces[key] = programs.strokes(
            [s for face, points in drawn for s in strokes_of(face, _is(face, chosen), points, size)]
        )
    _draw_strokes(_faces[key], (across, -up, x0, y1))
    for face in ordered:
        left, top = face["box"][:2]
        text = f"{names.get(face.get('track'), '')}  {face['confidence']:.0%}".strip()
        caption(text, x0 + left * across, y1 - top * up + 6 * size, CHOSEN if _is(face, chosen) else OTHER, size)


def _is(face: state.Face, chosen: int | None) -> bool:
    return chosen is not None and face.get("track") == chosen


def _draw_strokes(batch: gpu.types.GPUBatch, placement: Sequence[float]) -> None:
    shader = programs.program("lines")
    gpu.state.blend_set("ALPHA")  # each time: a text drawn before has ended it
    shader.bind()
    shader.uniform_float("placement", placement)
    batch.draw(shader)


def _texture(role: str, image: bpy.types.Image | None) -> gpu.types.GPUTexture:
    try:
        if image is not None:
            return gpu.texture.from_image(image)
    except RuntimeError:  # the file is gone or no picture
        pass
    raise RuntimeError(f"The {role} of the preview is not there: press Preview This Frame again")


def _scale() -> float:
    return bpy.context.preferences.system.ui_scale


@contextmanager
def _blending_kept() -> Iterator[None]:
    """Leaves the GPU's blending as it was found: the one state that is changed here."""
    before = gpu.state.blend_get()
    try:
        yield
    finally:
        gpu.state.blend_set(before)
