"""A faceset in one file: an uncompressed ZIP of its crops and descriptions, read where it lies.

The index is packed as well, so that listing a pack opens none of its crops.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError, OutputError, cannot_write
from understudy.events import Events
from understudy.faceset import index
from understudy.faceset.crop import read_pixels, read_record
from understudy.faceset.index import Known, Stamp
from understudy.faceset.record import Face
from understudy.plate.files import atomic_path, remove_leftovers, temporary_of
from understudy.plate.lock import is_lock

_DAMAGED = "Copy the pack again, or pack the faceset again."
_LARGEST = 1 << 30  # bytes of a file in a pack

_UNSOUND = (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What a damaged or encrypted archive makes ``zipfile`` raise, NotImplementedError among it."""


class Pack:
    """A pack that is read. May be used by several threads."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`FacesetError` when ``path`` is no sound ZIP, or holds what would be unpacked elsewhere."""
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except _UNSOUND as error:
            raise FacesetError(f"{path} is not a packed faceset: {_reason(error)}.", _DAMAGED) from error
        for name in self._archive.namelist():
            if not name or name.startswith(".") or set(name) & set("/\\:\0"):
                raise FacesetError(f"{path} holds {name!r}, which is no file of a faceset.", _DAMAGED)

    @property
    def files(self) -> list[str]:
        """The names of all files in it but the index."""
        return [name for name in self._archive.namelist() if name != index.NAME]

    def text(self, name: str) -> str:
        """A file of it. Raises OSError when there is none, ValueError when it is no text."""
        try:
            return self._content(name).decode()
        except KeyError as error:
            raise FileNotFoundError(name) from error

    def faces(self) -> list[Face]:
        """All records. Raises :class:`FacesetError` when the pack is damaged."""
        crops = {name for name in self.files if name.endswith(".exr")}
        try:
            known = index.read_index(io.BytesIO(self._content(index.NAME)))
        except (FacesetError, OSError, ValueError, KeyError):
            known = {}  # the crops say it all again
        return [known[name][1] if name in known else self._record(name) for name in crops]

    def read(self, name: str) -> NDArray[np.float16]:
        """A crop's pixels (S, S, 4) float16, linear RGBA. Raises :class:`FacesetError` naming pack and file."""
        return self._unpacked(name, read_pixels)  # type: ignore[no-any-return]

    def extract(self, folder: Path, events: Events) -> None:
        """Write all files but the index into ``folder``. Raises FacesetError, OSError and Interrupted."""
        for done, name in enumerate(self.files, 1):
            events.raise_if_stopping()
            (folder / name).write_bytes(self._content(name))
            events.progress(done, len(self.files), "files")

    def _record(self, name: str) -> Face:
        face: Face = self._unpacked(name, read_record)
        return face

    def _unpacked(self, name: str, reader: Any) -> Any:
        """What ``reader`` makes of a crop; it is shown a file, for OpenImageIO reads nothing else from Python."""
        try:
            content = self._content(name)
        except KeyError:
            raise FacesetError(f"{self.path} holds no {name}.", _DAMAGED) from None
        with tempfile.TemporaryDirectory(prefix="understudy-pack-") as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            try:
                return reader(path)
            except FacesetError as error:
                told = error.message.replace(str(path), f"{name} in {self.path}")
                raise FacesetError(told, _DAMAGED) from error

    def _content(self, name: str) -> bytes:
        try:
            if self._archive.getinfo(name).file_size > _LARGEST:
                raise zipfile.BadZipFile(f"it unpacks to more than {_LARGEST >> 20} MiB")
            return self._archive.read(name)
        except _UNSOUND as error:
            raise FacesetError(f"{name} in {self.path} is damaged: {_reason(error)}.", _DAMAGED) from error


def write_pack(path: Path, folder: Path, faces: Sequence[Face], events: Events) -> int:
    """Pack the faceset ``folder``, whose records are ``faces``, into ``path``, whole or not at all; returns its bytes.

    Its trash stays behind, and what a killed packing left is removed. Raises :class:`OutputError` when ``path`` is there
    already or cannot be written.
    """
    if path.exists():
        raise OutputError(f"{path} is there already.", "Choose another name for the pack.")
    crops = {face.file for face in faces}
    names = sorted(
        crops
        | {file.name for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")} - {index.NAME}
    )
    remove_leftovers(path.parent, of=[path.name])
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "x", zipfile.ZIP_STORED) as archive:
        columns = io.BytesIO()
        index.write_index(columns, {face.file: ((0, 0), face) for face in faces})
        archive.writestr(index.NAME, columns.getvalue())
        for done, name in enumerate(names, 1):
            events.raise_if_stopping()
            archive.write(folder / name, name)
            events.progress(done, len(names), "files")
    return path.stat().st_size


def unpack(path: Path, folder: Path, events: Events) -> list[Face]:
    """Make the pack ``path`` a faceset ``folder`` again, whole or not at all; returns its records.

    Raises :class:`FacesetError` when the pack is damaged or the folder is not empty, :class:`OutputError` when it
    cannot be written.
    """
    pack = Pack(path)
    faces = pack.faces()
    beside = temporary_of(folder)
    remove_leftovers(folder.parent, of=[folder.name])
    try:
        if folder.exists() and not all(map(is_lock, folder.iterdir())):
            raise FacesetError(f"The folder {folder} is not empty.", "Choose a new folder for the faceset.")
        beside.mkdir(parents=True)
        pack.extract(beside, events)
        index.write_index(beside / index.NAME, _stamped(beside, faces))
        if folder.exists():
            for lock in folder.iterdir():  # of somebody who was killed
                lock.unlink()
            folder.rmdir()
        beside.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return faces


def _stamped(folder: Path, faces: Sequence[Face]) -> Known:
    def stamp(name: str) -> Stamp:
        status = (folder / name).stat()
        return status.st_size, status.st_mtime_ns

    return {face.file: (stamp(face.file), face) for face in faces}


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
