from dataclasses import dataclass

import numpy as np
import pytest
from understudy.errors import AmbiguousFaceError, NoFaceError, UsageError
from understudy.face.choose import Choice, Reference, choose, parse_choice


@dataclass(frozen=True)
class Seen:
    frame: int
    track: int
    box: tuple[float, float, float, float]
    identity: tuple[float, ...] | None = None


def track(number: int, frames, x: float = 100, side: float = 50, identity=None) -> list[Seen]:
    return [Seen(frame, number, (x, 100, x + side, 100 + side), identity) for frame in frames]


def keys(*tracks: list[Seen]) -> set[tuple[int, int]]:
    return {(seen.frame, seen.track) for one in tracks for seen in one}


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("one", Choice("one")),
        ("largest", Choice("largest")),
        ("all", Choice("all")),
        ("index:2", Choice("index", 2)),
        ("track:14", Choice("track", 14)),
        (" one ", Choice("one")),
        ("point:1010,250,99.5", Choice("point", 1010, (250.0, 99.5))),
        ("point:-3,-0.25,7", Choice("point", -3, (-0.25, 7.0))),
    ],
)
def test_choices_are_read(text, choice) -> None:
    assert parse_choice(text) == choice


@pytest.mark.parametrize(
    "text",
    [
        *("", "two", "index", "index:", "index:-1", "track:x", "one:1", "largest 2", "index:1.5"),
        *("point", "point:5", "point:5,1", "point:1.5,1,1", "point:5,x,1", "point:5,1,2,3", "point:5,nan,1"),
    ],
)
def test_a_malformed_choice_is_a_usage_error(text) -> None:
    with pytest.raises(UsageError) as error:
        parse_choice(text)
    assert "index:N" in error.value.hint and "point:FRAME,X,Y" in error.value.hint


def test_one_takes_the_only_person_across_broken_tracks() -> None:
    first, second = track(0, range(10)), track(1, range(12, 20))
    assert choose(first + second, Choice("one")) == keys(first, second)


def test_one_refuses_to_guess_between_two_people_and_names_the_frame() -> None:
    records = track(0, range(1001, 1011)) + track(1, range(1005, 1011), x=300, side=40)
    with pytest.raises(AmbiguousFaceError, match=r"Frame 1005 shows 2 people \(tracks 0 and 1\)") as error:
        choose(records, Choice("one"))
    for way in ("largest", "index:N", "track:N", "all", "reference"):
        assert way in error.value.hint


def test_one_overlooks_a_small_passer_by_also_where_he_stands_alone() -> None:
    person, passer = track(0, range(10), side=80), track(1, range(4, 12), x=300, side=20)
    assert choose(person + passer, Choice("one")) == keys(person)


def test_one_overlooks_a_slip_of_the_detector() -> None:
    person, slip = track(0, range(30)), track(1, [7], x=300)
    assert choose(person + slip, Choice("one")) == keys(person)


def test_largest_never_jumps_to_a_passer_by_for_a_frame() -> None:
    person = track(0, [0, 1, 2, 3, 6, 7, 8, 9], side=50)
    passer = track(1, range(2, 8), x=300, side=45)
    passer[2] = Seen(4, 1, (300, 0, 370, 70))  # for one frame the larger face, while the person is lost
    assert choose(person + passer, Choice("largest")) == keys(person)


def test_largest_goes_on_with_the_next_when_the_first_has_left() -> None:
    first, second = track(0, range(10)), track(1, range(12, 30), x=300, side=30)
    assert choose(first + second, Choice("largest")) == keys(first, second)


def test_largest_takes_one_face_a_frame() -> None:
    first, second = track(0, range(10)), track(1, range(8, 18), x=300, side=40)
    assert choose(first + second, Choice("largest")) == keys(first, second[2:])


def test_index_counts_people_from_the_left() -> None:
    left, middle, right = (track(n, range(5), x=x) for n, x in ((7, 10), (3, 200), (5, 400)))
    everybody = right + left + middle
    assert choose(everybody, Choice("index", 0)) == keys(left)
    assert choose(everybody, Choice("index", 1)) == keys(middle)
    assert choose(everybody, Choice("index", 2)) == keys(right)


def test_index_stays_with_a_person_while_the_other_is_lost_for_a_frame() -> None:
    left, right = track(0, [0, 1, 3, 4], x=10), track(1, range(5), x=300)
    assert choose(left + right, Choice("index", 0)) == keys(left)
    assert choose(left + right, Choice("index", 1)) == keys(right)


def test_an_index_or_track_that_nobody_has_is_no_face() -> None:
    records = track(4, range(3))
    with pytest.raises(NoFaceError, match="index:1"):
        choose(records, Choice("index", 1))
    with pytest.raises(NoFaceError, match="track:0") as error:
        choose(records, Choice("track", 0))
    assert "tracks 4" in error.value.hint
    with pytest.raises(NoFaceError):
        choose([], Choice("one"))


def test_track_and_all() -> None:
    one, other = track(0, range(3)), track(1, range(3), x=300)
    assert choose(one + other, Choice("track", 1)) == keys(other)
    assert choose(one + other, Choice("all")) == keys(one, other)


def test_a_point_takes_the_track_of_the_box_that_holds_it() -> None:
    left, right = track(3, range(5), x=100), track(8, range(2, 9), x=300)
    assert choose(left + right, Choice("point", 3, (325, 120))) == keys(right)
    assert choose(left + right, Choice("point", 0, (100, 100))) == keys(left)  # the edge belongs to the box


def test_where_boxes_overlap_a_point_takes_the_smallest() -> None:
    behind, before = track(0, range(4), x=100, side=100), track(1, range(4), x=120, side=30)
    assert choose(behind + before, Choice("point", 2, (130, 110))) == keys(before)
    assert choose(behind + before, Choice("point", 2, (190, 190))) == keys(behind)


def test_a_point_that_nobody_holds_is_no_face_and_says_who_is_there() -> None:
    records = track(3, range(5), x=100) + track(8, range(2, 9), x=300)
    with pytest.raises(NoFaceError, match=r"No face of frame 3 is at 200, 120\.5\.") as error:
        choose(records, Choice("point", 3, (200, 120.5)))
    assert error.value.hint == "There are track 3 around 125, 125 and track 8 around 325, 125."
    with pytest.raises(NoFaceError, match="frame 40") as error:
        choose(records, Choice("point", 40, (110, 110)))
    assert error.value.hint == "Frames with faces: 0-8."


def test_a_point_on_another_person_than_the_reference_is_no_face() -> None:
    hers, his = track(0, range(3), identity=(1.0, 0.0)), track(1, range(3), x=300, identity=(0.0, 1.0))
    reference = Reference(np.array([1, 0], np.float32), 0.5)
    assert choose(hers + his, Choice("point", 1, (110, 110)), reference) == keys(hers)
    with pytest.raises(NoFaceError):
        choose(hers + his, Choice("point", 1, (310, 110)), reference)


def test_a_reference_leaves_its_own_tracks_only() -> None:
    ann, ben = (1.0, 0.0), (0.2, 0.98)
    hers, his = track(0, range(5), identity=ann), track(1, range(5), x=300, side=80, identity=ben)
    unseen = track(2, range(7, 9))
    reference = Reference(np.array([1, 0], np.float32), 0.5)
    assert choose(hers + his + unseen, Choice("one"), reference) == keys(hers)
    with pytest.raises(NoFaceError, match=r"best cosine is 0\.20"):
        choose(his, Choice("one"), reference)
    with pytest.raises(NoFaceError, match="identity") as error:
        choose(unseen, Choice("one"), reference)
    assert "recogniser" in error.value.hint


def test_one_bad_vector_does_not_break_a_track() -> None:
    hers = track(0, range(5), identity=(1.0, 0.0))
    hers[2] = Seen(2, 0, hers[2].box, (0.0, 1.0))
    hers[3] = Seen(3, 0, hers[3].box, None)
    assert choose(hers, Choice("one"), Reference(np.array([1, 0], np.float32), 0.5)) == keys(hers)
