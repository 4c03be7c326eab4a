"""Pictures from files as icons, for lists and panels; a file that was written again is read again."""

from __future__ import annotations

from pathlib import Path

import bpy.utils.previews

from . import disk_cache


class Icons:
    """Blender's one collection of such pictures for the add-on. There is one, :data:`icons`."""

    def __init__(self) -> None:
        self._collection: bpy.utils.previews.ImagePreviewCollection | None = None
        self._read: dict[str, int] = {}  # path -> when the file that was read was written, in nanoseconds

    def of(self, path: str) -> int:
        """The icon of the picture ``path``; 0 when there is none."""
        if self._collection is None or not path:
            return 0
        written = disk_cache.told(_written, Path(path))
        if written is None:
            return 0
        if path not in self._collection:
            self._collection.load(path, path, "IMAGE")
        elif self._read[path] != written:
            self._collection[path].reload()
        self._read[path] = written
        return int(self._collection[path].icon_id)

    def open(self) -> None:
        """Make the collection."""
        self._collection = bpy.utils.previews.new()

    def close(self) -> None:
        """Give the pictures back."""
        if self._collection is not None:
            bpy.utils.previews.remove(self._collection)
        self._collection = None
        self._read.clear()


icons = Icons()
"""The one of this Blender."""


def _written(path: Path) -> int | None:
    """When the file was written, in nanoseconds; None when there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


register, unregister = icons.open, icons.close
