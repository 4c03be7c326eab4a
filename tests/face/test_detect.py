import numpy as np
import pytest
from understudy.face.boxes import grouped, intersection_over_union, mean
from understudy.face.detect import find_faces
from understudy.face.interfaces import ComponentCard, Detection


def detection(box, score=0.9, points=None) -> Detection:
    return Detection(np.array(box, np.float32), score, points)


def fuse(boxes: list[Detection]) -> list[Detection]:
    return [mean(group) for group in grouped(boxes)]


class Squares:
    """Sees white squares, as networks see faces: not below ``smallest`` of its view, not those that fill the view."""

    card = ComponentCard("squares", "detector", "", True, "", "")
    side = 400
    smallest = 40

    def __init__(self) -> None:
        self.views: list[tuple[int, int]] = []

    def detect(self, image):
        import cv2

        assert max(image.shape[:2]) <= self.side + 1
        self.views.append(image.shape[:2])
        count, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 127).astype(np.uint8))
        found = []
        for x, y, width, height, _ in stats[1:count]:
            if 36 <= max(width, height) <= 0.8 * max(image.shape[:2]):
                found.append(detection([x, y, x + width, y + height], 0.8))
        return found


def frame(height: int, width: int, *boxes: tuple[int, int, int, int]):
    image = np.zeros((height, width, 3), np.uint8)
    for x0, y0, x1, y1 in boxes:
        image[y0:y1, x0:x1] = 255
    return image


def test_faces_are_listed_from_left_to_right_in_plate_pixels() -> None:
    boxes = [(300, 40, 360, 100), (20, 60, 90, 130), (170, 10, 230, 70)]
    found = find_faces(Squares(), frame(225, 400, *boxes), minimum=40)
    assert [round(float(face.box[0]) / 10) * 10 for face in found] == [20, 170, 300]
    for face, box in zip(found, sorted(boxes), strict=True):
        np.testing.assert_allclose(face.box, box, atol=2)


@pytest.mark.parametrize("box", [(1510, 700, 1552, 742), (660, 330, 705, 375), (5, 1030, 60, 1080)])
def test_a_face_of_the_minimum_is_not_lost_on_a_large_plate(box) -> None:
    found = find_faces(Squares(), frame(1080, 1920, box), minimum=40)
    assert len(found) == 1
    assert intersection_over_union(found[0].box, np.array(box, np.float32)) > 0.8


@pytest.mark.parametrize("side", [40, 90, 200, 400, 800])
def test_every_size_is_found_once(side: int) -> None:
    found = find_faces(Squares(), frame(1080, 1920, (500, 100, 500 + side, 100 + side)), minimum=40)
    assert len(found) == 1
    np.testing.assert_allclose(found[0].box, [500, 100, 500 + side, 100 + side], atol=max(4, side * 0.08))


def test_a_face_that_fills_the_frame_is_found_on_the_reduced_copy() -> None:
    image = frame(400, 400, (8, 8, 392, 392))
    assert not Squares().detect(image)
    found = find_faces(Squares(), image)
    assert len(found) == 1
    np.testing.assert_allclose(found[0].box, [8, 8, 392, 392], atol=6)


def test_the_work_does_not_grow_with_the_plate_when_the_smallest_face_grows_with_it() -> None:
    small, large = Squares(), Squares()
    find_faces(small, frame(540, 960), minimum=40)
    find_faces(large, frame(2160, 3840), minimum=160)
    assert len(small.views) == len(large.views)


def test_what_is_smaller_than_the_minimum_is_left_out() -> None:
    assert not find_faces(Squares(), frame(225, 400, (100, 100, 130, 130)), minimum=40)


def test_a_score_below_the_gate_is_left_out() -> None:
    assert not find_faces(Squares(), frame(225, 400, (100, 100, 160, 160)), score=0.9)


def test_overlapping_boxes_are_fused_by_score() -> None:
    points = np.arange(10, dtype=np.float32).reshape(5, 2)
    one, other = detection([0, 0, 100, 100], 0.9, points), detection([10, 0, 110, 100], 0.6, points + 5)
    (fused,) = fuse([one, other])
    np.testing.assert_allclose(fused.box, [4, 0, 104, 100], atol=1e-4)
    np.testing.assert_allclose(fused.points, points + 2, atol=1e-4)
    assert fused.score == 0.9


def test_fusing_does_not_jump_when_near_equal_scores_change_places() -> None:
    boxes = [0, 0, 100, 100], [12, 0, 112, 100]
    before = fuse([detection(boxes[0], 0.901), detection(boxes[1], 0.900)])[0].box
    after = fuse([detection(boxes[0], 0.900), detection(boxes[1], 0.901)])[0].box
    assert np.abs(before - after).max() < 0.05


def test_the_order_of_the_boxes_does_not_matter() -> None:
    boxes = [detection([i * 7, 0, 100 + i * 9, 100], 0.5 + 0.05 * i) for i in range(6)]
    np.testing.assert_array_equal(fuse(boxes)[0].box, fuse(boxes[::-1])[0].box)


def test_neighbours_stay_two() -> None:
    assert len(fuse([detection([0, 0, 100, 100]), detection([70, 0, 170, 100])])) == 2


def test_the_embedded_detector_finds_every_rendered_face_once(rendered) -> None:
    pytest.importorskip("mediapipe")
    from understudy.face.components.registry import build_detector

    detector = build_detector("mediapipe")
    for picture in rendered:
        found = find_faces(detector, picture.image)
        assert len(found) == 1, f"{picture.sequence} {picture.frame}"
        centre = (found[0].box[:2] + found[0].box[2:]) / 2
        inside = picture.landmarks.min(0), picture.landmarks.max(0)
        assert (inside[0] < centre).all() and (centre < inside[1]).all()


def test_scrfd_finds_a_face_that_fills_the_frame(rendered, pack) -> None:
    from understudy.face.components.registry import build_detector

    detector = build_detector("insightface", pack)
    picture = rendered[0]
    low, high = picture.landmarks.min(0).astype(int), picture.landmarks.max(0).astype(int)
    found = find_faces(
        detector, np.ascontiguousarray(picture.image[low[1] - 25 : high[1] + 5, low[0] - 5 : high[0] + 5])
    )
    assert len(found) == 1
    truth = np.concatenate([[5, 0], high - low + [5, 30]])
    assert intersection_over_union(found[0].box, truth) > 0.7
