"""Pictures from files as icons, for lists and panels; a file that was written again is read again."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

from . import disk

_icons: bpy.utils.previews.ImagePreviewCollection | None = None
_seen: dict[str, int] = {}  # path -> when the file was written, in nanoseconds


def icon(path: str) -> int:
    """The icon of the picture ``path``; 0 when there is none."""
    if _icons is None or not path:
        return 0
    written = disk.told(_written, Path(path))
    if written is None:
        return 0
    if path not in _icons:
        _icons.load(path, path, "IMAGE")
    elif _seen[path] != written:
        _icons[path].reload()
    _seen[path] = written
    return int(_icons[path].icon_id)


def _written(path: Path) -> int | None:
    """When the file was written, in nanoseconds; None when there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def register() -> None:
    """Make the collection."""
    global _icons  # noqa: PLW0603 - Blender keeps one such collection for an add-on
    _icons = bpy.utils.previews.new()


def unregister() -> None:
    """Give the pictures back."""
    global _icons  # noqa: PLW0603 - as above
    if _icons is not None:
        bpy.utils.previews.remove(_icons)
    _icons = None
    _seen.clear()
