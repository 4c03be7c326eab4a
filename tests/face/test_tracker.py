import numpy as np
import pytest
from understudy.face.detect import find_faces
from understudy.face.interfaces import Detection
from understudy.face.tracker import Tracker


def at(x: float, y: float = 100.0, side: float = 60.0) -> Detection:
    return Detection(np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32), 0.9)


ANN, BEN = np.eye(4, dtype=np.float32)[:2]


def test_two_moving_people_keep_their_numbers_whatever_the_order() -> None:
    tracker = Tracker()
    for frame in range(30):
        people = [at(100 + 5 * frame), at(500 - 4 * frame, 300)]
        forwards = frame % 2 == 0
        numbers = tracker.update(1001 + frame, people if forwards else people[::-1])
        assert numbers == ([0, 1] if forwards else [1, 0])


def test_a_fast_face_is_followed_by_its_velocity() -> None:
    tracker = Tracker()
    for frame, x in enumerate([100, 120, 145, 175, 210, 250, 295, 345]):
        assert tracker.update(frame, [at(x)]) == [0]
    # Five frames on it is almost four face sizes away from where it was, but where it is expected.
    assert tracker.update(12, [at(345 + 5 * 45)]) == [0]


def test_a_gap_of_a_few_frames_is_bridged_and_a_long_one_is_not() -> None:
    tracker = Tracker(gap=5)
    tracker.update(1, [at(100)])
    tracker.update(2, [at(100)])
    for frame in range(3, 8):
        assert tracker.update(frame, []) == []
    assert tracker.update(8, [at(100)]) == [0]
    for frame in range(9, 15):
        tracker.update(frame, [])
    assert tracker.update(15, [at(100)]) == [1]


def test_a_cut_starts_new_numbers() -> None:
    tracker = Tracker()
    assert tracker.update(1, [at(100), at(300)]) == [0, 1]
    assert tracker.update(2, [at(200, 240), at(450, 80, 120)]) == [2, 3]


def test_a_stranger_in_the_same_place_starts_a_new_track() -> None:
    tracker = Tracker()
    assert tracker.update(1, [at(100)], [ANN]) == [0]
    assert tracker.update(2, [at(100)], [BEN]) == [1]


def test_identity_carries_people_through_a_crossing() -> None:
    tracker = Tracker()
    for frame in range(25):
        people = [at(100 + 10 * frame, 100), at(340 - 10 * frame, 110)]
        assert tracker.update(frame, people, [ANN, BEN]) == [0, 1]


def test_in_doubt_a_track_breaks_rather_than_changes_person() -> None:
    tracker = Tracker()
    tracker.update(1, [at(100), at(170)])
    # both might be either of the two
    numbers = tracker.update(2, [at(134), at(136)])
    assert set(numbers).isdisjoint({0, 1})


def test_who_passes_behind_another_comes_out_with_the_same_number() -> None:
    tracker = Tracker()
    for frame in range(30):
        front, behind = at(100 + 8 * frame), at(332 - 8 * frame, 104)
        covered = abs(front.box[0] - behind.box[0]) < 45
        numbers = tracker.update(frame, [front] if covered else [front, behind])
        assert numbers == ([0] if covered else [0, 1])


def test_a_doubt_costs_one_new_track_and_not_one_a_frame() -> None:
    tracker = Tracker()
    tracker.update(1, [at(100), at(170)])
    tracker.update(2, [at(108), at(162)])
    doubtful = tracker.update(3, [at(135)])  # either of the two, or both
    assert doubtful == [2]
    assert [tracker.update(frame, [at(135 + 8 * (frame - 3))]) for frame in range(4, 10)] == [doubtful] * 6


def test_who_was_hidden_is_not_taken_for_the_one_that_was_there() -> None:
    tracker = Tracker()
    for frame in range(6):
        tracker.update(frame, [at(100), at(190 - 10 * frame)])
    tracker.update(6, [at(100)])  # the other is behind, at 130
    (number,) = tracker.update(7, [at(120)])  # just where the other would come out, and nobody at 100
    assert number != 0


def test_a_box_that_another_face_pushes_about_does_not_spoil_the_prediction() -> None:
    tracker = Tracker()
    for frame in range(10):
        behind = at(400 - 12 * min(frame, 8), 125)  # half hidden, the box stays where there is something to see
        tracker.update(frame, [at(120 + 20 * frame), behind])
    for frame in range(10, 15):
        assert tracker.update(frame, [at(120 + 20 * frame)]) == [0]
    assert tracker.update(15, [at(420), at(400 - 12 * 15, 125)]) == [0, 1]


def test_a_slip_of_the_detector_does_not_take_over_who_comes_there_later() -> None:
    tracker = Tracker()
    tracker.update(1, [at(100)])
    for frame in range(2, 6):
        assert tracker.update(frame, []) == []
    assert tracker.update(6, [at(100)]) == [1]


def test_who_comes_back_elsewhere_after_long_is_known_by_identity_alone() -> None:
    tracker = Tracker(gap=3)
    for frame in range(3):
        assert tracker.update(frame, [at(100), at(400)], [ANN, BEN]) == [0, 1]
    for frame in range(3, 20):
        assert tracker.update(frame, [at(400)], [BEN]) == [1]
    assert tracker.update(20, [at(250, 300), at(400)], [ANN, BEN]) == [0, 1]
    assert tracker.update(21, [at(252, 300), at(400)], [ANN, BEN]) == [0, 1]


def test_nobody_is_known_again_in_doubt_or_after_a_cut() -> None:
    for identity, number in ((ANN, 0), (None, 2), ((ANN + BEN) / np.sqrt(2), 2), (np.eye(4, dtype=np.float32)[3], 2)):
        tracker = Tracker(gap=3)
        tracker.update(1, [at(100), at(400)], [ANN, BEN])
        for frame in range(2, 9):
            tracker.update(frame, [at(400)], [BEN])
        assert tracker.update(9, [at(250, 300), at(400)], [identity, BEN]) == [number, 1]
    tracker.cut()
    assert tracker.update(10, [at(100)], [ANN]) == [3]


def test_a_face_without_identity_is_joined_by_place_alone() -> None:
    tracker = Tracker()
    assert tracker.update(1, [at(100)], [ANN]) == [0]
    assert tracker.update(2, [at(103)], [None]) == [0]
    assert tracker.update(3, [at(106)], [ANN]) == [0]


def test_replaying_the_record_rebuilds_the_state() -> None:
    rng = np.random.default_rng(5)
    frames = [[at(100 + 3 * f + rng.normal(0, 2)), at(300 - f, 100, 60 + f)][: 1 + f % 3] for f in range(40)]
    straight = Tracker()
    numbers = [straight.update(f, found) for f, found in enumerate(frames)]
    again = Tracker()
    assert [again.update(f, found) for f, found in enumerate(frames[:25])] == numbers[:25]
    assert [again.update(25 + f, found) for f, found in enumerate(frames[25:])] == numbers[25:]


def test_frames_must_ascend() -> None:
    tracker = Tracker()
    tracker.update(5, [])
    with pytest.raises(ValueError, match="frame 5"):
        tracker.update(5, [])


def test_two_real_people_keep_their_numbers(clip) -> None:
    pytest.importorskip("mediapipe")
    from understudy.face.components.registry import build_detector

    detector, tracker = build_detector("mediapipe"), Tracker()
    places: dict[int, list[float]] = {}
    for frame, picture in enumerate(clip("head-pose-face-detection-female-and-male.gif")):
        found = find_faces(detector, picture)
        for number, face in zip(tracker.update(frame, found), found, strict=True):
            places.setdefault(number, []).append(float(face.box[0] + face.box[2]) / 2)
    assert {number: len(seen) for number, seen in places.items()} == {0: 56, 1: 56}
    assert max(places[0]) < 240 < min(places[1])


def test_small_people_walking_keep_their_numbers(clip) -> None:
    pytest.importorskip("mediapipe")
    from understudy.face.components.registry import build_detector

    detector, tracker = build_detector("mediapipe"), Tracker()
    numbers: set[int] = set()
    count = 0
    for frame, picture in enumerate(clip("face-demographics-walking.gif")):
        found = tracker.update(frame, find_faces(detector, picture, minimum=14))
        numbers |= set(found)
        count += len(found)
    assert len(numbers) == 2
    assert count >= 60


def test_likeness_is_judged_by_what_the_recogniser_means_by_one_person() -> None:
    # dlib's vectors have much in common: 0.9 is somebody else, whom ArcFace's scale would take for the same.
    def vector(cosine: float) -> np.ndarray:
        return np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)

    for same, expected in ((0.93, 1), (0.35, 0)):
        tracker = Tracker(same=same)
        tracker.update(1, [at(100)], [vector(1.0)])
        tracker.update(2, [at(101)], [vector(1.0)])
        assert tracker.update(3, [at(102)], [vector(0.9)]) == [expected]


def test_colours_tell_who_is_whom_where_places_do_not() -> None:
    # Two who stand close together, and move half way between where they were.
    ann, ben = np.zeros(216, np.uint8), np.zeros(216, np.uint8)
    ann[:100], ben[100:] = 20, 20
    for colours, kept in (([ann, ben], [0, 1]), (None, None)):
        tracker = Tracker()
        for frame in range(4):
            assert tracker.update(frame, [at(100), at(140)], None, colours) == [0, 1]
        numbers = tracker.update(4, [at(120, 92), at(120, 108)], None, colours)
        if kept:
            assert numbers == kept
        else:
            assert numbers != [0, 1]
