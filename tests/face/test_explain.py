import numpy as np
import pytest
from understudy.face.components.registry import build_detector
from understudy.face.detect import BELOW, KEPT, SMALL, Candidate, DetectionReport, survey
from understudy.face.explain import picture
from understudy.face.interfaces import Detection
from understudy.face.tiles import Tile

WHITE, GREEN, RED, ORANGE = (255, 255, 255), (90, 220, 90), (255, 80, 80), (255, 160, 40)


def candidate(box, verdict: str, score: float = 0.9) -> Candidate:
    return Candidate(Detection(np.array(box, np.float32), score, None, 1.25), Tile(0, 0, 960), verdict)


def drawn(sheet, colour) -> np.ndarray:
    """Where a colour was used: (n, 2) of x and y."""
    return np.argwhere((sheet == colour).all(axis=2))[:, ::-1]


def test_boxes_are_drawn_in_their_places_and_in_the_colour_of_their_verdicts() -> None:
    kept, low, small = [100, 50, 300, 250], [500, 60, 620, 180], [700, 300, 740, 340]
    face = Detection(np.array([110, 60, 310, 260], np.float32), 0.9)
    seen = DetectionReport(
        [face], [candidate(kept, KEPT), candidate(low, f"{BELOW} 0.5", 0.2), candidate(small, SMALL)]
    )
    sheet = picture(np.zeros((540, 960, 3), np.uint8), seen, "Frame 1")
    plate = sheet[:540]
    for colour, box in ((GREEN, kept), (RED, low), (ORANGE, small)):
        for corner in (box[:2], box[2:]):
            assert (plate[corner[1], corner[0]] == colour).all(), colour
    white = drawn(plate, WHITE)
    np.testing.assert_allclose([*white.min(0), *white.max(0)], face.box, atol=3)


@pytest.mark.parametrize(("height", "width"), [(288, 512), (2160, 3840), (900, 300)])
def test_the_picture_is_of_a_size_that_can_be_read_and_seen(height: int, width: int) -> None:
    seen = DetectionReport([], [candidate([width / 2, height / 2, width / 2 + 40, height / 2 + 40], KEPT)])
    sheet = picture(np.zeros((height, width, 3), np.uint8), seen, "Frame 1")
    assert 960 <= sheet.shape[1] <= 1600
    shown = sheet[: round(height * sheet.shape[1] / width)]
    green = drawn(shown, GREEN)
    middle = np.array(shown.shape[1::-1]) / 2
    assert np.linalg.norm(green.min(0) - middle) < 60


def test_each_box_has_a_line_until_the_table_is_full() -> None:
    black = np.zeros((540, 960, 3), np.uint8)
    heights = [
        picture(black, DetectionReport([], [candidate([9, 9, 99, 99], KEPT)] * count), "").shape[0]
        for count in (1, 2, 40, 300)
    ]
    line = heights[1] - heights[0]
    assert line > 14
    assert heights[2] - heights[0] == 39 * line
    assert heights[3] == heights[2] + line


def test_nobody_is_a_picture_too() -> None:
    sheet = picture(np.full((540, 960, 3), 90, np.uint8), DetectionReport([], []), "Frame 7")
    assert (sheet[:540] == 90).all()


def test_every_verdict_of_a_real_search_has_its_colour(rendered) -> None:
    pytest.importorskip("mediapipe")
    image = rendered[0].image
    both = np.concatenate([image, image[::-1, ::-1]], axis=1)
    for minimum in (24, 200):
        seen = survey(build_detector("mediapipe"), both, minimum=minimum)
        assert len({one.verdict for one in seen.candidates}) > 2
        assert picture(both, seen, "Frame 1").dtype == np.uint8
