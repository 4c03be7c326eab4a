"""Texts that come from data, made safe to show: in a sentence, on a terminal, in a page.

File names, layer names and the values of damaged documents may be as long as they like, and may hold line breaks,
escape sequences that a terminal obeys, and marks that turn the direction of writing. Whatever a person is shown goes
through here.
"""

from __future__ import annotations

import re
from html import escape

SENTENCE = 399
"""Letters of a sentence at most."""

# Control characters; what turns the direction of writing, or is invisible; halves of surrogate pairs, which stand for
# the bytes of a name that is no UTF-8.
_BREAKS = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]\s*")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")
_UNSAFE_BUT_LINES = re.compile(_UNSAFE.pattern.replace(r"\x00-\x1f", r"\x00-\x09\x0b-\x1f"))


def one_line(text: str, most: int | None = None) -> str:
    """``text`` on one line of at most ``most`` letters, with escapes such as ``\\x1b`` for what must not reach a terminal.

    Where it is too long, letters of its middle are left out: a sentence shows its beginning and its end.
    """
    return shortened(_UNSAFE.sub(_escaped, _BREAKS.sub(" ", text)), most)


def printable(text: str) -> str:
    """``text`` with its line breaks and blanks, and escapes for what must not reach a terminal."""
    return _UNSAFE_BUT_LINES.sub(_escaped, text)


def shortened(text: str, most: int | None) -> str:
    """``text`` in at most ``most`` letters: where it is longer, letters of its middle are left out."""
    if most is None or len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end - 5]} ... {text[len(text) - end :]}"


def plotted(text: str) -> str:
    """``text`` on one line in a plot of matplotlib, which takes what stands between two dollars for mathematics."""
    return one_line(text, 200).replace("$", r"\$")


def markup(text: str) -> str:
    """``text`` in an HTML or SVG page: as the content of an element or of a quoted attribute."""
    return escape(printable(text))


def _escaped(letter: re.Match[str]) -> str:
    number = ord(letter.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
