from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from understudy.errors import UsageError
from understudy.plate.ranges import MOST_FRAMES, format_range, gaps, parse_range, runs_of, runs_told


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


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ",", "a", "1-", "1-10x0", "1 - 5", "1.5", "1-2x0.5", "1-99999999999", "x2", "1-10000000000000"),
        *("1-10000000000000y2", "1,5-1000005", "9" * 5000, "1-" + "9" * 5000),
    ],
)
def test_anything_else_is_a_usage_error_that_repeats_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_range(text)
    assert repr(text[:70])[:-1] in caught.value.message
    assert len(caught.value.message) < 400


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


def test_a_range_may_be_a_day_s_footage_and_no_more() -> None:
    assert len(parse_range(f"1-{MOST_FRAMES}")) == MOST_FRAMES
    assert parse_range("1-10000000000x5000000000") == [1, 5000000001]
    with pytest.raises(UsageError, match="at most 1000000 frames"):
        parse_range(f"0-{MOST_FRAMES}")


@given(st.sets(st.integers(-50, 300), min_size=1, max_size=60))
def test_gaps_and_runs_are_what_counting_says(frames: set[int]) -> None:
    present = sorted(frames)
    lacking = set(range(-60, 311)) - frames
    assert gaps(present, -60, 310) == runs_of(lacking)
    assert {frame for first, last in runs_of(lacking) for frame in range(first, last + 1)} == lacking
    assert all(one[1] + 1 < two[0] for one, two in zip(runs_of(lacking), runs_of(lacking)[1:], strict=False))


def test_runs_are_told_shortly_however_long_they_are() -> None:
    assert runs_told([(1002, 1002), (1004, 1004), (1006, 1006)]) == "1002-1006x2"
    assert runs_told([(5, 10**15)]) == f"5-{10**15}"
    assert runs_told(runs_of(range(0, 10**5, 7))).count(",") == 7
    assert runs_told([]) == ""


@pytest.mark.parametrize(
    "text",
    [
        "1-10000000000000",
        "1-9,0-99999999999x3",
        "1-10000000000000x1000",
        "9" * 400,
        "1-" + "9" * 5000,
        "-1--" + "7" * 20,
        " \u06631000000000000010000000000000",
        "-5-310000000000000:\u066310000000000000",
        "1.0-10000000000000.0",
        "1-\uff11000000000000",
    ],
)
def test_more_frames_than_a_shot_has_are_refused_at_once_in_a_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="frame") as refused:
        parse_range(text)
    assert len(refused.value.message) < 200


def test_a_time_of_day_is_a_frame_number_like_another() -> None:
    assert parse_range("20240131123456-20240131123459x3") == [20240131123456, 20240131123459]
