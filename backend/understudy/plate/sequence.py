"""Which files a plate is made of, and what an output's files are called."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from understudy.errors import MissingInputError, UnderstudyError, UnreadableError, UsageError
from understudy.plate.files import check_name
from understudy.plate.foreign import seen_in, what_to_do
from understudy.plate.numbering import MOST_DIGITS, PADDING, Numbered, field_digits, files_of, sequences_of
from understudy.plate.ranges import gaps, parse_range, runs_of, runs_told
from understudy.plate.whole import is_cut_short

MOVIES = frozenset(
    ".mov .mp4 .m4v .mkv .webm .mxf .avi .gif .ts .mts .m2ts .mpg .mpeg .wmv .flv".split()  # noqa: SIM905 - a list to read
)
PICTURES = frozenset({".exr", ".dpx", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".tga", ".hdr", ".webp"})

_FILM = {".exr", ".dpx"}  # several of them that are no sequence are plates, layers or aligned faces, and no stills
_ALIKE = {".jpeg": ".jpg", ".tiff": ".tif"}
_PIECE = r"-?[0-9]+(?:--?[0-9]+(?:[xy:][0-9]+)?)?"
_RANGE_IN_NAME = re.compile(rf"(?P<before>.*?[._ ]|){_PIECE}(?:,{_PIECE})*")

Missing = Literal["error", "skip", "present"]
"""What is done about frames that are not there: refused, left out, or left out but for files that hold no whole picture."""


@dataclass(frozen=True)
class Plate:
    """A run of pictures: where they are and which frames are meant.

    ``pattern`` is the printf form (``dir/shot.%04d.exr``) of a sequence, the folder of ``stills``, or the path of a movie or
    still, with forward slashes. ``frames`` are ascending; a movie's and the pictures of a folder of stills count from 1.
    ``layer`` and ``view`` of a file's are read where they are named, else what is known to be its picture.
    """

    name: str
    pattern: str
    kind: Literal["sequence", "still", "stills", "movie"]
    frames: tuple[int, ...]
    layer: str | None = None
    view: str | None = None
    names: Mapping[int, str] = field(default_factory=dict, hash=False)
    """The files of frames whose names the pattern does not give: stills, and numbers with their sign before all digits."""

    def path(self, frame: int) -> Path:
        """The file that holds ``frame``."""
        if self.kind == "stills":
            return Path(self.pattern) / self.names[frame]
        if self.kind != "sequence":
            return Path(self.pattern)
        given = self.names.get(frame)
        return output_path(self.pattern, frame) if given is None else Path(self.pattern).with_name(given)


def open_plate(text: str, frames: str | None = None, missing: Missing = "error") -> Plate:
    """Find the plate that ``text`` names.

    ``text`` is a pattern (``shot.####.exr``, ``%04d``, ``@@@@``, ``$F4``), a folder with one sequence in it or with single
    pictures of one kind, one picture, or a movie. ``frames`` is a range such as ``1001-1048x2``; without it everything from
    the first to the last frame found. A frame that is not there, or whose file is a link to nowhere, raises
    MissingInputError, or is left out with ``missing="skip"``; so are then files that are empty or were cut short, which
    ``"present"`` keeps.
    Also raises MissingInputError when nothing or more than one sequence fits, UnreadableError for what holds no
    picture and for names that are not UTF-8, and UsageError for a malformed range or pattern.
    """
    path = Path(text)
    try:
        path = path.expanduser()
        check_name(path.absolute())
        check_name(os.path.realpath(path))
        if path.is_dir():
            return _open_folder(path, frames, missing)
        if path.is_file():
            return _open_file(path, frames, missing)
        if PADDING.search(path.name):
            return _open_pattern(path, frames, missing)
        if path.is_symlink():
            raise MissingInputError(f"{path} is a link to a file that is not there.", "Check where it points to.")
    except UnderstudyError:
        raise
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # no permission, a name too long or with a NUL, links in a circle
        reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        raise MissingInputError(f"{str(path)[:200]!r} cannot be opened: {reason}.", "Check the path.") from error
    raise MissingInputError(f"{path} does not exist.", "Check the path; a sequence is written like shot.####.exr.")


def output_pattern(pattern: str) -> str:
    """``pattern`` in printf form with forward slashes: ``OUT.####.exr`` becomes ``OUT.%04d.exr``."""
    path = Path(pattern)
    found = _field(path.name)
    if not found:
        return path.as_posix()
    digits = field_digits(found.group())
    printf = f"%0{digits}d" if digits > 1 else "%d"
    return path.with_name(path.name[: found.start()] + printf + path.name[found.end() :]).as_posix()


def output_path(pattern: str, frame: int) -> Path:
    """The file that ``frame`` is written to. A pattern without a frame number field is its own path."""
    path = Path(pattern)
    found = _field(path.name)
    if not found:
        return path
    # By hand and not with the % operator: other per cent signs may stand in the path.
    number = f"{frame:0{field_digits(found.group())}d}"
    return path.with_name(f"{path.name[: found.start()]}{number}{path.name[found.end() :]}")


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
    if frame_count > 1 and not PADDING.search(Path(pattern).name):
        raise UsageError(
            f"{pattern} has no frame number, but {frame_count} frames would be written to it.",
            "Name the output like shot.####.exr.",
        )


def _field(name: str) -> re.Match[str] | None:
    fields = list(PADDING.finditer(name))
    return fields[-1] if fields else None


def _open_folder(folder: Path, frames: str | None, missing: Missing) -> Plate:
    names = [entry.name for entry in folder.iterdir() if entry.is_file() or entry.is_symlink()]
    if not names:
        raise MissingInputError(f"The folder {folder} is empty.", "Name a folder with one picture sequence in it.")
    shown = sorted((name for name in names if not name.startswith(".")), key=_natural)
    pictures = [name for name in shown if Path(name).suffix.lower() in PICTURES]
    sequences = [one for one in sequences_of(pictures) if len(one.files) > 1]
    # A sequence beside single pictures (a thumbnail, a chart) is the plate.
    if len(sequences) == 1:
        return _opened(folder, sequences[0], frames, missing)
    movies = [name for name in shown if Path(name).suffix.lower() in MOVIES]
    candidates = [one.name for one in sequences] or sorted(pictures + movies)
    if not candidates:
        told = seen_in(shown)
        raise UnreadableError(
            f"The folder {folder} holds no pictures{f', but {told[0]}' if told else ''}.",
            told[1] if told else "Name a folder with one sequence in it.",
        )
    if len(candidates) == 1:
        return _open_file(folder / candidates[0], frames, missing)
    kinds = {_ALIKE.get(suffix, suffix) for suffix in (Path(name).suffix.lower() for name in pictures)}
    if not sequences and not movies and len(kinds) == 1 and not kinds & _FILM:
        return _open_stills(folder, pictures, frames, missing)
    listed = ", ".join(candidates[:6]) + (f" and {len(candidates) - 6} more" if len(candidates) > 6 else "")
    raise MissingInputError(
        f"The folder {folder} holds {len(candidates)} plates, not one: {listed}.",
        f"Name the one you mean, like {folder / candidates[0]}.",
    )


def _open_stills(folder: Path, pictures: Sequence[str], frames: str | None, missing: Missing) -> Plate:
    """Single pictures, in the order of their names."""
    for name in pictures:
        check_name(name)
    names = dict(enumerate(pictures, 1))
    pattern = folder.as_posix()
    chosen = _chosen(pattern, folder, names, frames, missing)
    chosen_names = {frame: names[frame] for frame in chosen}
    return Plate(folder.resolve().name or "stills", pattern, "stills", chosen, names=chosen_names)


def _open_file(path: Path, frames: str | None, missing: Missing) -> Plate:
    check_name(path)
    if cure := what_to_do(path.suffix):
        raise UnreadableError(f"{path} is {cure[0]}, which is not read.", cure[1])
    if path.suffix.lower() in MOVIES:
        from understudy.plate.movies.movie import count_frames  # PyAV is loaded only for movies

        present: Sequence[int] = range(1, count_frames(path) + 1)
        kind: Literal["still", "movie"] = "movie"
    else:
        numbered = re.search(r"[0-9]+$", path.stem)
        present, kind = [int(numbered[0]) if numbered and len(numbered[0]) <= MOST_DIGITS else 1], "still"
    asked = None if frames is None else parse_range(frames)
    chosen = _wanted(path.as_posix(), present, (present[0], present[-1]), asked, missing)
    return Plate(path.stem, path.as_posix(), kind, chosen)


def _open_pattern(path: Path, frames: str | None, missing: Missing) -> Plate:
    folder, found = path.parent, _field(path.name)
    assert found is not None
    if not folder.is_dir():
        raise MissingInputError(f"The folder {folder} does not exist.", "Check the path of the sequence.")
    before, digits, after = path.name[: found.start()], field_digits(found.group()), path.name[found.end() :]
    if digits > MOST_DIGITS:
        raise UsageError(f"{path.name} asks for {digits} digits.", "Write it like shot.####.exr.")
    names = [entry.name for entry in folder.iterdir()]
    files = files_of(before, digits, after, names)
    if not files and (ranged := _RANGE_IN_NAME.fullmatch(before)):
        # A range may stand inside the name, as in shot.1001-1010####.exr, where that is not the files' own name.
        files = files_of(ranged["before"], digits, after, names)
        if frames is None and files:
            frames = before[len(ranged["before"]) :]
        before = ranged["before"]
    if not files:
        raise MissingInputError(
            f"No file matches {output_pattern(path.as_posix())}.", "Check the name and the number of digits."
        )
    return _opened(folder, Numbered(before, digits, after, files), frames, missing)


def _opened(folder: Path, found: Numbered, frames: str | None, missing: Missing) -> Plate:
    check_name(found.name)
    pattern = output_pattern((folder / found.name).as_posix())
    short = found.before.rstrip("._- ") or folder.resolve().name
    chosen = _chosen(pattern, folder, found.files, frames, missing)
    odd = {frame: found.files[frame] for frame in chosen if output_path(found.name, frame).name != found.files[frame]}
    return Plate(short, pattern, "sequence", chosen, names=odd)


def _chosen(
    shown: str, folder: Path, files: Mapping[int, str], frames: str | None, missing: Missing
) -> tuple[int, ...]:
    """The wanted frames among ``files``; those whose file cannot be a picture are missing."""
    asked = None if frames is None else parse_range(frames)
    looked_at = files.items() if asked is None else [(frame, files[frame]) for frame in asked if frame in files]
    there = sorted(frame for frame, name in looked_at if _is_there(folder / name, missing))
    return _wanted(shown, there, (min(files), max(files)), asked, missing)


def _is_there(path: Path, missing: Missing) -> bool:
    """Whether there is a file, and no link to nowhere; with ``skip``, whether it is not empty or cut short either."""
    if missing != "skip":
        return path.exists()
    try:
        return path.stat().st_size > 0 and not is_cut_short(path)
    except OSError:
        return False


def _wanted(
    shown: str, there: Sequence[int], bounds: tuple[int, int], asked: Sequence[int] | None, missing: Missing
) -> tuple[int, ...]:
    if asked is None:
        kept, absent = tuple(there), gaps(there, *bounds)
    else:
        held = set(there)
        kept = tuple(frame for frame in asked if frame in held)
        absent = runs_of(frame for frame in asked if frame not in held)
    if absent and (missing == "error" or not kept):
        one = len(absent) == 1 and absent[0][0] == absent[0][1]
        raise MissingInputError(
            f"{'Frame' if one else 'Frames'} {runs_told(absent)} of {shown} {'is' if one else 'are'} missing.",
            "Give a range that is there, or leave missing frames out with --missing skip.",
        )
    return kept


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts ``a2`` before ``a10``."""
    return [(int(piece), "") if piece.isdigit() else (0, piece) for piece in re.split(r"([0-9]+)", name.lower())]
