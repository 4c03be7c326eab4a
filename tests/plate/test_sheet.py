from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from understudy.errors import OutputError
from understudy.plate.sheet import comparison_sheet, contact_sheet, write_png


def flat(height: int, width: int, colour: tuple[float, float, float]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.float32)


RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def test_tiles_stand_in_rows_scaled_to_one_height_and_centred() -> None:
    tiles = [flat(50, 50, RED), flat(30, 90, GREEN), flat(200, 100, BLUE)]
    sheet = contact_sheet(tiles, ["a", "b", "c"], columns=2, tile_height=60)
    assert sheet.dtype == np.uint8
    where = {}
    for name, channel in (("red", 0), ("green", 1), ("blue", 2)):
        mask = (sheet[..., channel] == 255) & (np.delete(sheet, channel, axis=2) == 0).all(axis=2)
        rows, columns = np.nonzero(mask)
        where[name] = (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)
        assert mask.sum() == (rows.max() + 1 - rows.min()) * (columns.max() + 1 - columns.min())
    sizes = {name: (bottom - top, right - left) for name, (top, bottom, left, right) in where.items()}
    assert sizes == {"red": (60, 60), "green": (60, 180), "blue": (60, 30)}
    assert where["red"][0] == where["green"][0] < where["blue"][0]
    # Centred: red and blue share a column of cells.
    assert sum(where["red"][2:]) == sum(where["blue"][2:])
    assert where["red"][3] < where["green"][2]
    assert (sheet[0] == sheet[0, 0]).all()
    assert 20 < sheet[0, 0, 0] < 60


def test_captions_and_title_are_drawn_and_stay_in_their_cell() -> None:
    tiles = [flat(40, 40, (0.5, 0.5, 0.5))] * 2
    plain = contact_sheet(tiles, ["", ""], columns=2, tile_height=40)
    captioned = contact_sheet(tiles, ["1001", "a caption that is too long for its tile"], columns=2, tile_height=40)
    assert captioned.shape[0] > plain.shape[0]
    below = captioned[plain.shape[0] - 4 :]
    ink = np.nonzero((below != captioned[0, 0]).any(axis=(0, 2)))[0]
    assert ink.size
    # Two groups of letters, none outside the two tiles.
    assert all(8 <= x < 48 or 56 <= x < 96 for x in ink)
    titled = contact_sheet(tiles, ["", ""], columns=2, tile_height=40, title="Faces")
    assert titled.shape[0] > plain.shape[0]
    assert titled[: titled.shape[0] - plain.shape[0]].max() > 150


def test_few_tiles_and_none() -> None:
    one = contact_sheet([flat(10, 10, RED)], ["x"], columns=8, tile_height=20)
    assert one.shape[1] == 8 + 20 + 8
    assert contact_sheet([], [], columns=3, tile_height=20).shape[2] == 3
    with pytest.raises(ValueError, match="shorter"):
        contact_sheet([flat(10, 10, RED)], [], columns=1, tile_height=20)


def test_png_holds_what_it_was_given(tmp_path: Path, rng: np.random.Generator) -> None:
    codes = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", codes)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], codes)
    write_png(tmp_path / "b.png", codes.astype(np.float32) / 255)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "b.png"))[..., ::-1], codes)
    write_png(tmp_path / "c.png", np.array([[-1.0, 0.5, 2.0, np.nan]], np.float16))
    assert cv2.imread(str(tmp_path / "c.png"), cv2.IMREAD_UNCHANGED).tolist() == [[0, 128, 255, 0]]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_png(tmp_path / "file" / "a.png", codes)


def test_versions_stand_below_each_other_in_squares_of_one_size() -> None:
    rows = [[flat(30, 30, colour), flat(90, 90, colour)] for colour in (RED, GREEN, BLUE)]
    sheet = comparison_sheet(rows, ["plate", "result", "truth"], ["1001", "1002"], side=50, title="to the truth")
    tops = []
    for channel in range(3):
        own = (sheet[..., channel] == 255) & (np.delete(sheet, channel, axis=2) == 0).all(axis=2)
        where, columns = np.nonzero(own)
        assert own.sum() == 2 * 50 * 50
        assert where.max() + 1 - where.min() == 50 and columns.max() + 1 - columns.min() == 102
        tops.append(int(where.min()))
        names = sheet[where.min() : where.max(), : columns.min()]
        assert names.max() > 180  # something is written beside each row
    assert tops == [tops[0], tops[0] + 52, tops[0] + 104]
    assert sheet[tops[0] - 26 : tops[0]].max() > 180


def test_names_of_any_length_and_form_are_written_on_sheets() -> None:
    tries = "a\nb\x1b[31m" + "W" * 70_000
    tile = flat(40, 40, RED)
    assert contact_sheet([tile], [tries], columns=1, tile_height=40, title=tries).shape[1] < 200
    assert comparison_sheet([[tile]], [tries], [tries], 40, title=tries).shape[1] < 200
