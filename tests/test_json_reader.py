"""The one reader of JSON, against the standard library's where both must agree."""

from __future__ import annotations

import json
import math

import pytest
from understudy.json_reader import DEEPEST, parse_json

DOCUMENTS = [
    {"a": [1, -2.5, True, None, 'ü " \\ [[[[ {{{{'], "b": {}},
    [],
    0.1,
    "[" * 1000,
    [[[1.5, 2.0], [3.25, 1e99]]] * 50,
    {"brackets": "]" * 200 + "[" * 200},
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_gives_what_the_standard_library_gives(document: object) -> None:
    text = json.dumps(document)
    assert parse_json(text) == parse_json(text.encode()) == document


def test_a_byte_order_mark_is_no_matter() -> None:
    assert parse_json(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize("kind", ["[]", "{}"])
def test_what_is_too_deep_is_refused_and_what_is_not_is_taken(kind: str) -> None:
    def nested(depth: int) -> str:
        opening = "[" if kind == "[]" else '{"x":'
        return opening * (depth - 1) + kind + ("]" if kind == "[]" else "}") * (depth - 1)

    parse_json(nested(DEEPEST))
    for depth in (DEEPEST + 1, 900, 200_000):
        with pytest.raises(ValueError, match="nested"):
            parse_json(nested(depth))


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "number", ["1e400", "-1e999", "1e0999", "NaN", "Infinity", "-Infinity", str(2**63), "9" * 400, "9" * 5000]
)
def test_a_number_that_no_field_can_hold_is_refused(number: str, large: bool) -> None:
    padding = "1.5," * 300_000 if large else ""
    with pytest.raises(ValueError, match=r"number|digits"):
        parse_json(f"[{padding}{number}]")


def test_numbers_up_to_the_limits_come_back_exactly() -> None:
    assert parse_json(f"[{2**63 - 1}, {-(2**63)}, 5e-324, 1.7e308]") == [2**63 - 1, -(2**63), 5e-324, 1.7e308]


def test_our_own_logs_may_hold_what_is_no_number() -> None:
    assert math.isnan(parse_json('{"loss": NaN}', nan=True)["loss"])


def test_what_is_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        parse_json("[" * (1 << 20) + " ", largest=1 << 20)


@pytest.mark.parametrize("document", ["", "{", "[1,]", "{'a': 1}", b"\xff\xfe", "[1] 2", "\ud800"])
def test_what_is_no_json_is_a_value_error(document: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(document)
