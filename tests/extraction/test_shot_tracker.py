from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from understudy.extraction.detection_pass import visible
from understudy.extraction.shot_tracker import ShotTracker, follow
from understudy.face.tracker import USUAL
from understudy.faceset.journal import Entry, Sighting
from understudy.plate.frame import Frame, Header, Window
from understudy.tracks.cuts import CutRule

SMALL = np.random.default_rng(1).integers(0, 255, (24, 24), np.uint8)
OTHER = np.random.default_rng(2).integers(0, 255, (24, 24), np.uint8)
ANN, BEN = np.eye(8, dtype=np.float32)[:2]


def face(x: float, found: bool = True, identity: np.ndarray | None = None, y: float = 100.0) -> Sighting:
    box = np.array([x - 30, y - 30, x + 30, y + 30], np.float32)
    return Sighting(box, found, 0.9 if found else 0.0, None, None, 0.0, None, identity)


def shot(*frames: list[Sighting]) -> list[Entry]:
    return [Entry("p", 1001 + index, SMALL, tuple(faces)) for index, faces in enumerate(frames)]


def by_track(entries: list[Entry], rule: CutRule | None = None) -> dict[int, list[tuple[int, bool]]]:
    tracks: dict[int, list[tuple[int, bool]]] = {}
    for one in follow(entries, rule or CutRule())[0]:
        tracks.setdefault(one.track, []).append((one.frame, one.sighting.found))
    return tracks


def test_a_place_that_was_looked_at_belongs_to_a_track_that_comes_back() -> None:
    entries = shot([face(100)], [face(104)], [face(107, found=False)], [face(110, found=False)], [face(116)])
    spotted, cuts = follow(entries, CutRule())
    assert [(one.frame, one.track, one.sighting.found) for one in spotted] == [
        (1001, 0, True), (1002, 0, True), (1003, 0, False), (1004, 0, False), (1005, 0, True),
    ]  # fmt: skip
    assert cuts == ()
    assert [one.index for one in spotted] == [0] * 5
    assert np.array_equal(spotted[2].box, entries[2].sightings[0].box)


def test_nobody_is_where_a_track_never_comes_back() -> None:
    assert by_track(shot([face(100)], [face(104)], [face(107, found=False)], [])) == {0: [(1001, True), (1002, True)]}


def test_a_place_far_from_where_the_track_is_expected_is_not_its_own() -> None:
    entries = shot([face(100)], [face(104)], [face(180, found=False)], [face(112)])
    assert by_track(entries) == {0: [(1001, True), (1002, True), (1004, True)]}


def test_the_nearer_of_two_places_is_taken() -> None:
    entries = shot(
        [face(100), face(400)], [face(100), face(400)], [face(120, found=False), face(101, found=False)],
        [face(100), face(400)],
    )  # fmt: skip
    (one,) = [one for one in follow(entries, CutRule())[0] if one.frame == 1003]
    assert (one.track, one.index) == (0, 1)


def test_two_people_who_cross_keep_their_tracks_while_one_is_hidden() -> None:
    frames = []
    for step in range(24):
        front, behind = 100 + 10 * step, 330 - 10 * step
        hidden = abs(front - behind) < 50
        frames.append([face(front), face(behind, not hidden, y=104)])
    spotted, _ = follow(shot(*frames), CutRule())
    assert all(one.track == one.index for one in spotted)
    assert sum(one.track == 1 and not one.sighting.found for one in spotted) == 4
    assert len(spotted) == 48


def test_two_who_turn_back_behind_each_other_are_rather_broken_than_swapped() -> None:
    frames = []
    for step in range(24):
        front = 100 + 10 * min(step, 24 - step)
        behind = 330 - 10 * min(step, 24 - step)
        frames.append(
            [face(front, identity=ANN), *([face(behind, identity=BEN, y=104)] if behind - front > 50 else [])]
        )
    people: dict[int, set[int]] = {}
    for one in follow(shot(*frames), CutRule())[0]:
        people.setdefault(one.track, set()).add(int(one.identity.argmax()))
    assert all(len(who) == 1 for who in people.values())


def test_tracks_end_at_cuts_found_and_said() -> None:
    entries = shot([face(100)], [face(100)], [face(100)], [face(100)])
    entries[2:] = [replace(entry, small=OTHER) for entry in entries[2:]]
    assert follow(entries, CutRule())[1] == (1003,)
    assert list(by_track(entries)) == [0, 1]
    assert list(by_track(entries, CutRule(given=frozenset()))) == [0]
    assert by_track(entries, CutRule(given=frozenset({1002})))[0] == [(1001, True)]
    # A place before a cut is nobody's after it.
    entries[1] = replace(entries[1], sightings=(face(100, found=False),))
    assert by_track(entries)[0] == [(1001, True)]


def test_the_same_entries_give_the_same_tracks_also_when_told_in_parts() -> None:
    frames = [[face(100 + 3 * step), face(300 - 2 * step, step % 4 != 2)] for step in range(16)]
    entries = shot(*frames)
    assert by_track(entries) == by_track(entries)
    live, tracks = ShotTracker(CutRule(), USUAL), []
    for entry in entries:
        live.begin(entry.frame, entry.small)
        tracks += live.name(entry.sightings)
    assert tracks == [one.track for one in follow(entries, CutRule())[0] if one.sighting.found]


def test_what_lies_beyond_the_picture_is_not_visible() -> None:
    header = Header(Window(100, 50, 200, 100), Window(0, 0, 400, 200))
    frame = Frame(1001, np.zeros((100, 200, 3), np.float16), None, header)
    points = np.tile(np.float32([(150, 100), (299, 149), (90, 100), (200, 160)]), (17, 1))
    assert visible(frame, points) == pytest.approx(0.5)


def test_a_strange_look_in_somebody_s_very_place_is_that_somebody() -> None:
    seen = [face(100 + 2 * step, identity=BEN if step == 3 else ANN) for step in range(7)]
    assert by_track(shot(*([one] for one in seen))) == {0: [(1001 + step, True) for step in range(7)]}


def test_a_stranger_who_stays_or_stands_beside_or_comes_last_is_another_person() -> None:
    stays = [face(100, identity=BEN if 3 <= step < 6 else ANN) for step in range(9)]
    assert len(by_track(shot(*([one] for one in stays)))[1]) == 3
    beside = [[face(100, identity=ANN)] for _ in range(6)]
    beside[3] = [face(190, identity=BEN)]
    assert by_track(shot(*beside))[1] == [(1004, True)]
    last = [[face(100, identity=BEN if step == 5 else ANN)] for step in range(6)]
    assert by_track(shot(*last))[1] == [(1006, True)]
