"""What a converted frame was made of, kept in its header: whether it is the frame that would be written now.

A fingerprint is a JSON object of names and values. Options stand there as they are at the frame; what is made of files is
a digest of their sizes and times, without their paths, so that machines which mount a show elsewhere agree. What makes no
other picture (device, batch, where things lie) is not in it.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy import __version__
from understudy.convert.animation import at_frame
from understudy.convert.matte.artist_mattes import ArtistMattes
from understudy.convert.new_face import MadeOf
from understudy.convert.plate_measures import GRAIN_FRAMES
from understudy.errors import UnderstudyError
from understudy.extraction.shot import Shot
from understudy.faceset.aligned import evenly
from understudy.faceset.record import Face
from understudy.faceset.store import Faceset
from understudy.json_reader import parse_json
from understudy.model.store import model_digest
from understudy.plate.files import stamp
from understudy.plate.header import FINGERPRINT
from understudy.plate.layers import is_complete
from understudy.plate.picture import text_attribute
from understudy.settings import ConversionOptions, ConvertSettings, WritingOptions
from understudy.tracks.track import TRACKS

UNTOLD = "what they were made of is not told"
"""Why a frame of an older version, or of another program, is made again."""

_NO_PICTURE = {"convert_batch", "holdout", "roto"}
"""Options of the look that make no other picture, and mattes, of which the files count."""

_OF_THE_SHOT = {
    "extra_layers",
    "reference_frames",
    "forbidden_frames",
    "layer",
    "view",
    *WritingOptions.model_fields,
} - {
    "force",
    "keep",
}

_OF_THE_FRAME = {"plate", "holdout", "roto", *ConversionOptions.model_fields}
"""What may differ from frame to frame of one shot: its files, and options, which animate."""

Fingerprint = Mapping[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody who is swapped: what makes the new face, and all the shot has of the face in the plate."""

    made: MadeOf
    faces: Mapping[int, Face]


class Fingerprints:
    """The fingerprints of a shot's frames."""

    def __init__(
        self, settings: ConvertSettings, shot: Shot, mattes: ArtistMattes, faceset: Faceset, people: Sequence[Person]
    ) -> None:
        """``people`` in the order in which they are laid, their faces of ``faceset``."""
        self._settings, self._shot, self._mattes = settings, shot, mattes
        wanted = settings.model_dump(mode="json", include=_OF_THE_SHOT)
        self._of_the_shot: dict[str, Any] = {
            "version": __version__,
            "colour": _digest(shot.space.name, shot.colour.working, _configuration(shot.colour.config)),
            **{name: value for name, value in wanted.items() if value},
        }
        if settings.extra_layers and (solved := faceset.text(TRACKS)) is not None:
            self._of_the_shot["tracks"] = _digest(solved)
        for number, person in enumerate(people, 1):
            label = "" if len(people) == 1 else f"_p{number}"
            self._of_the_shot[f"faces{label}"] = self._faces(faceset, person.faces)
            name = "source" if person.made.renderer == "footage" else "model"
            self._of_the_shot[f"{name}{label}"] = _made_of(person.made)

    def of(self, frame: int) -> Fingerprint:
        """The fingerprint that ``frame`` would be written with now."""
        look = at_frame(self._settings, frame).model_dump(mode="json", include=set(ConversionOptions.model_fields))
        # A network measures its colours over the whole shot, with the morph of each frame.
        look["morph"] = str(self._settings.morph)
        files = {
            name: _digest(_short(matte.plate.path(frame)), matte.channel)
            for name in ("holdout", "roto")
            if (matte := getattr(self._mattes, name)) is not None
        }
        return {
            **self._of_the_shot,
            **{name: value for name, value in look.items() if name not in _NO_PICTURE},
            **files,
            "plate": plate_frame(self._shot.plate.path(frame)),
        }

    def _faces(self, faceset: Faceset, faces: Mapping[int, Face]) -> str:
        """All faces of a person, and the frames of the plate on which the shot's grain is measured."""
        grain = evenly(list(faces.values()), GRAIN_FRAMES)
        return _digest(
            faceset.stamps(faces.values()),
            [_short(self._shot.plate.path(face.frame)) for face in grain],
        )


def plate_frame(path: Path) -> str:
    """What tells a frame of the plate from one that replaces it."""
    return _digest(_short(path))


def text_of(fingerprint: Fingerprint) -> str:
    """A fingerprint as it stands in a header."""
    return json.dumps(fingerprint, sort_keys=True, separators=(",", ":"))


def told_by(path: Path) -> Fingerprint | None:
    """The fingerprint in the header of the picture ``path``; None where it tells none."""
    try:
        return parsed(text_attribute(path, FINGERPRINT))
    except UnderstudyError:
        return None


def parsed(text: object) -> Fingerprint | None:
    """The fingerprint in an attribute's ``text``; None for what is none."""
    try:
        told = parse_json(text, largest=1 << 16) if isinstance(text, str) else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def differences(old: Fingerprint | None, new: Fingerprint) -> list[str]:
    """What of ``new`` is otherwise than in ``old``, by name; UNTOLD alone where there is no ``old``."""
    if old is None:
        return [UNTOLD]
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def of_the_shot(fingerprint: Fingerprint) -> Fingerprint:
    """What of it must be the same for all frames of a shot."""
    return {name: value for name, value in fingerprint.items() if name not in _OF_THE_FRAME}


def unlike(number: int, told: object, other: tuple[int, object]) -> str | None:
    """A clause about what a frame was made of otherwise than the ``other`` one of its shot, by what their headers tell."""
    own, first = parsed(told), parsed(other[1])
    if own is None or first is None:
        return (
            None if own is first else f"frame {number if own is None else other[0]} does not tell what it was made of"
        )
    names = differences(of_the_shot(first), of_the_shot(own))
    return f"it was made with another {', '.join(names)} than frame {other[0]}" if names else None


@dataclass(frozen=True)
class Todo:
    """Which frames are to be written, and what is said of those that are there."""

    frames: tuple[int, ...]
    changed: Mapping[str, int]  # what is otherwise than when frames were made, to how many of them
    kept: int  # frames that are left alone though something is otherwise

    def notes(self, count: int) -> list[str]:
        """Sentences about it; ``count`` is that of all frames."""
        why = ", ".join(f"{name} ({number})" if number > 1 else name for name, number in self.changed.items())
        same = count - len(self.frames) - self.kept
        told = [f"{same} of {count} frames are there already, made of the same, and are kept."] if same else []
        if self.kept:
            told.append(f"{self.kept} of {count} frames are kept as they are (--keep), though this changed: {why}.")
        elif self.changed:
            told.append(f"Frames are made again, for this changed since they were made: {why}. --keep would keep them.")
        return told


def due(frames: Mapping[int, Path], channels: Sequence[str], prints: Fingerprints, *, force: bool, keep: bool) -> Todo:
    """Which of ``frames``, by their files, have to be written: those that lack pixels or ``channels``, or were made of
    something else than now; all with ``force``, of those that were made of something else none with ``keep``.
    """
    if force:
        return Todo(tuple(frames), {}, 0)
    todo, changed, kept = list[int](), Counter[str](), 0
    for frame, path in frames.items():
        if not is_complete(path, channels):
            todo.append(frame)
        elif unlike := differences(told_by(path), prints.of(frame)):
            changed.update(unlike)
            if keep:
                kept += 1
            else:
                todo.append(frame)
    return Todo(tuple(todo), dict(changed.most_common()), kept)


def _made_of(made: MadeOf) -> str:
    """A model by its weights, or the source's whole faceset."""
    if made.renderer == "network":
        return model_digest(made.path)
    faceset = Faceset.open(made.path)
    return _digest(faceset.stamps(faceset.faces()))


def _configuration(config: str) -> object:
    """An OCIO configuration by its file, or by its name where it is built in."""
    path = Path(config)
    return _short(path) if path.is_file() else config


def _short(path: Path) -> tuple[int, int]:
    """Size in bytes and time in microseconds: what survives on every file system of a farm."""
    _, size, time = stamp(path)
    return size, time // 1000


def _digest(*parts: object) -> str:
    return hashlib.blake2b(json.dumps(parts, default=str).encode(), digest_size=8).hexdigest()
