from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from understudy.plate.movies.timecode import advance, format_timecode, parse_timecode


def labels(rate: int, drop: bool) -> Iterator[str]:
    """Every label of a day in order, by the rule itself: drop frame leaves out :00 and :01 of most minutes."""
    for minute in range(24 * 60):
        for second in range(60):
            for frame in range(rate):
                if not (drop and second == 0 and frame < 2 and minute % 10):
                    yield f"{minute // 60:02d}:{minute % 60:02d}:{second:02d}{';' if drop else ':'}{frame:02d}"


@pytest.mark.parametrize(("rate", "drop"), [((24, 1), False), ((24000, 1001), False), ((25, 1), False)])
def test_counting_without_drop(rate: tuple[int, int], drop: bool) -> None:
    check(rate, drop)


def test_counting_with_drop_frame() -> None:
    check((30000, 1001), drop=True)


def check(rate: tuple[int, int], drop: bool) -> None:
    day = list(islice(labels(round(rate[0] / rate[1]), drop), 160_000))
    for start in (0, 1, 1798, 1799, 1800, 17981, 17982, 17983, 107890):
        for step in (0, 1, 2, 3, 1798, 1800, 17982, 40000):
            first = parse_timecode(day[start], rate)
            assert first is not None
            assert advance(first, step, rate) == parse_timecode(day[start + step], rate), (start, step)


def test_a_day_ends_at_midnight() -> None:
    assert advance((0x23595923, 0), 1, (24, 1)) == (0, 0)
    assert advance((0x23595969, 0), 1, (30000, 1001)) == (0x00000040, 0)


def test_the_packed_word_is_binary_coded_decimal() -> None:
    assert parse_timecode("00:00:41:17", (24, 1)) == (0x00004117, 0)
    assert parse_timecode("23:59:58;29", (30000, 1001)) == (0x23595869, 0)


def test_flags_and_user_data_are_kept() -> None:
    word, user = advance((0x80004117, 99), 1, (24, 1))
    assert (word, user) == (0x80004118, 99)


@pytest.mark.parametrize(("text", "rate"), [("", (24, 1)), ("1:2", (24, 1)), ("00:00:00:59", (60, 1))])
def test_what_does_not_fit_is_none(text: str, rate: tuple[int, int]) -> None:
    assert parse_timecode(text, rate) is None


@pytest.mark.parametrize("text", ["00:00:00:00", "23:59:59:23", "10:20:30;29"])
def test_a_timecode_is_shown_as_it_is_read(text: str) -> None:
    packed = parse_timecode(text, (30, 1))
    assert packed is not None and format_timecode(packed) == text
