from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from understudy.errors import UsageError
from understudy.plate.ranges import format_range, parse_range


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("7", [7]),
        ("1001-1004", [1001, 1002, 1003, 1004]),
        ("1001-1008x3,1060", [1001, 1004, 1007, 1060]),
        ("1-3 5", [1, 2, 3, 5]),
        (" 1-3 , 5, ", [1, 2, 3, 5]),
        ("5,1-3,2", [1, 2, 3, 5]),
        ("10-7", [7, 8, 9, 10]),
        ("-2-1", [-2, -1, 0, 1]),
        ("1-7y3", [2, 3, 5, 6]),
    ],
)
def test_ranges_give_sorted_unique_frames(text: str, frames: list[int]) -> None:
    assert parse_range(text) == frames


@pytest.mark.parametrize("text", ["", " ", ",", "a", "1-", "1-10x0", "1 - 5", "1.5", "1-2x0.5", "1-99999999999", "x2"])
def test_anything_else_is_a_usage_error_that_repeats_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_range(text)
    assert repr(text) in caught.value.message


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([], ""),
        ([5], "5"),
        ([3, 1, 2, 2], "1-3"),
        ([1001, 1003, 1005, 1007], "1001-1007x2"),
        ([1, 2, 3, 10, 20, 21, 22], "1-3,10,20-22"),
    ],
)
def test_frames_are_told_in_the_compact_form(frames: list[int], text: str) -> None:
    assert format_range(frames) == text


@given(st.sets(st.integers(-50, 3000), min_size=1, max_size=60))
def test_the_compact_form_reads_back_as_the_same_frames(frames: set[int]) -> None:
    assert parse_range(format_range(frames)) == sorted(frames)
