"""Where a stage is to write, looked at before it loads or reads anything: hours of work must not end at a name."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from understudy.errors import OutputError, UnderstudyError, UsageError
from understudy.plate.files import check_writable, existing
from understudy.plate.frame import Header
from understudy.plate.matte import split_channel
from understudy.plate.sequence import MOVIES, Plate, check_output_pattern, open_plate, output_path, output_pattern
from understudy.settings import Options, flag_of, written

_PACKED = 0.5
"""What lossless compression leaves of a picture with grain, as a part of it; rather too little than too much."""

_CHANNELS = 4

_FOOTAGE = {"plate", "source", "holdout", "roto", "matte", "a", "b", "result", "sequence"}
"""Options of text that name pictures; others that name something to read have paths."""


def check_outputs(settings: Options) -> None:
    """Look at everything that ``settings`` name to be written; nothing is made, and nothing is read.

    Raises UsageError for a name that cannot be (an ending that nothing is written in, a folder where a file is wanted or
    the other way round, something that is read as well), OutputError for a folder that cannot be written into.
    """
    model = type(settings)
    for name, kind, endings in written(model):
        value = getattr(settings, name)
        if value is None:
            continue
        flag, path = flag_of(model, name), Path(value)
        if kind == "frames":
            check_output_pattern(str(value), 1)
        elif kind == "folder" and path.exists() and not path.is_dir():
            raise UsageError(
                f"{flag}: {path} is a file, not a folder.", "Name a folder, which is made where it is missing."
            )
        elif kind == "file" and path.is_dir():
            raise UsageError(f"{flag}: {path} is a folder, not a file to write.", "Add the file's name.")
        if endings and path.suffix.lower() not in endings:
            raise UsageError(
                f"{flag}: {path} does not end in {' or '.join(endings)}.", f"Name it like out{endings[0]}."
            )
        _check_own_input(settings, name)
        check_writable(path / "file" if kind == "folder" else path)


def check_frames(out: str, frames: Sequence[int], plates: Iterable[tuple[str, Plate]]) -> None:
    """Raise UsageError where a frame of ``out`` is a folder, or the file of one of the ``plates``, which are named."""
    for what, plate in plates:
        for frame in set(frames) & set(plate.frames):
            if _is_same(output_path(out, frame), plate.path(frame)):
                raise UsageError(
                    f"{output_path(out, frame)} is the {what}'s own file and would be lost.", "Name another --out."
                )
    for frame in frames:
        if output_path(out, frame).is_dir():
            raise UsageError(f"{output_path(out, frame)} is a folder, in the place of a frame.", "Name another --out.")


def check_room(path: Path, needed: float, what: str) -> None:
    """Raise OutputError where the disk that is to hold ``path`` has less than ``needed`` bytes left for ``what``."""
    folder = existing(path)
    left = shutil.disk_usage(folder).free
    if left < needed:
        raise OutputError(
            f"The disk of {folder} is nearly full: {what} need about {_size(needed)}, and {_size(left)} are left.",
            "Free some space, or write to another disk.",
        )


def frames_size(header: Header, plate: Plate, out: str, frames: Sequence[int]) -> float:
    """About how many bytes those of ``frames`` will need at least that ``out`` does not have yet.

    A frame holds the plate, half or float as ``header`` says, beside layers that are empty but for the face.
    """
    window = header.data.union(header.display)
    frame = window.width * window.height * _CHANNELS * (2 if header.dtype == "half" else 4) * _PACKED
    first = plate.path(plate.frames[0])
    if first.suffix.lower() == ".exr":
        frame = min(frame, first.stat().st_size)
    return frame * sum(not output_path(out, number).exists() for number in frames)


def crops_size(count: int, size: int) -> float:
    """About how many bytes ``count`` crops of ``size`` pixels need."""
    return count * size * size * _CHANNELS * 2 * _PACKED


def _check_own_input(settings: Options, name: str) -> None:
    model, out = type(settings), getattr(settings, name)
    outputs = {one for one, _, _ in written(model)}
    for other, info in model.model_fields.items():
        if other in outputs or not (other in _FOOTAGE or "Path" in str(info.annotation)):
            continue
        for value in _named(getattr(settings, other)):
            if _key(value) == _key(out) or _is_in_folder(str(out), value):
                raise UsageError(
                    f"{flag_of(model, name)} {out} is what {flag_of(model, other)} names: it is read, and would be lost.",
                    f"Name another {flag_of(model, name)}.",
                )


def _named(value: object) -> Iterator[str]:
    """The texts and paths in an option's value."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str | Path):
            yield split_channel(str(one))[0]


def _key(value: str | Path) -> str:
    """What tells one path or pattern from another, however it is written."""
    path = Path(value).expanduser()
    return output_pattern((path.parent.resolve() / path.name).as_posix())


def _is_in_folder(out: str, value: str) -> bool:
    """Whether ``value`` is a folder of pictures of which one is what ``out`` writes: a plate by its folder."""
    folder = Path(value).expanduser()
    if not out.lower().endswith(".exr") or folder.resolve() != Path(out).expanduser().parent.resolve():
        return False
    try:
        plate = open_plate(value, missing="skip")
    except UnderstudyError:  # told by who reads it
        return False
    return plate.kind == "sequence" and _key(plate.pattern) == _key(out)


def _is_same(a: Path, b: Path) -> bool:
    if b.suffix.lower() in MOVIES or a.is_symlink():  # a link is replaced, not what it leads to
        return False
    try:
        return a.samefile(b)
    except OSError:
        return False


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
