"""How frame numbers stand in the names of files: padding, signs, and which files make one sequence.

Names only: no folder is part of what is read here, since anything may stand in a folder's name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

PADDING = re.compile(r"#+|@+|%0?[0-9]*d|\$F[0-9]*")
"""A field for the frame number: ``####``, ``@@@@``, ``%04d`` or ``$F4``; the last one of a name counts."""

MOST_DIGITS = 18
"""Longer numbers, which do not fit into 64 bits, are no frame's."""

_NUMBERED = re.compile(r"(?P<before>.*?)(?P<digits>[0-9]+)(?P<after>(?:\.[A-Za-z]\w*)*\.\w+)")
_NUMBER = re.compile(r"(-?)([0-9]+)")
_SEPARATORS = "._- "


@dataclass(frozen=True)
class Numbered:
    """Files that differ by their frame number alone: ``before``, a number of at least ``digits`` digits, ``after``."""

    before: str
    digits: int
    after: str
    files: dict[int, str]  # frame to name

    @property
    def name(self) -> str:
        """The name with ``#`` for each digit."""
        return f"{self.before}{'#' * self.digits}{self.after}"


def field_digits(field: str) -> int:
    """How many digits a padding field asks for, 1 meaning no padding."""
    return len(field) if field[0] in "#@" else int(re.sub(r"\D", "", field) or 1)


def files_of(before: str, digits: int, after: str, names: Iterable[str]) -> dict[int, str]:
    """Frame to name of those of ``names`` that are ``before``, a number padded to ``digits``, ``after``.

    With four digits ``7`` is another sequence's number, and ``10000`` is none. A negative number has its sign among the
    digits (``-002``) as C and Nuke write it, or before all of them (``-0002``) as Blender and 3ds Max do: where both are
    there, those that are more.
    """
    files: dict[int, str] = {}
    within: dict[int, str] = {}
    in_front: dict[int, str] = {}
    for name in names:
        if not (name.startswith(before) and name.endswith(after)):
            continue
        if not (hit := _NUMBER.fullmatch(name, len(before), len(name) - len(after))):
            continue
        sign, written = hit.groups()
        if len(written) > MOST_DIGITS:
            continue
        number = int(written)
        if not sign:
            if f"{number:0{digits}d}" == written:
                files[number] = name
        elif number:
            if f"{-number:0{digits}d}" == sign + written:
                within[-number] = name
            if f"{number:0{digits}d}" == written:
                in_front[-number] = name
    return files | (in_front if len(in_front) > len(within) else within)


def sequences_of(names: Iterable[str]) -> list[Numbered]:
    """The numbered files among ``names`` as sequences, one file being a sequence too, sorted by name."""
    plain: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    dashed: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        if (hit := _NUMBERED.fullmatch(name)) and len(hit["digits"]) <= MOST_DIGITS:
            before, digits, after = hit["before"], hit["digits"], hit["after"]
            if before.endswith("-"):
                dashed[before[:-1], after].append(digits)
            else:
                plain[before, after].append(digits)
    found: list[Numbered] = []
    waiting = [(len(key[0]), key) for key in plain.keys() | dashed.keys()]
    heapify(waiting)
    while waiting:
        # The shortest first: what it does not take for a sign is the end of a longer name.
        length, key = heappop(waiting)
        before, after = key
        if dashed[key] and not _is_minus(before, dashed[key], plain[key]):
            longer = f"{before}-", after
            if longer not in plain and longer not in dashed:
                heappush(waiting, (length + 1, longer))
            plain[longer] += dashed.pop(key)
        found += _by_padding(before, after, plain[key], dashed[key])
    return sorted(found, key=lambda one: one.name)


def _is_minus(before: str, dashed: Sequence[str], plain: Sequence[str]) -> bool:
    """Whether the dash between ``before`` and the digits ``dashed`` is a sign, and no part of the name.

    It is one after another separator, where nothing else speaks against it, and where the numbers without a dash go on
    from those with one.
    """
    if not plain:
        return before == "" or before[-1] in "._"
    if before == "" or before[-1] in _SEPARATORS:
        return True
    return any(int(digits) == 1 for digits in dashed) and any(int(digits) == 0 for digits in plain)


def _by_padding(before: str, after: str, plain: Sequence[str], dashed: Sequence[str]) -> list[Numbered]:
    """The sequences of one name: numbers with leading zeros tell the padding, and those that outgrow it belong to them."""
    if not (plain or dashed):
        return []
    widths = {len(digits) for digits in plain if _is_padded(digits)}
    free = [digits for digits in plain if not any(width <= len(digits) for width in widths)]
    if not plain:
        widths = {len(digits) for digits in dashed if _is_padded(digits)}
        free = [digits for digits in dashed if not any(width <= len(digits) for width in widths)]
    by_width: dict[int, list[str]] = {width: [] for width in widths}
    if free:
        by_width[min(map(len, free))] = list(free)
    for digits in plain:
        if fitting := [width for width in widths if width <= len(digits)]:
            by_width[max(fitting)].append(digits)
    names = {width: [f"{before}{digits}{after}" for digits in held] for width, held in by_width.items()}
    for digits in dashed:
        length = len(digits)
        # The sign may count as one of the digits.
        near = [width for width in (length, length + 1) if width in names] if _is_padded(digits) else []
        width = near[0] if near else max((width for width in names if width <= length + 1), default=min(names))
        names[width].append(f"{before}-{digits}{after}")
    made = [Numbered(before, width, after, files_of(before, width, after, held)) for width, held in names.items()]
    return [one for one in made if one.files]


def _is_padded(digits: str) -> bool:
    return len(digits) > 1 and digits[0] == "0"
