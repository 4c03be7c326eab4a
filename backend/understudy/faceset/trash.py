"""Faces put out of the set and files renamed, all of it undoable: nothing is ever deleted.

A face in the trash is a file in ``trash/NUMBER/`` of its faceset, NUMBER that of the operation that put it there. What
an operation moves is written to a log first and moved then. Each move is one rename, so a file is either where it was
or where it was to go, and whoever is killed in between leaves an operation that can be undone like any other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

from understudy.errors import FacesetError, cannot_write
from understudy.json_reader import parse_json
from understudy.plate.files import write_json
from understudy.tracks.formats.values import one_of, text, whole

FOLDER = "trash"
LOG = "log.json"

Kind = Literal["trash", "rename"]


@dataclass(frozen=True)
class Operation:
    """One thing that was done to files. Paths are relative to the faceset, with slashes."""

    number: int
    kind: Kind
    why: str
    when: str  # ISO 8601, UTC
    moves: tuple[tuple[str, str], ...]  # from, to


@dataclass(frozen=True)
class Undone:
    """What undoing came to, counted in files."""

    restored: int  # from the trash
    renamed: int  # back to their earlier names
    left: tuple[str, ...]  # stay where they are: another file has taken their place since


class Trash:
    """The trash of one faceset, and the log of what can be undone. One process uses it at a time."""

    def __init__(self, faceset: Path) -> None:
        self._faceset = faceset
        self._log = faceset / FOLDER / LOG

    def operations(self) -> list[Operation]:
        """What can be undone, first things first. Raises :class:`FacesetError` when the log is damaged."""
        if not self._log.exists():
            return []
        try:
            return [_operation(record) for record in parse_json(self._log.read_bytes())]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FacesetError(
                f"The log {self._log} is damaged: {error or type(error).__name__}.",
                f"Move the files in {self._log.parent} back by hand, and delete the log.",
            ) from error

    def discard(self, files: Sequence[str], why: str) -> None:
        """Put ``files`` of the faceset into the trash. Raises FacesetError and OutputError."""
        number = self._next()
        self._run(number, "trash", why, [(file, f"{FOLDER}/{number:04d}/{file}") for file in files])

    def rename(self, moves: Sequence[tuple[str, str]], why: str) -> None:
        """Give files of the faceset new names, (old, new) each. Raises FacesetError and OutputError."""
        self._run(self._next(), "rename", why, moves)

    def undo(self, everything: bool = False) -> Undone:
        """Undo the last operation, or all of them, the last one first.

        A file whose earlier place is taken stays where it is, and its operation stays in the log.
        Raises :class:`FacesetError` when there is nothing to undo, :class:`OutputError` when a file cannot be moved.
        """
        kept = self.operations()
        if not kept:
            raise FacesetError(
                f"There is nothing to restore in {self._faceset}.", "Nothing was trashed or renamed yet."
            )
        waiting = [kept.pop() for _ in range(len(kept) if everything else 1)]
        back: dict[Kind, int] = dict.fromkeys(get_args(Kind), 0)
        left: list[Operation] = []
        for operation in waiting:
            stuck = []
            for source, target in reversed(operation.moves):
                if not (self._faceset / target).exists():
                    continue  # was never moved, or is back already
                if (self._faceset / source).exists():
                    stuck.append((source, target))
                else:
                    self._move(target, source)
                    back[operation.kind] += 1
            if stuck:
                left.append(replace(operation, moves=tuple(reversed(stuck))))
            with contextlib.suppress(OSError):  # there was none, or it still holds something
                (self._log.parent / f"{operation.number:04d}").rmdir()
        # Forgotten last: undoing what is half undone already does the rest.
        self._write(kept + left[::-1])
        return Undone(back["trash"], back["rename"], tuple(target for one in left for _, target in one.moves))

    def _next(self) -> int:
        """A number that no operation has, nor a folder in the trash that a lost log may have left."""
        folders = [path.name for path in self._log.parent.iterdir()] if self._log.parent.exists() else []
        used = [one.number for one in self.operations()] + [int(name) for name in folders if name.isdecimal()]
        return max(used, default=0) + 1

    def _run(self, number: int, kind: Kind, why: str, moves: Sequence[tuple[str, str]]) -> None:
        taken = [target for _, target in moves if (self._faceset / target).exists()]
        if taken:
            raise FacesetError(
                f"{self._faceset / taken[0]} is there already; nothing was changed.", "Rename or move it first."
            )
        when = datetime.now(UTC).isoformat(timespec="seconds")
        self._write([*self.operations(), Operation(number, kind, why, when, tuple(moves))])
        for source, target in moves:
            self._move(source, target)

    def _move(self, source: str, target: str) -> None:
        path = self._faceset / target
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            (self._faceset / source).rename(path)
        except OSError as error:
            raise cannot_write(path, error) from error

    def _write(self, operations: Sequence[Operation]) -> None:
        write_json(self._log, [asdict(operation) for operation in operations])


def _operation(record: dict[str, Any]) -> Operation:
    """Raises ValueError, KeyError or TypeError when ``record`` is malformed, or moves what is no file of the faceset."""
    number, kind = whole(record["number"], 0), cast(Kind, one_of(record["kind"], get_args(Kind)))
    moves = tuple((_inside(old), _inside(new)) for old, new in record["moves"])
    return Operation(number, kind, text(record["why"]), text(record["when"]), moves)


def _inside(path: Any) -> str:
    """``path`` as one inside the faceset; raises ValueError for one that leads out of it."""
    parts = text(path).split("/")
    if any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
        raise ValueError(f"{path!r} is no file of the faceset")
    return "/".join(parts)
