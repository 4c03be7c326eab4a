"""SMPTE 12M timecode: the packed word that EXR and DPX hold, and counting with it."""

from __future__ import annotations

import re

_DROP = 1 << 6
_TEXT = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")


def parse_timecode(text: str, fps: tuple[int, int]) -> tuple[int, int] | None:
    """The packed pair of ``HH:MM:SS:FF`` (``;`` before the frames: drop frame).

    None for other text, and above 30 frames a second: the packed word has no room for frames over 39.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None or _rate(fps) > 30:
        return None
    hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
    return _pack(hours, minutes, seconds, frames, drop=match[4] != ":"), 0


def format_timecode(timecode: tuple[int, int]) -> str:
    """``timecode`` as ``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` for drop frame."""
    word, _ = timecode
    hours, minutes, seconds, frames = (_from_bcd(word >> shift & mask) for shift, mask in _FIELDS)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if word & _DROP else ':'}{frames:02d}"


def advance(timecode: tuple[int, int], frames: int, fps: tuple[int, int]) -> tuple[int, int]:
    """``timecode`` a number of ``frames`` later, wrapping at midnight; flags and user data are kept.

    Drop frame skips the numbers 0 and 1 at each minute that is not a multiple of ten (SMPTE 12M-1).
    """
    rate = _rate(fps)
    word, user = timecode
    drop = bool(word & _DROP)
    hours, minutes, seconds, frame = (_from_bcd(word >> shift & mask) for shift, mask in _FIELDS)
    minute = hours * 60 + minutes
    count = (minute * 60 + seconds) * rate + frame - (2 * (minute - minute // 10) if drop else 0) + frames
    per_day = 24 * 60 * 60 * rate - (2 * 9 * 6 * 24 if drop else 0)
    count %= per_day
    if drop:
        per_minute, per_ten = 60 * rate - 2, 600 * rate - 18
        tens, rest = divmod(count, per_ten)
        # The first minute of each ten keeps all its numbers, so the later ones start two numbers late.
        count += 18 * tens + (2 * ((rest - 2) // per_minute) if rest >= 2 else 0)
    seconds, frame = divmod(count, rate)
    packed = _pack(seconds // 3600, seconds // 60 % 60, seconds % 60, frame, drop=drop)
    kept = word & ~sum(mask << shift for shift, mask in _FIELDS) & ~_DROP
    return packed | kept, user


_FIELDS = ((24, 0x3F), (16, 0x7F), (8, 0x7F), (0, 0x3F))
"""Bit position and mask of hours, minutes, seconds and frames, each two binary-coded decimal digits."""


def _pack(hours: int, minutes: int, seconds: int, frames: int, *, drop: bool) -> int:
    values = (hours, minutes, seconds, frames)
    word = sum(_to_bcd(value) << shift for value, (shift, _) in zip(values, _FIELDS, strict=True))
    return word | (_DROP if drop else 0)


def _rate(fps: tuple[int, int]) -> int:
    """Frame numbers in one second of timecode: 24 for 23.976."""
    return round(fps[0] / fps[1])


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _from_bcd(value: int) -> int:
    return (value >> 4) * 10 + (value & 0xF)
