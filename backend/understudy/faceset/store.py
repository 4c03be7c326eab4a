"""A folder of aligned faces. The files are the truth; the index beside them only saves opening each."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from understudy.errors import FacesetError, OutputError, cannot_write
from understudy.faceset import index
from understudy.faceset.crop import read_pixels, read_record, write_crop
from understudy.faceset.index import Known, Stamp
from understudy.faceset.pack import Pack
from understudy.faceset.provenance import provenance_of
from understudy.faceset.record import Face
from understudy.imaging.half import as_float, as_half
from understudy.json_reader import parse_json
from understudy.plate.defects import without_defects
from understudy.plate.exr import has_all_pixels
from understudy.plate.files import atomic_path, is_leftover, shortened, write_json
from understudy.plate.lock import is_lock

KIND = "understudy faceset"
SCHEMA = 1
DESCRIPTION = "faceset.json"
_MOST_STEM = 180  # bytes of a face's name that are its plate's: a rank may stand before it, and numbers after it
_PRINTF = re.compile(r"[._-]?(%0?\d*d|#+|@+)")


class Faceset:
    """Aligned faces in a folder: one half-float EXR each, with its record in its header. Or a pack of them, to read.

    A deleted file is a deleted face. One process writes at a time.
    """

    def __init__(self, folder: Path, provenance: dict[str, Any], pack: Pack | None = None) -> None:
        """Use :meth:`create` or :meth:`open`."""
        self.folder = folder  # of a pack: its file
        self.provenance = provenance
        self._pack = pack
        self._known: Known | None = None
        self._held: dict[tuple[str, int, int], str] = {}  # plate, frame and track to file
        self._stale = False

    @staticmethod
    def create(folder: str | Path, provenance: dict[str, Any]) -> Faceset:
        """Make an empty faceset; ``provenance`` is JSON that says where it comes from.

        Raises :class:`FacesetError` when the folder is not empty, :class:`OutputError` when it cannot be made.
        """
        folder = Path(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not all(is_leftover(path) or is_lock(path) for path in folder.iterdir()):
                raise FacesetError(f"The folder {folder} is not empty.", "Choose a new folder for the faceset.")
        except OSError as error:
            raise cannot_write(folder, error) from error
        faceset = Faceset(folder, {})
        faceset.describe(**provenance)
        return faceset

    @staticmethod
    def is_one(folder: str | Path) -> bool:
        """Whether ``folder`` says that it is a faceset."""
        return (Path(folder) / DESCRIPTION).is_file()

    @staticmethod
    def open(folder: str | Path, *, allow_empty: bool = False) -> Faceset:
        """Open a faceset: its folder, or a pack.

        Raises :class:`FacesetError` when there is none, when it is damaged, and (unless ``allow_empty``, for an
        extraction that goes on) when it holds no face.
        """
        folder = Path(folder)
        hint = "Run extract first, or give the folder that it wrote."
        if not folder.exists():
            raise FacesetError(f"There is no faceset {folder}.", hint)
        pack = Pack(folder) if folder.is_file() else None
        what = "file" if pack else "folder"
        try:
            text = pack.text(DESCRIPTION) if pack else (folder / DESCRIPTION).read_text(encoding="utf-8")
            description = parse_json(text)
            if description["kind"] != KIND:
                raise ValueError
            schema, provenance = description["schema"], provenance_of(description["provenance"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FacesetError(f"The {what} {folder} is not a faceset (no sound {DESCRIPTION}).", hint) from error
        if schema != SCHEMA:
            raise FacesetError(f"The faceset {folder} has schema {schema!r}; this version reads {SCHEMA}.", hint)
        faceset = Faceset(folder, provenance, pack)
        if not allow_empty and not (any(name.endswith(".exr") for name in pack.files) if pack else faceset._files()):
            raise FacesetError(f"The faceset {folder} holds no face.", hint)
        return faceset

    @property
    def packed(self) -> bool:
        """Whether it is a pack, which is only read."""
        return self._pack is not None

    def check_writable(self) -> None:
        """Raise :class:`FacesetError` when it is a pack."""
        if self.packed:
            raise FacesetError(
                f"The faceset {self.folder} is a pack, which is never changed.",
                f"Unpack it first: understudy faceset unpack {self.folder} --out FOLDER",
            )

    def describe(self, **provenance: Any) -> None:
        """Add to the provenance, or change it, on disk too. Raises OutputError, and FacesetError for a pack."""
        self.check_writable()
        self.provenance = self.provenance | provenance
        write_json(self.folder / DESCRIPTION, {"kind": KIND, "schema": SCHEMA, "provenance": self.provenance})

    def add(self, face: Face, pixels: NDArray[np.float16]) -> Face:
        """Write a face; returns its record with ``file`` set.

        ``pixels`` are (S, S, 4) float16, linear RGBA, A the share of the pixel that lies inside the plate. A face of
        the same plate, frame and track is replaced, whatever its file is called. Raises OutputError, and FacesetError
        for a pack.
        """
        self.check_writable()
        face = dataclasses.replace(face, file=self._name(face))
        path = self.folder / face.file
        write_crop(path, face, pixels)
        status = path.stat()
        self._load()[face.file] = ((status.st_size, status.st_mtime_ns), face)
        self._held[_key(face)] = face.file
        self._stale = True
        return face

    def faces(self) -> list[Face]:
        """All records, sorted by frame, then track, then file name.

        Only files that are new or changed since the index was written are opened, and of those only the headers.
        Raises :class:`FacesetError` naming a damaged file.
        """
        if self._pack:
            self._known = self._known or {face.file: ((0, 0), face) for face in self._pack.faces()}
            return _sorted(self._known)
        known, present = self._load(), self._files()
        fresh = {name: stamp for name, stamp in present.items() if name not in known or known[name][0] != stamp}
        gone = known.keys() - present.keys()
        for name, stamp in fresh.items():
            known[name] = (stamp, dataclasses.replace(read_record(self.folder / name), file=name))
        for name in gone:
            del known[name]
        self._held = {_key(face): name for name, (_, face) in known.items()}
        if fresh or gone or self._stale:
            # A faceset on a read-only share can be read all the same; it has no use for an index.
            with contextlib.suppress(OutputError):
                self._write_index(known)
        return _sorted(known)

    def read(self, face: Face) -> NDArray[np.float16]:
        """The face's pixels (S, S, 4) float16, linear RGBA. Raises :class:`FacesetError` naming the file."""
        pixels = self._pack.read(face.file) if self._pack else read_pixels(self.folder / face.file)
        if len(pixels) != face.crop_size:
            raise FacesetError(
                f"{self.folder / face.file} is {len(pixels)} pixels wide where its record says {face.crop_size}.",
                "Run the same extraction again, which cuts damaged crops anew.",
            )
        return pixels

    def stamps(self, faces: Iterable[Face]) -> list[tuple[str, int, int]]:
        """File, size in bytes and time in microseconds of each of ``faces``; for a pack, those of its own file."""
        if self._pack:
            status = self.folder.stat()
            return [(face.file, status.st_size, status.st_mtime_ns // 1000) for face in faces]
        present = self._files()
        gone = (-1, -1000)
        return [(face.file, size, time // 1000) for face in faces for size, time in [present.get(face.file, gone)]]

    def read_sound(self, face: Face) -> NDArray[np.float16]:
        """As :meth:`read`, where what the plate's broken pixels left in the crop is filled in from around."""
        pixels = self.read(face)
        seen = as_float(pixels[..., :3])
        sound = without_defects(seen)
        return pixels if sound is seen else np.dstack([as_half(sound), pixels[..., 3:]])

    def remove(self, faces: Iterable[Face]) -> None:
        """Delete the files of ``faces``; one that is gone already is fine.

        Raises OutputError, and FacesetError for a pack.
        """
        self.check_writable()
        known = self._load()
        for face in faces:
            path = self.folder / face.file
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(path, error) from error
            known.pop(face.file, None)
        self._stale = True

    def damaged(self) -> list[str]:
        """Names of crops that were cut short; of a folder. Raises :class:`FacesetError` when it cannot be listed."""
        return [name for name in sorted(self._files()) if not has_all_pixels(self.folder / name)]

    def drop(self, names: Iterable[str]) -> None:
        """Delete files by name, readable or not. Raises OutputError, and FacesetError for a pack."""
        self.check_writable()
        for name in names:
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(self.folder / name, error) from error

    def text(self, name: str) -> str | None:
        """What the file ``name`` beside the faces, or in the pack, holds; None where there is none.

        Raises :class:`FacesetError` when it is no text.
        """
        path = self.folder / name
        try:
            if self._pack:
                return self._pack.text(name) if name in self._pack.files else None
            return path.read_text(encoding="utf-8") if path.is_file() else None
        except (OSError, ValueError) as error:
            raise FacesetError(f"{name} of {self.folder} cannot be read: {error}.", "Extract it again.") from None

    def _name(self, face: Face) -> str:
        """The file of the same face, which sorting may have renamed, or a new name."""
        held_by = self._held.get(_key(face))
        if held_by and (self.folder / held_by).exists():
            return held_by
        name, longer = file_names(face)
        held = self._load().get(name)
        if held is None and (self.folder / name).exists():
            held = (0, 0), read_record(self.folder / name)
        return name if held is None or held[1].plate == face.plate else longer

    def _files(self) -> dict[str, Stamp]:
        try:
            with os.scandir(self.folder) as entries:
                found = {}
                for entry in entries:
                    # A hidden name is a file that is being written, or was when its writer died.
                    if entry.name.endswith(".exr") and not entry.name.startswith("."):
                        status = entry.stat()
                        found[entry.name] = (status.st_size, status.st_mtime_ns)
                return found
        except OSError as error:
            raise FacesetError(
                f"The faceset {self.folder} cannot be listed: {error.strerror}.", "Check the folder."
            ) from error

    def _load(self) -> Known:
        if self._known is None:
            try:
                self._known = index.read_index(self.folder / index.NAME)
            except (OSError, ValueError):
                self._known = {}  # the files say it all again
            self._held = {_key(face): name for name, (_, face) in self._known.items()}
        return self._known

    def _write_index(self, known: Known) -> None:
        with atomic_path(self.folder / index.NAME) as temporary:
            index.write_index(temporary, dict(sorted(known.items())))
        self._stale = False


def file_names(face: Face) -> tuple[str, str]:
    """What a face's file is called, and what it is called when another plate of the same name has taken that."""
    plate = face.plate.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    stem = re.sub(r"[^\w.-]+", "_", _PRINTF.sub("", plate.rsplit(".", 1)[0])).lstrip(".") or "plate"
    end = f".{face.frame:04d}.{face.track:02d}.exr"
    told = f"-{hashlib.sha256(face.plate.encode()).hexdigest()[:6]}"
    short = shortened(stem, _MOST_STEM)
    return stem + end if short == stem else f"{short}{told}{end}", f"{short}{told}{end}"


def _key(face: Face) -> tuple[str, int, int]:
    return face.plate, face.frame, face.track


def _sorted(known: Known) -> list[Face]:
    return sorted((face for _, face in known.values()), key=lambda face: (face.frame, face.track, face.file))
