"""Showing pictures and sequences in the Image Editor."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

import bpy

from .. import compat
from .sequence import frame_path, is_sequence

MOVIES = frozenset(
    ".mov .mp4 .m4v .mkv .webm .mxf .avi .gif .ts .mts .m2ts .mpg .mpeg .wmv .flv".split()  # noqa: SIM905 - a list to read
)


def load(scene: bpy.types.Scene, name: str, pattern: str, first: int, colour_space: str | None) -> bpy.types.Image:
    """The scene's image ``name`` of a sequence, movie or still, loaded or pointed there anew.

    ``colour_space`` is "data", or any name that :func:`compat.image_colour_space` knows; others leave Blender's own
    guess. Raises RuntimeError when the file of frame ``first`` cannot be opened.
    """
    path = frame_path(pattern, first)
    if not path.is_file():
        raise RuntimeError(f"{path} is not there")
    image = loaded(scene, name)
    if image is None:
        image = bpy.data.images.load(str(path))
        image["understudy"] = _key(scene, name)
        image.name = name
        image.use_fake_user = True  # what is only compared with has no user, and would not be saved
    image.source = "SEQUENCE" if is_sequence(pattern) else "MOVIE" if path.suffix.lower() in MOVIES else "FILE"
    image.filepath = str(path)
    space = compat.image_colour_space(colour_space) if colour_space else None
    if colour_space == "data":
        image.colorspace_settings.is_data = True
    elif space and image.colorspace_settings.name != space:
        image.colorspace_settings.name = space
    image.reload()
    return image


def loaded(scene: bpy.types.Scene, name: str) -> bpy.types.Image | None:
    """The image that :func:`load` made under this name for this scene, if it is still there."""
    return next((one for one in bpy.data.images if one.get("understudy") == _key(scene, name)), None)


def of_file(path: str) -> bpy.types.Image | None:
    """The image that shows the file ``path``. Looked up each time: undo replaces the images."""
    wanted = _absolute(path) if path else ""
    return next((image for image in bpy.data.images if wanted and _absolute(image.filepath) == wanted), None)


def show(image: bpy.types.Image, first: int = 1, last: int = 1) -> None:
    """Put ``image`` into the Image Editor; of a sequence, scene frame N shows file N from ``first`` to ``last``."""
    for space in _spaces():
        space.image = image
        follow(space.image_user, first, last)


def follow(user: bpy.types.ImageUser, first: int, last: int) -> None:
    """Have an image user show file N on scene frame N."""
    user.frame_start = first
    user.frame_offset = first - 1
    user.frame_duration = last - first + 1
    user.use_auto_refresh = True


def redraw(kinds: Collection[str] = ("IMAGE_EDITOR",)) -> None:
    """Have every editor of these ``kinds`` drawn again."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in kinds:
                area.tag_redraw()


def _absolute(path: str) -> str:
    return os.path.normcase(os.path.abspath(bpy.path.abspath(path)))  # noqa: PTH100 - resolve() asks the disk


def _key(scene: bpy.types.Scene, name: str) -> str:
    return f"{scene.name}/{name}"


def _spaces() -> Iterator[bpy.types.SpaceImageEditor]:
    """The Image Editors to show something in: those that show ours or nothing, else the largest."""
    areas = [
        area
        for window in bpy.context.window_manager.windows
        for area in window.screen.areas
        if area.type == "IMAGE_EDITOR" and area.ui_type == "IMAGE_EDITOR"
    ]
    ours = [area for area in areas if area.spaces.active.image is None or "understudy" in area.spaces.active.image]
    for area in ours or sorted(areas, key=lambda one: one.width * one.height)[-1:]:
        yield area.spaces.active
