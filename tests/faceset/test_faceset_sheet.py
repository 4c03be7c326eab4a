import numpy as np
import pytest
from made_faces import make_face, make_pixels
from understudy.errors import FacesetError
from understudy.faceset import sheet
from understudy.faceset.sheet import faceset_sheet


def recorded(monkeypatch) -> dict[str, object]:
    seen: dict[str, object] = {}
    original = sheet.contact_sheet

    def keep(tiles, captions, columns, height, title=""):
        seen.update(tiles=tiles, captions=captions, columns=columns)
        return original(tiles, captions, columns, height, title)

    monkeypatch.setattr(sheet, "contact_sheet", keep)
    return seen


def grey(linear):
    return np.full(linear.shape, 0.5, np.float32)


def test_faces_are_chosen_evenly_from_first_to_last(filled, monkeypatch) -> None:
    seen = recorded(monkeypatch)
    picture = faceset_sheet(filled(21), grey, columns=4, most=5)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert [caption.split()[0] for caption in seen["captions"]] == ["1001", "1006", "1011", "1016", "1021"]
    assert "yaw +12" in seen["captions"][0]
    assert seen["columns"] == 4


def test_fewer_faces_than_asked_are_all_shown_once(filled, monkeypatch) -> None:
    seen = recorded(monkeypatch)
    faceset_sheet(filled(3), grey)
    assert len(seen["tiles"]) == 3


def test_the_least_trusted_is_outlined_and_the_others_are_not(faceset, monkeypatch) -> None:
    seen = recorded(monkeypatch)
    for frame, confidence in [(1, 0.9), (2, 0.2), (3, 0.8)]:
        faceset.add(make_face(frame, confidence=confidence, matrix=np.zeros((2, 3)) - 9), make_pixels())
    faceset_sheet(faceset, grey)
    assert [bool((tile[2, 10:-10] != 0.5).any()) for tile in seen["tiles"]] == [False, True, False]


def test_landmarks_stand_where_the_matrix_puts_them(faceset, monkeypatch) -> None:
    seen = recorded(monkeypatch)
    points = np.full((68, 2), -1e6, np.float32)
    points[0] = 103.0, 52.0
    matrix = np.array([[0.5, 0, -50.0], [0, 0.5, -20.0]])  # to 1.5, 6.0 of 8 pixels
    faceset.add(make_face(landmarks=points, matrix=matrix), make_pixels())
    faceset_sheet(faceset, grey)
    rows, columns = np.nonzero((seen["tiles"][0][8:-8, 8:-8] != 0.5).any(-1))
    assert (rows.mean() + 8, columns.mean() + 8) == (96, 24)


def test_an_empty_faceset_has_no_sheet(faceset) -> None:
    with pytest.raises(FacesetError, match="holds no face"):
        faceset_sheet(faceset, grey)
