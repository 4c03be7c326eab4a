"""Sound data spoilt at random, always the same way for the same seed."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

WORDS = (
    b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"-1", b"1e999", b"NaN", b"9" * 400, b"[" * 2000, b'{"a":' * 200,
    b'"', b"\n", b"\r\n\r\n", b"\x1b[31m", b"../../x", b"%n%s", b"A" * 5000, "\u202e\u2028".encode(), b"\xed\xa0\x80",
    b",,,,", b"<script>",
)  # fmt: skip
"""What tends to hurt readers."""

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, -(2**63), 2**64, 10**400, 0.0, -0.0, 1e-320, 1e308, -1e308, 1e38, 1e19,
    float("nan"), float("inf"), "", "0", "NaN", "x" * 70_000, "a\nb\x1b[31m", "\ud800", "\0", "../../x", "AAAA", "AACAfw==",
    [], {}, [[]], [None], {"a": {}}, [0] * 2000, [[1e30, -1e30]] * 68, [[0, 0]] * 68, [0, 0, 0, 0],
)  # fmt: skip
"""What a value of a document is exchanged for."""


NESTED = {f"@{depth}@": depth for depth in (5, 60, 900, 20_000)}
"""What stands for lists in lists, which Python itself could not write as JSON."""


def spoilt_bytes(content: bytes, dice: random.Random) -> bytes:
    """``content`` with bits turned, parts cut out, doubled, moved, filled or overwritten, here and there."""
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8, 40))):
        # Most of what can go wrong is said at the beginning.
        reach = min(len(data), dice.choice((32, 512, 4096, len(data) or 1)))
        at = dice.randrange(reach + 1)
        length = dice.choice((1, 1, 2, 4, 16, 256))
        match dice.randrange(9):
            case 0 | 1 | 2 if data:
                data[at % len(data)] ^= 1 << dice.randrange(8)
            case 3:
                data[at : at + length] = dice.randbytes(length)
            case 4:
                del data[at : at + length]
            case 5:
                data[at:at] = data[at : at + length]
            case 6:
                word = dice.choice(WORDS)
                data[at : at + len(word)] = word
            case 7:
                del data[at:]
            case _:
                data[at : at + length] = bytes(length)
    return bytes(data)


def spoilt_document(document: Any, dice: random.Random) -> bytes:
    """A JSON ``document`` with some of its values exchanged, lost, doubled or nested; sometimes spoilt as bytes as well."""
    document = copy.deepcopy(document)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        places = list(_places(document))
        if not places:
            break
        holder, key = dice.choice(places)
        match dice.randrange(8):
            case 0:
                del holder[key]
            case 1:
                other, there = dice.choice(places)
                holder[key] = copy.deepcopy(other[there])
            case 2:
                holder[key] = dice.choice(list(NESTED))
            case 3 if type(holder[key]) in (int, float) and abs(holder[key]) < 2**62:
                holder[key] *= dice.choice((-1, 0, 1e3, 1e9, 1e300, 0.5))
            case 4 if isinstance(holder[key], str):
                holder[key] = holder[key][: dice.randrange(len(holder[key]) + 1)] + dice.choice(
                    ("", "\n", "x", "é\x1b")
                )
            case _:
                holder[key] = copy.deepcopy(dice.choice(VALUES))
        if holder is not document and dice.randrange(50) == 0:
            break
    text = json.dumps(document).encode()
    for word, depth in NESTED.items():
        text = text.replace(b'"%s"' % word.encode(), b"[" * depth + b"]" * depth)
    return spoilt_bytes(text, dice) if dice.randrange(6) == 0 else text


def nudged_document(document: Any, dice: random.Random) -> bytes:
    """A JSON ``document`` whose form is sound and of whose numbers some are not what they should be."""
    document = copy.deepcopy(document)
    places = [(holder, key) for holder, key in _places(document) if type(holder[key]) in (int, float)]
    for holder, key in dice.sample(places, min(len(places), dice.choice((1, 1, 2, 5, 30)))):
        extremes = (
            0,
            1,
            -1,
            1e7,
            -1e7,
            1e-3,
            1e6,
            2**53,
            16384,
            holder[key] * -1,
            holder[key] * 1e3,
            holder[key] * 1e-3,
        )
        value = dice.choice(extremes) if dice.randrange(3) == 0 else dice.gauss(holder[key], abs(holder[key]) + 1)
        holder[key] = round(value) if isinstance(holder[key], int) else float(value)
    return json.dumps(document).encode()


def _places(value: Any) -> Any:
    """Every place of a document whose value can be exchanged, as holder and key; of long lists the first few."""
    if isinstance(value, dict):
        for key in list(value):
            yield value, key
            yield from _places(value[key])
    elif isinstance(value, list):
        for index in range(min(len(value), 4)):
            yield value, index
            yield from _places(value[index])
