"""Copies of a training's state from some time ago, ever fewer the older they are.

``backups/STEP`` holds the model and the training state of that step, and ``backup.json`` with their hashes. A backup is
there whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open

from understudy.errors import ModelError, UnderstudyError, cannot_write
from understudy.json_reader import parse_json
from understudy.model.card import ModelCard
from understudy.model.store import FILE as MODEL
from understudy.model.store import load_card
from understudy.plate.files import atomic_path, remove_leftovers, write_json
from understudy.tracks.formats.values import number
from understudy.training.output.checkpoint import FILE as STATE
from understudy.training.output.checkpoint import PREVIOUS

FOLDER = "backups"
DESCRIPTION = "backup.json"

FIRST_RUNG = 15 * 60.0
"""Seconds between new backups, and the first of the ages that part those that are kept."""

MOST = 12
"""Backups that are kept at most: with ages that double, the oldest is about two weeks old."""

REPLACED = 3
"""How many of those that a restoration made are kept beside, whatever their age: what someone may want back."""

_COMING, _GOING = ".coming", ".going"  # a backup that is being made, one that is being removed


@dataclass(frozen=True)
class Backup:
    """One backup, as far as it can be read; ``problem`` says why it cannot be restored."""

    folder: Path
    step: int
    time: float = 0.0  # seconds since 1970
    size: int = 0  # bytes
    hashes: dict[str, str] = field(default_factory=dict)  # file to SHA-256
    card: ModelCard | None = None
    replaced: bool = False  # a restoration made it, of what it replaced
    problem: str = ""


def keep_backup(folder: Path, now: float) -> str | None:
    """Back up what was just saved in the model's ``folder``, if it is time, and let go of what is too many.

    ``now`` is in seconds since 1970. To be called after each save, by who holds the folder. Nothing here stops a
    training: returns a sentence that says why there is no backup, or None when all is well.
    """
    try:
        _clear(folder)
        backups = [one for one in list_backups(folder) if not one.problem]
        due = all(abs(now - one.time) >= FIRST_RUNG for one in backups)
        replaced = sorted((one for one in backups if one.replaced), key=lambda one: -one.time)[:REPLACED]
        rolling = [one for one in backups if one not in replaced]
        kept = {one.folder for one in [*replaced, *ladder(rolling, now)[: MOST - due]]}
        for one in backups:
            if one.folder not in kept:
                _remove(one.folder)
        if due:
            size = sum((folder / name).stat().st_size for name in (MODEL, STATE))
            free = shutil.disk_usage(folder).free
            if free < 3 * size:  # the next save needs room as well
                return f"The disk has {_megabytes(free)} left: too little for a backup of {_megabytes(size)}."
            _back_up(folder, now, replaced=False)
    except (UnderstudyError, OSError) as error:
        return f"There is no new backup: {error}"
    return None


def ladder(backups: Sequence[Backup], now: float) -> list[Backup]:
    """Those of ``backups`` that are kept at the time ``now``, newest first.

    Ages are parted at :data:`FIRST_RUNG` and each of its doubles, and of each part the oldest stays: it will be the one
    that reaches the next part. So for every age there is a backup up to four times that old.
    """
    rungs: dict[int, Backup] = {}
    for one in sorted(backups, key=lambda one: -one.time):
        rungs[max(0, int((now - one.time) / FIRST_RUNG)).bit_length()] = one
    return list(rungs.values())


def list_backups(folder: Path) -> list[Backup]:
    """The backups of the model's ``folder`` by step, the damaged ones too. Their hashes are not checked."""
    place = folder / FOLDER
    if not place.is_dir():
        return []
    found = (path for path in place.iterdir() if path.name.isdecimal() and path.is_dir())
    return sorted(map(_read, found), key=lambda one: one.step)


def restore_backup(folder: Path, step: int, now: float) -> Backup | None:
    """Put the backup of ``step`` in the place of the model's and training's state; by who holds the folder.

    Returns the backup of what it replaces, or None where that was no whole state. Raises :class:`ModelError`, with
    nothing changed, when there is no such backup, when it is damaged, and when it is of another network than the model;
    and :class:`OutputError`.
    """
    remove_leftovers(folder)
    _clear(folder)
    backups = list_backups(folder)
    chosen = next((one for one in backups if one.step == step), None)
    if chosen is None:
        steps = ", ".join(str(one.step) for one in backups) or "none"
        raise ModelError(f"There is no backup of step {step} in {folder}.", f"There are: {steps}.")
    if chosen.card is None:
        raise ModelError(f"The backup {chosen.folder} cannot be restored: {chosen.problem}.", "Take another one.")
    current = _card_of(folder)
    if current and current.architecture != chosen.card.architecture:
        raise ModelError(
            f"The backup {chosen.folder} is of another network than the model in {folder}.", "Take another one."
        )
    # The inner one is put in its place first: the model, which on Windows a conversion may hold fast.
    with atomic_path(folder / STATE) as state, atomic_path(folder / MODEL) as model:
        for name, new in ((MODEL, model), (STATE, state)):
            if _copy(chosen.folder / name, new) != chosen.hashes[name]:
                raise ModelError(
                    f"The backup {chosen.folder} is damaged: {name} is not as it was.", "Take another one."
                )
        whole = current is not None and _step(folder / STATE) is not None
        replaced = _back_up(folder, now, replaced=True) if whole else None
    _unlink(folder / PREVIOUS)  # of the training that was taken back
    return replaced


def _back_up(folder: Path, now: float, *, replaced: bool) -> Backup:
    """Copy the state of the model's ``folder``; replaces a backup of the same step."""
    step = _step(folder / STATE)
    if step is None:
        raise ModelError(f"The training state {folder / STATE} is damaged.")
    coming, final = folder / FOLDER / _COMING, folder / FOLDER / str(step)
    try:
        coming.mkdir(parents=True)
        hashes = {name: _copy(folder / name, coming / name) for name in (MODEL, STATE)}
        write_json(coming / DESCRIPTION, {"step": step, "time": now, "replaced": replaced, "sha256": hashes})
        if final.exists():
            final.rename(final.with_name(_GOING))
        coming.rename(final)
        _clear(folder)
    except OSError as error:
        raise cannot_write(final, error) from error
    return _read(final)


def _read(path: Path) -> Backup:
    step = int(path.name)
    try:
        told = parse_json((path / DESCRIPTION).read_text(encoding="utf-8"))
        hashes = {name: str(told["sha256"][name]) for name in (MODEL, STATE)}
        size = sum((path / name).stat().st_size for name in hashes)
        if _step(path / STATE) != step:
            raise ValueError(f"{STATE} is damaged or of another step")
        return Backup(path, step, number(told["time"], 0, 1e12), size, hashes, load_card(path), bool(told["replaced"]))
    except ModelError as error:
        return Backup(path, step, problem=error.message.rstrip("."))
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Backup(path, step, problem=f"a part is missing or damaged: {error}")


def _step(state: Path) -> int | None:
    """The step of a training state, from its header; None where that, or the length of the file, is not sound."""
    try:
        with safe_open(state, framework="pt") as file:
            return int(parse_json(file.metadata()["training"], nan=True)["step"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None


def _card_of(folder: Path) -> ModelCard | None:
    """The card of the model that is there now, damaged as it may be."""
    try:
        return load_card(folder)
    except ModelError:
        return None


def _copy(source: Path, copy: Path) -> str:
    """Copy a file; returns the SHA-256 of what was read."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, copy.open("wb") as writing:
        while part := reading.read(1 << 22):
            digest.update(part)
            writing.write(part)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def _remove(path: Path) -> None:
    """Remove a backup: out of sight first, so that none is ever seen half."""
    going = path.with_name(_GOING)
    path.rename(going)
    shutil.rmtree(going)


def _clear(folder: Path) -> None:
    """Put a backup that only lacks its name in its place, and remove what else a killed process left half."""
    coming, going = folder / FOLDER / _COMING, folder / FOLDER / _GOING
    try:
        final = coming.with_name(str(int(parse_json((coming / DESCRIPTION).read_text(encoding="utf-8"))["step"])))
        if not final.exists():
            coming.rename(final)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is none, or only half of one: its description is written last
    for path in (coming, going):
        shutil.rmtree(path, ignore_errors=True)


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
