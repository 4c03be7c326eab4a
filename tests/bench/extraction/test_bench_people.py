from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import understudy
from understudy.bench.extraction.people import compare_people, measure_people
from understudy.events import Events
from understudy.face.geometry import HEAD_68, Head
from understudy.tracks.track import Followed, Track

SAMPLE = Path(understudy.__file__).parent / "sample"
PLACES = {frame: np.array([(500.0 - 10 * frame, 100.0), (100.0 + 10 * frame, 100.0)]) for frame in range(40)}
APART = [frame for frame in PLACES if abs(400 - 20 * frame) > 80]


def under(number: int, who: dict[int, int]) -> Track:
    """A track that is on person ``who[frame]``."""
    frames = {}
    for frame, person in who.items():
        head = Head(100.0, np.eye(3), PLACES[frame][person] + (4, -6), 0.0)
        marks = np.zeros((68, 2), np.float32)
        frames[frame] = Followed(frame, np.zeros(4, np.float32), head, marks, marks, None, 0.5, "seen")
    return Track(number, frames, HEAD_68)


def told(*tracks: Track) -> tuple[int, ...]:
    report = compare_people(tracks, PLACES)
    assert report["frames"] == len(APART) == 31
    return tuple(report[name] for name in ("both", "swaps", "breaks", "doubles"))


def test_kept_ids_are_told_from_swapped_and_broken_ones() -> None:
    left, right = dict.fromkeys(PLACES, 0), dict.fromkeys(PLACES, 1)
    assert told(under(0, left), under(1, right)) == (31, 0, 0, 0)
    there, back = ({frame: who if frame < 20 else 1 - who for frame in PLACES} for who in (0, 1))
    both, swaps, *_ = told(under(0, there), under(1, back))
    assert swaps == 2
    assert both < 31
    early, late = ({frame: 0 for frame in PLACES if (frame < 20) is first} for first in (True, False))
    assert told(under(0, early), under(1, right), under(2, late))[1:] == (0, 1, 0)
    assert told(under(0, left), under(1, right), under(2, {3: 0, 4: 0})) == (31, 0, 0, 2)
    assert told(under(0, left)) == (0, 0, 0, 0)
    assert told() == (0, 0, 0, 0)


@pytest.mark.slow
def test_two_people_who_pass_each_other_keep_their_ids() -> None:
    pytest.importorskip("mediapipe")
    report = measure_people(SAMPLE, Events())
    assert report["frames"] == 18
    assert report["both"] >= 17
    assert (report["swaps"], report["breaks"]) == (0, 0)
