from __future__ import annotations

import pytest
from made_clock import Clock
from understudy import stopwatch
from understudy.stopwatch import Stopwatch


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    made.put_into(monkeypatch, stopwatch)
    return made


def test_parts_and_the_rest_make_up_the_whole(clock):
    watch = Stopwatch()
    with watch.running():
        for _ in range(2):
            with watch.part("long"):
                clock.sleep(4)
            with watch.part("short"):
                clock.sleep(1)
        clock.sleep(10)
    assert watch.wall == 20
    assert watch.shares() == {"long": 0.4, "short": 0.1, "other": pytest.approx(0.5)}


def test_a_part_that_raises_is_counted_too(clock):
    watch = Stopwatch()
    with pytest.raises(KeyError), watch.running(), watch.part("work"):
        clock.sleep(3)
        raise KeyError
    assert watch.wall == watch.seconds["work"] == 3
