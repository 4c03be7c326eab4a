"""Which files a plate is made of, and what an output's files are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fileseq.constants import PAD_STYLE_HASH1
from fileseq.exceptions import FileSeqException
from fileseq.filesequence import FileSequence

from understudy.errors import MissingInputError, UnreadableError, UsageError
from understudy.plate.ranges import format_range, parse_range

MOVIES = frozenset({".mov", ".mp4", ".mkv", ".mxf", ".avi", ".gif"})
PICTURES = frozenset({".exr", ".dpx", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".tga", ".hdr", ".webp"})

_PRINTF = re.compile(r"%0?(\d*)d")
_PADDING = re.compile(r"#+|@+|%0?\d*d|\$F\d*")


@dataclass(frozen=True)
class Plate:
    """A run of pictures: where they are and which frames are meant.

    ``pattern`` is the printf form (``dir/shot.%04d.exr``) of a sequence, or the path of a movie or still, with forward
    slashes. ``frames`` are ascending; a movie's count from 1. ``layer`` and ``view`` of a file's are read where they are
    named, else what is known to be its picture.
    """

    name: str
    pattern: str
    kind: Literal["sequence", "still", "movie"]
    frames: tuple[int, ...]
    layer: str | None = None
    view: str | None = None

    def path(self, frame: int) -> Path:
        """The file that holds ``frame``."""
        return output_path(self.pattern, frame) if self.kind == "sequence" else Path(self.pattern)


def open_plate(text: str, frames: str | None = None, missing: Literal["error", "skip"] = "error") -> Plate:
    """Find the plate that ``text`` names.

    ``text`` is a pattern (``shot.####.exr``, ``%04d``, ``@@@@``, ``$F4``), a folder with one sequence in it, one
    picture, or a movie. ``frames`` is a range such as ``1001-1048x2``; without it everything from the first to the
    last frame found. A frame that is not there raises MissingInputError, or is left out with ``missing="skip"``.
    Also raises MissingInputError when nothing or more than one sequence fits, UnreadableError for what holds no
    picture, and UsageError for a malformed range or pattern.
    """
    path = Path(text).expanduser()
    if path.is_dir():
        return _open_folder(path, frames, missing)
    if path.is_file():
        return _open_file(path, frames, missing)
    if _PADDING.search(path.name):
        return _open_pattern(path, frames, missing)
    raise MissingInputError(f"{path} does not exist.", "Check the path; a sequence is written like shot.####.exr.")


def output_pattern(pattern: str) -> str:
    """``pattern`` in printf form with forward slashes: ``OUT.####.exr`` becomes ``OUT.%04d.exr``."""
    path = Path(pattern)
    fields = list(_PADDING.finditer(path.name))
    if not fields:
        return path.as_posix()
    field = fields[-1]
    digits = _digits(field.group())
    printf = f"%0{digits}d" if digits > 1 else "%d"
    return path.with_name(path.name[: field.start()] + printf + path.name[field.end() :]).as_posix()


def output_path(pattern: str, frame: int) -> Path:
    """The file that ``frame`` is written to. A pattern without a frame number field is its own path."""
    path = Path(output_pattern(pattern))
    fields = list(_PRINTF.finditer(path.name))
    if not fields:
        return path
    field = fields[-1]
    # By hand and not with the % operator: other per cent signs may stand in the path.
    return path.with_name(f"{path.name[: field.start()]}{_number(frame, field)}{path.name[field.end() :]}")


def check_output_pattern(pattern: str, frame_count: int) -> None:
    """Raise UsageError for what cannot hold ``frame_count`` layered frames.

    That is a folder, a name that does not end in ``.exr``, and one without a number for more than one frame.
    """
    if Path(pattern).is_dir():
        raise UsageError(f"{pattern} is a folder, not the name of frames.", "Name the output like shot.####.exr.")
    if Path(pattern).suffix.lower() != ".exr":
        raise UsageError(
            f"{pattern} does not end in .exr, and only EXR holds the layers that are written.",
            "Name the output like shot.####.exr.",
        )
    if frame_count > 1 and not _PADDING.search(Path(pattern).name):
        raise UsageError(
            f"{pattern} has no frame number, but {frame_count} frames would be written to it.",
            "Name the output like shot.####.exr.",
        )


def _open_folder(folder: Path, frames: str | None, missing: Literal["error", "skip"]) -> Plate:
    if not any(entry.is_file() for entry in folder.iterdir()):
        raise MissingInputError(f"The folder {folder} is empty.", "Name a folder with one picture sequence in it.")
    sequences: list[str] = []
    singles: list[str] = []
    for found in FileSequence.findSequencesOnDisk(str(folder), pad_style=PAD_STYLE_HASH1):
        extension = str(found.extension()).lower()
        if extension in PICTURES and len(found) > 1:
            sequences.append(f"{found.basename()}{found.padding()}{found.extension()}")
        elif extension in PICTURES or extension in MOVIES:
            singles.extend(Path(str(file)).name for file in found)
    # A sequence beside single pictures (a thumbnail, a chart) is the plate.
    candidates = sorted(sequences or singles)
    if not candidates:
        raise UnreadableError(f"The folder {folder} holds no pictures.", "Name a folder with one sequence in it.")
    if len(candidates) > 1:
        raise MissingInputError(
            f"The folder {folder} holds {len(candidates)} plates, not one: {', '.join(candidates)}.",
            f"Name the one you mean, like {folder / candidates[0]}.",
        )
    opened = _open_pattern if sequences else _open_file
    return opened(folder / candidates[0], frames, missing)


def _open_file(path: Path, frames: str | None, missing: Literal["error", "skip"]) -> Plate:
    if path.suffix.lower() in MOVIES:
        from understudy.plate.movie import count_frames  # PyAV is loaded only for movies

        present: Sequence[int] = range(1, count_frames(path) + 1)
        kind: Literal["still", "movie"] = "movie"
    else:
        numbered = re.search(r"\d+$", path.stem)
        present, kind = [int(numbered.group()) if numbered else 1], "still"
    return Plate(path.stem, path.as_posix(), kind, _chosen(path.as_posix(), present, frames, missing))


def _open_pattern(path: Path, frames: str | None, missing: Literal["error", "skip"]) -> Plate:
    try:
        # fileseq also takes a range inside the name, as in shot.1001-1010####.exr.
        parsed = FileSequence(path.as_posix(), pad_style=PAD_STYLE_HASH1)
    except FileSeqException as error:
        raise UsageError(f"{path} is not a file pattern.", "Write it like shot.####.exr.") from error
    if frames is None and parsed.frameSet():
        frames = str(parsed.frameRange())
    pattern = output_pattern(f"{parsed.dirname()}{parsed.basename()}{parsed.padding()}{parsed.extension()}")
    folder, name = Path(pattern).parent, Path(pattern).name
    field = list(_PRINTF.finditer(name))[-1]
    if not folder.is_dir():
        raise MissingInputError(f"The folder {folder} does not exist.", "Check the path of the sequence.")
    matching = re.compile(rf"{re.escape(name[: field.start()])}(-?\d+){re.escape(name[field.end() :])}")
    hits = (matching.fullmatch(entry.name) for entry in folder.iterdir())
    # Only what the pattern would write: with four digits, shot.007.exr is another sequence's frame.
    present = [int(hit[1]) for hit in hits if hit and _number(int(hit[1]), field) == hit[1]]
    if not present:
        raise MissingInputError(f"No file matches {pattern}.", "Check the name and the number of digits.")
    short = name[: field.start()].rstrip("._- ") or folder.resolve().name
    return Plate(short, pattern, "sequence", _chosen(pattern, present, frames, missing))


def _chosen(
    shown: str, present: Sequence[int], frames: str | None, missing: Literal["error", "skip"]
) -> tuple[int, ...]:
    wanted = range(min(present), max(present) + 1) if frames is None else parse_range(frames)
    there = set(present)
    absent = [frame for frame in wanted if frame not in there]
    kept = tuple(frame for frame in wanted if frame in there)
    if absent and (missing == "error" or not kept):
        what = "Frame" if len(absent) == 1 else "Frames"
        be = "is" if len(absent) == 1 else "are"
        raise MissingInputError(
            f"{what} {format_range(absent)} of {shown} {be} missing.",
            "Give a range that is there, or leave missing frames out with --missing skip.",
        )
    return kept


def _digits(field: str) -> int:
    """How many digits a padding field asks for, 1 meaning no padding."""
    if field[0] in "#@":
        return len(field)
    return int(re.sub(r"\D", "", field) or 1)


def _number(frame: int, field: re.Match[str]) -> str:
    return f"{frame:0{_digits(field.group())}d}"
