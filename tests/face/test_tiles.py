import numpy as np
import pytest
from understudy.face.interfaces import Detection
from understudy.face.tiles import Tile, placed, show, views
from understudy.imaging.affine import apply


def dotted(height: int, width: int, x: int, y: int):
    image = np.zeros((height, width, 3), np.uint8)
    image[y - 4 : y + 4, x - 4 : x + 4] = 255
    return image


def brightest(shown) -> np.ndarray:
    """The centre of all light, pixel centres at +0.5."""
    light = shown[..., 0].astype(np.float64)
    rows, columns = np.indices(light.shape) + 0.5
    return np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum()


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("view", [Tile(0, 0, 300), Tile(-150, -150, 600), Tile(100, 20, 160), Tile(60, -40, 250)])
def test_what_is_shown_lies_where_the_matrix_says(view: Tile, turns: int) -> None:
    turned = Tile(view.left, view.top, view.side, turns)
    shown, matrix = show(dotted(200, 300, 160, 100), turned, 192)
    assert max(shown.shape[:2]) <= 193
    np.testing.assert_allclose(apply(matrix, brightest(shown)[None])[0], [160, 100], atol=view.side / 192)


def test_turns_are_those_of_numpy_and_counterclockwise() -> None:
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    for turns in range(4):
        shown, _ = show(image, Tile(0, 0, 120, turns), 192)
        np.testing.assert_array_equal(shown, np.rot90(image, turns))


def test_the_points_of_a_turned_face_keep_their_own_order() -> None:
    """A face upright in the picture turned by 180 degrees: its first eye is on the right of the plate."""
    _, matrix = show(np.zeros((200, 200, 3), np.uint8), Tile(0, 0, 200, 2), 200)
    points = np.array([(80, 60), (120, 60), (100, 80), (100, 100), (100, 100)], np.float32)
    face = placed(Detection(np.array([70, 40, 130, 120], np.float32), 0.9, points, 0.7), matrix)
    np.testing.assert_allclose(face.box, [70, 80, 130, 160])
    np.testing.assert_allclose(face.points[:2], [(120, 140), (80, 140)])
    assert (face.score, face.raw) == (0.9, 0.7)


@pytest.mark.parametrize(("width", "height"), [(3840, 2160), (1920, 1080), (2160, 3840), (640, 480)])
def test_every_face_is_whole_and_of_a_fitting_size_in_some_square(width: int, height: int) -> None:
    """Neither below a sixteenth of the square, which is what a network sees, nor above nine tenths of it."""
    rng = np.random.default_rng(3)
    squares = list(views(width, height, 384))
    for _ in range(200):
        side = float(np.exp(rng.uniform(np.log(26), np.log(0.9 * min(width, height)))))
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        box = np.array([x, y, x + side, y + side])
        assert any(0.06 < side / view.side < 0.9 and _holds(view, box, width, height) for view in squares), box


def _holds(view: Tile, box, width: int, height: int) -> bool:
    low, high = np.array([view.left, view.top]), np.array([view.left, view.top]) + view.side
    return bool((box[:2] >= low).all() and (box[2:] <= high).all()) and not view.cuts(box, width, height)
