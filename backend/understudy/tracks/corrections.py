"""What the artist says of a shot's faces: a keyframed document apart from the faceset, which extraction obeys.

A document, as a person writes it::

    {"kind": "understudy corrections", "version": 1,
     "cuts": {"add": [1024], "remove": [1031]},
     "faces": [{"point": [1001, 640, 360],
                "reject": "1005-1007",
                "boxes": [{"keys": [{"frame": 1010, "box": [500, 200, 700, 440]},
                                    {"frame": 1020, "box": [520, 200, 720, 440]}]}],
                "head": [{"interpolation": "smooth", "keys": [{"frame": 1001, "turn": [5, 0, 0]},
                                                              {"frame": 1009, "turn": [0, 0, 0]}]}],
                "landmarks": [{"points": ["left_eye", 30], "keys": [{"frame": 1003, "move": [2, -1]}]}],
                "split": [1040], "join": [{"track": 3}]}]}

A face is named by a point of the plate that lies in its box on a frame, which stays true when the shot is extracted
again, or by its track's number. Lengths are plate pixels, from the display window's top left corner. A curve speaks for
the frames from its first to its last key and for no others, or with ``hold`` for all frames of the face.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from understudy.errors import UnderstudyError, UsageError
from understudy.imaging.affine import SQUARE, Stretch
from understudy.json_reader import parse_json
from understudy.plate.files import write_text
from understudy.plate.ranges import parse_range
from understudy.settings import Options, first_problem
from understudy.tracks.curves import Interpolation
from understudy.tracks.formats.values import text_of
from understudy.tracks.landmark_names import indices

KIND = "understudy corrections"
_FORM = "The file's form is told in understudy/tracks/corrections.py."

XY = tuple[float, float]
Box = tuple[float, float, float, float]


def _stated(check: Any) -> Any:
    """``check`` with an Understudy error turned into the ValueError that pydantic reports with its place."""

    def checked(value: Any) -> Any:
        try:
            check(value)
        except UnderstudyError as error:
            raise ValueError(error.message.rstrip(".")) from error
        return value

    return AfterValidator(checked)


def _not_empty(box: Box) -> Box:
    if box[2] <= box[0] or box[3] <= box[1]:
        raise ValueError("a box is x0, y0, x1, y1 with x1 > x0 and y1 > y0")
    return box


class Who(Options):
    """A face of the shot: a track's number, or a point (frame, x, y) inside the face's box."""

    track: int | None = None
    point: tuple[int, float, float] | None = None

    @model_validator(mode="after")
    def _one(self) -> Who:
        if (self.track is None) == (self.point is None):
            raise ValueError("name the face by either track or point")
        return self


class Curve(Options):
    """Keys in ascending order; what they hold is up to the kind of curve."""

    interpolation: Interpolation = "linear"
    hold: bool = False
    keys: tuple[Any, ...]

    ALIKE: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Fields of a key that exclude each other, group by group. Every key of a curve has the same fields."""

    @model_validator(mode="after")
    def _in_order(self) -> Curve:
        if not self.keys:
            raise ValueError("a curve needs at least one key")
        for before, after in pairwise(self.frames):
            if before == after:
                raise ValueError(f"two keys on frame {after}")
            if before > after:
                raise ValueError(f"the key on frame {after} comes after that on frame {before}")
        for group in self.ALIKE:
            for key in self.keys:
                if sum(getattr(key, name) is not None for name in group) > 1:
                    raise ValueError(f"the key on frame {key.frame} has more than one of {', '.join(group)}")
        names = [name for group in self.ALIKE for name in group]
        given = [[name for name in names if getattr(key, name) is not None] for key in self.keys]
        for key, own in zip(self.keys, given, strict=True):
            if names and not own:
                raise ValueError(f"the key on frame {key.frame} sets none of {', '.join(names)}")
            if own != given[0]:
                raise ValueError(f"the key on frame {key.frame} does not set what the first key sets")
        return self

    @property
    def frames(self) -> tuple[int, ...]:
        return tuple(key.frame for key in self.keys)


class LandmarkKey(Options):
    """Where the points of a curve are on a frame: ``move``d by an offset, or ``at`` a place for each."""

    frame: int
    move: XY | None = None
    at: tuple[XY, ...] | None = None


class LandmarkCurve(Curve):
    """Landmarks that the artist moves; names and groups are those of tracks/landmark_names.py."""

    points: Annotated[tuple[str | int, ...], Field(min_length=1), _stated(indices)]
    keys: tuple[LandmarkKey, ...]

    ALIKE: ClassVar[tuple[tuple[str, ...], ...]] = (("move", "at"),)

    @model_validator(mode="after")
    def _as_many_places(self) -> LandmarkCurve:
        count = len(indices(self.points))
        for key in self.keys:
            if key.at is not None and len(key.at) != count:
                raise ValueError(f"the key on frame {key.frame} gives {len(key.at)} places for {count} points")
        return self


class HeadKey(Options):
    """How the head stands on a frame: yaw, pitch, roll in degrees, place of its origin and size, each set or changed."""

    frame: int
    pose: tuple[float, float, float] | None = None  # yaw, pitch, roll
    turn: tuple[float, float, float] | None = None  # added to yaw, pitch, roll
    at: XY | None = None  # where the head's origin, the centre of the mean face, is seen
    move: XY | None = None  # added to that place
    size: Annotated[float, Field(gt=0)] | None = None  # plate pixels per mean-face unit
    grow: Annotated[float, Field(gt=0)] | None = None  # factor of the size


class HeadCurve(Curve):
    """Poses, places and sizes of the head. Set poses turn along the shortest arc."""

    keys: tuple[HeadKey, ...]

    ALIKE: ClassVar[tuple[tuple[str, ...], ...]] = (("pose", "turn"), ("at", "move"), ("size", "grow"))


class BoxKey(Options):
    """The face's box on a frame."""

    frame: int
    box: Annotated[Box, AfterValidator(_not_empty)]


class BoxCurve(Curve):
    """Boxes in which the face is, whether anything was detected there or not: on every frame from key to key."""

    keys: tuple[BoxKey, ...]
    hold: Literal[False] = False  # a face that is forced without end is no word about a frame


class FaceCorrections(Who):
    """All that is said of one face."""

    reject: Annotated[str, _stated(parse_range)] | None = None  # frames in Nuke form on which what was found is no face
    split: tuple[int, ...] = ()  # frames from which on it is somebody else
    join: tuple[Who, ...] = ()  # tracks that are this person too
    boxes: tuple[BoxCurve, ...] = ()
    head: tuple[HeadCurve, ...] = ()
    landmarks: tuple[LandmarkCurve, ...] = ()

    @property
    def rejected(self) -> frozenset[int]:
        return frozenset(parse_range(self.reject)) if self.reject else frozenset()


class Cuts(Options):
    """Frames that begin a new shot, and frames that were taken for that and do not."""

    add: tuple[int, ...] = ()
    remove: tuple[int, ...] = ()


class Corrections(Options):
    """The artist's word on one shot."""

    kind: Literal["understudy corrections"] = "understudy corrections"
    version: Literal[1] = 1
    cuts: Cuts = Cuts()
    faces: tuple[FaceCorrections, ...] = ()

    @field_validator("faces")
    @classmethod
    def _each_once(cls, faces: tuple[FaceCorrections, ...]) -> tuple[FaceCorrections, ...]:
        for one, count in Counter((face.track, face.point) for face in faces).items():
            if count > 1:
                raise ValueError(f"two entries for {said(Who(track=one[0], point=one[1]))}")
        return faces

    def check(self, frames: Sequence[int]) -> None:
        """Raise :class:`UsageError` when something is said of a frame outside the shot's first to last of ``frames``."""
        first, last = min(frames), max(frames)
        for frame, what in self._mentioned():
            if not first <= frame <= last:
                raise UsageError(
                    f"The corrections have {what} on frame {frame}, outside the shot's frames {first}-{last}.",
                    "Take it out, or extract all the frames that the corrections are for.",
                )

    def in_square(self, stretch: Stretch) -> Corrections:
        """The same word about a plate whose pixels ``stretch`` makes square."""
        if stretch == SQUARE:
            return self
        return Corrections.model_validate(_stretched(self.model_dump(exclude_unset=True), stretch))

    @property
    def changes_people(self) -> bool:
        """Whether anything is said of who is whom, or nobody."""
        return any(face.reject or face.split or face.join for face in self.faces)

    def _mentioned(self) -> Iterator[tuple[int, str]]:
        yield from ((frame, "a cut") for frame in (*self.cuts.add, *self.cuts.remove))
        for face in self.faces:
            for who in (face, *face.join):
                if who.point is not None:
                    yield who.point[0], "a point"
            yield from ((frame, "a rejection") for frame in sorted(face.rejected))
            yield from ((frame, "a split") for frame in face.split)
            for what, curves in (("box", face.boxes), ("head", face.head), ("landmark", face.landmarks)):
                yield from ((frame, f"a {what} key") for curve in curves for frame in curve.frames)

    def to_json(self) -> str:
        """The document as JSON text, a key a line, without what is left at its default."""
        said_only = self.model_dump(mode="json", exclude_defaults=True)
        return _laid_out({"kind": KIND, "version": 1} | said_only) + "\n"


def _stretched(said: Any, stretch: Stretch) -> Any:
    """Places and boxes of a document's data in square pixels."""
    if isinstance(said, list | tuple):
        return [_stretched(one, stretch) for one in said]
    if not isinstance(said, dict):
        return said
    changed = {name: _stretched(value, stretch) for name, value in said.items()}
    if changed.get("point") is not None:
        frame, *place = said["point"]
        changed["point"] = [frame, *np.multiply(place, stretch).tolist()]
    if changed.get("box") is not None:
        changed["box"] = (np.asarray(said["box"]) * (*stretch, *stretch)).tolist()
    for name in ("at", "move"):
        if changed.get(name) is not None:
            changed[name] = np.multiply(said[name], stretch).tolist()
    return changed


def _laid_out(value: Any, indent: str = "") -> str:
    """JSON that is broken into lines only around objects that hold objects: a key of a curve stays one line."""
    inside = list(value.values() if isinstance(value, dict) else value) if isinstance(value, dict | list) else []
    if not any(isinstance(item, dict | list) and _holds_an_object(item) for item in inside) and indent:
        return json.dumps(value, ensure_ascii=False)
    deeper = indent + " "
    if isinstance(value, dict):
        lines = [f"{deeper}{json.dumps(name)}: {_laid_out(item, deeper)}" for name, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + _laid_out(item, deeper) for item in value) + f"\n{indent}]"


def _holds_an_object(value: dict[str, Any] | list[Any]) -> bool:
    return isinstance(value, dict) or any(isinstance(item, dict | list) and _holds_an_object(item) for item in value)


def said(who: Who) -> str:
    """``who`` in words."""
    if who.point is None:
        return f"track {who.track}"
    frame, x, y = who.point
    return f"the face at ({x:g}, {y:g}) on frame {frame}"


def load(path: str | Path) -> Corrections:
    """Read a corrections file.

    Raises MissingInputError when it is not there, UnreadableError when it is empty, and UsageError that names the first
    thing that is wrong in it.
    """
    hint = f'A file that corrects nothing holds {{"kind": "{KIND}", "version": 1}}.'
    return parse(text_of(Path(path), "corrections file", hint), str(path))


def parse(text: str, name: str = "the corrections") -> Corrections:
    """Read a corrections document; raises :class:`UsageError` that names the first thing that is wrong in it."""
    try:
        document = Corrections.model_validate_json(text)
        parse_json(text)  # what pydantic reads by itself has no limits
    except ValidationError as error:
        problem = first_problem(error).replace("Value error, ", "").replace("Input should be 1", "this version reads 1")
        raise UsageError(f"{name} is not a corrections document: {problem}.", _FORM) from None
    except ValueError as error:
        raise UsageError(f"{name} is not a corrections document: {error}.", _FORM) from None
    if not {"kind", "version"} <= document.model_fields_set:
        raise UsageError(
            f'{name} does not say "kind": "{KIND}" and "version": 1.', "A corrections document begins with both."
        )
    return document


def save(path: str | Path, corrections: Corrections) -> None:
    """Write a corrections file, whole or not at all. Raises OutputError."""
    write_text(path, corrections.to_json())
