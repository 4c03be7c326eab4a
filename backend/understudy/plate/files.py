"""Whole-or-nothing writing: a file is either the old one or the complete new one, also after a crash or a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from understudy.errors import OutputError, UnreadableError, cannot_write

MOST_BYTES = 255
"""As long, in bytes, a file's name may be on the file systems in use; NTFS counts letters, which are fewer."""

_TEMPORARY = re.compile(r"\.(?P<stem>.+)\.[0-9a-f]{12}(?P<suffix>\.\w+)?")


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces ``path`` when the body ends well.

    The temporary has the same extension, because image libraries pick the format by it, and a hidden name, because
    half-written frames must not be taken for part of a sequence. It is flushed to the disk before it replaces
    ``path``, and removed when the body fails. Missing folders are made. Raises OutputError for any ``OSError``
    of the body or of the replacement, with ``path`` named.
    """
    path = Path(path)
    temporary = temporary_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def existing(path: str | Path) -> Path:
    """The nearest of the folders that ``path`` is to lie in that is there already; a file that is in the way is one too."""
    path = Path(path).absolute()
    return next((folder for folder in path.parents if folder.exists()), path)


def check_writable(path: str | Path) -> None:
    """Raise OutputError where no file can be made in the folder of ``path``; where that is missing, in the one it lies in."""
    path = Path(path)
    folder = existing(path)
    probe = folder / temporary_of(path).name
    try:
        try:
            with contextlib.suppress(FileNotFoundError):
                (folder / path.name).stat()  # the name itself may be too long
            probe.touch(exist_ok=False)
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def check_name(path: str | Path) -> None:
    """Raise UnreadableError for a name that is not UTF-8: no header, document or report could hold it."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise UnreadableError(
            f"The name {shown[-200:]} is not UTF-8, as on an old file server.",
            "Rename the file or folder, or copy it elsewhere.",
        ) from None


def shortened(name: str, most: int) -> str:
    """``name`` cut to at most ``most`` bytes of UTF-8, between two letters."""
    return name.encode()[:most].decode("utf-8", "ignore")


def explained(path: Path, temporary: Path, reason: str) -> OutputError:
    """Why ``path`` could not be written by a library that has a ``reason`` but no error number.

    The file system itself is asked, with a write to the ``temporary``.
    """
    try:
        with temporary.open("ab") as file:
            file.write(bytes(1 << 20))
    except OSError as error:
        return cannot_write(path, error)
    return OutputError(f"{path} could not be written: {' '.join(reason.split()).rstrip('.')}.", "Try another folder.")


def stamp(path: str | Path) -> tuple[Path, int, int]:
    """What tells a file from the one that replaces it: absolute path, size in bytes, mtime in ns; -1 where there is none."""
    path = Path(path).absolute()
    try:
        status = path.stat()
    except OSError:
        return path, -1, -1
    return path, status.st_size, status.st_mtime_ns


def file_mark(path: str | Path) -> str:
    """Size in bytes and mtime in microseconds of a file, as text: what survives on every file system of a farm."""
    _, size, time = stamp(path)
    return f"{size} {time // 1000}"


def is_leftover(path: Path) -> bool:
    """Whether ``path`` is a temporary of :func:`atomic_path`: being written, or left by a process that was killed."""
    return bool(_TEMPORARY.fullmatch(path.name))


def temporary_of(path: str | Path) -> Path:
    """A hidden name beside ``path``, no longer than a file system takes."""
    path = Path(path)
    # A random name, not the process id: two machines of a farm write to one folder.
    return path.with_name(f".{_stem(path)}.{uuid.uuid4().hex[:12]}{path.suffix}")


def _stem(path: Path) -> str:
    """What stands before the random part in the temporaries of ``path``."""
    return shortened(path.stem, MOST_BYTES - len("..") - 12 - len(path.suffix.encode()))


def remove_leftovers(
    folder: str | Path, *, of: Collection[str] | None = None, endings: Collection[str] | None = None
) -> None:
    """Remove the temporaries in a ``folder``, if there is one, that nobody writes to at the moment: files, and folders.

    Only those ``of`` files of these names, or with these ``endings``, where they are given. Raises OutputError.
    """
    if not Path(folder).is_dir():
        return
    stems = None if of is None else {(_stem(Path(name)), Path(name).suffix) for name in of}
    try:
        for path in Path(folder).iterdir():
            hit = _TEMPORARY.fullmatch(path.name)
            if not hit or (endings is not None and path.suffix not in endings):
                continue
            if stems is not None and (hit["stem"], hit["suffix"] or "") not in stems:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8 with plain line feeds. Raises OutputError."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, data: Any) -> None:
    """Write ``data`` as indented JSON. Raises OutputError, and TypeError for what JSON cannot hold."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
