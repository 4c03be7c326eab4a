"""The one reader of JSON: what it gives is of a bearable size and depth, and its numbers are finite."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

LARGEST = 64 << 20
"""Bytes, or letters, of a document at most, where its reader does not expect more."""

DEEPEST = 48
"""How many lists and objects may stand in each other."""

_FAST = 1 << 20  # letters from which on each number is not looked at one by one
_EXPONENT = re.compile(r"[eE]\+?0*[1-9]\d\d")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(document: str | bytes, *, largest: int = LARGEST, nan: bool = False) -> Any:
    """The value of a JSON ``document`` in UTF-8.

    Raises ``ValueError`` that says in a few words why it cannot be taken: it is no JSON, larger than ``largest``, nested
    deeper than :data:`DEEPEST`, or has a number that is infinite, no number (allowed with ``nan``, as our own logs write
    it), or a whole number of more than 64 bits.
    """
    if len(document) > largest:
        raise ValueError(f"it is larger than {largest >> 20} MiB")
    text = document if isinstance(document, str) else document.decode("utf-8-sig")
    check_each = len(text) <= _FAST or _EXPONENT.search(text)
    try:
        value = json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite if check_each else None,
            parse_constant=float if nan else _no_number,
        )
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise ValueError(f"Invalid JSON: {error}") from None
    # Brackets inside texts look like depth as well: only where there seems to be too much of it, it is measured.
    if _depth_at_most(text, DEEPEST) or _depth(value) <= DEEPEST:
        return value
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {DEEPEST} levels deep")


def _whole(digits: str) -> int:
    if len(digits) > 20 or not -(1 << 63) <= (number := int(digits)) < 1 << 63:
        raise ValueError(f"a whole number of {len(digits.lstrip('-'))} digits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if number - number != 0:
        raise ValueError("a number that is too large")
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} where a number is due")


def _depth_at_most(text: str, most: int) -> bool:
    """Whether the brackets of ``text`` are nested at most so deep; False also where those of its texts mislead."""
    brackets = text.encode(errors="replace").translate(None, _ALL_BUT_BRACKETS)
    for _ in range(most):
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return not brackets


def _depth(value: Any) -> int:
    depth, level = 0, [value] if isinstance(value, dict | list) else []
    while level:
        depth += 1
        inside = (item for one in level for item in (one.values() if isinstance(one, dict) else one))
        level = [item for item in inside if isinstance(item, dict | list)]
    return depth
