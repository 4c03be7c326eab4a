"""Curves that stay small, the time that is left, and the last words of a log."""

from itertools import pairwise

import pytest
from link.messages import last_sentence
from link.progress import Curves, Pace


def test_a_long_curve_is_thinned_evenly_and_keeps_both_ends():
    curves = Curves(most=100)
    for step in range(0, 100_000, 10):
        curves.add("loss", step, step / 2)
        assert len(curves.points["loss"]) <= 100
        assert curves.points["loss"][-1] == (step, step / 2)
    points = curves.points["loss"]
    gaps = [b[0] - a[0] for a, b in pairwise(points)]
    assert points[0] == (0, 0.0) and len(points) >= 40
    assert max(gaps[:-1]) <= 2.5 * min(gaps[:-1])


def test_a_resumed_run_replaces_what_it_does_again():
    curves = Curves()
    for step, value in ((1, 1.0), (2, 0.9), (3, 0.8), (2, 0.7), (4, 0.6)):
        curves.add("loss", step, value)
    assert curves.points["loss"] == [(1, 1.0), (2, 0.7), (4, 0.6)]


def test_time_left_follows_the_recent_pace():
    pace, frames = Pace(), ("", "frames", 100)
    assert pace.seconds_left is None
    pace.add(0.0, frames, 0)
    assert pace.seconds_left is None
    for n in range(1, 11):
        pace.add(10.0 * n, frames, n)  # slow: ten seconds a frame
    assert pace.seconds_left == pytest.approx(900)
    for n in range(11, 81):
        pace.add(100.0 + (n - 10), frames, n)  # then one
    assert pace.seconds_left == pytest.approx(20, rel=0.05)
    pace.add(170.0, ("convert", "frames", 100), 3)  # another stage: nothing is known of it
    assert pace.seconds_left is None


def test_time_left_of_a_long_training_is_known_between_two_permilles():
    pace, what = Pace(), ("", "permille", 1000)
    for second in range(0, 3601, 5):  # ten hours: a permille takes 36 s
        pace.add(float(second), what, second // 36)
    assert pace.seconds_left == pytest.approx(9 * 3600, rel=0.05)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], ""),
        (["understudy: No face was found.", "hint: Look again.", "later noise"], "No face was found."),
        (["Traceback (most recent call last):", '  File "x.py", line 1', "ValueError: bad", ""], "ValueError: bad"),
        (["bash: line 1: understudy: command not found"], "bash: line 1: understudy: command not found"),
        (["╭─ Parsing error ────╮", "│ Unrecognized options: --x │", "╰──────╯"], "Unrecognized options: --x"),
        (["Fatal Python error: Segmentation fault", '{"event": "progress"}'], "Fatal Python error: Segmentation fault"),
        (["W0000 00:00:17 x.cc:114] Feedback manager", "INFO: Created delegate", "----"], ""),
    ],
)
def test_the_reason_is_found_among_the_last_lines(lines, sentence):
    assert last_sentence(lines) == sentence
