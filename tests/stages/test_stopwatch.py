from __future__ import annotations

import time

import pytest
from understudy.stages.stopwatch import Stopwatch


def test_parts_and_the_rest_make_up_the_whole():
    watch = Stopwatch()
    with watch.running():
        for _ in range(2):
            with watch.part("long"):
                time.sleep(0.04)
            with watch.part("short"):
                time.sleep(0.01)
        time.sleep(0.1)
    shares = watch.shares()
    assert sum(shares.values()) == pytest.approx(1.0)
    assert 0.2 <= watch.wall < 0.5
    assert shares["long"] > 2 * shares["short"] > 0
    assert shares["other"] == pytest.approx(0.1 / watch.wall, abs=0.1)


def test_a_part_that_raises_is_counted_too():
    watch = Stopwatch()
    with pytest.raises(KeyError), watch.running(), watch.part("work"):
        raise KeyError
    assert watch.wall >= watch.seconds["work"] > 0
