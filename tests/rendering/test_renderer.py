"""A face rendered from footage: of the person themselves it is the picture, of another it has their light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_heads import SIZE, Moment, Performer, film, footage, ground, take
from understudy.face.mesh import at_landmarks
from understudy.rendering.eyes import whites_mask
from understudy.rendering.footage import Footage
from understudy.rendering.light import Relight
from understudy.rendering.renderer import PlacedHead, Placement, ShotRenderer, runs_of

WHO = Performer()
MOMENTS = [
    Moment(yaw=-30), Moment(yaw=-20, pitch=5, mouth=0.05), Moment(yaw=-10, pitch=-5), Moment(), Moment(yaw=3, mouth=0.1),
    Moment(lids=0.1), Moment(yaw=10, mouth=0.03), Moment(yaw=20, pitch=-4), Moment(yaw=30, pitch=3),
]  # fmt: skip
PICTURES = [film(WHO, moment, ground()) for moment in MOMENTS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("renderer")


@pytest.fixture(scope="module")
def faceset(folder):
    return take(folder / "anne", WHO, MOMENTS, pictures=PICTURES)


@pytest.fixture(scope="module")
def plate(faceset) -> Footage:
    return footage(faceset, WHO)


@pytest.fixture(scope="module")
def own(plate) -> ShotRenderer:
    return ShotRenderer(plate, plate)


def placed(renderer: ShotRenderer, row: int, **moved: float) -> PlacedHead:
    head = renderer.place(1001 + row, (0, 0), *SIZE, Placement(**moved))
    assert head is not None
    return head


def nothing(head: PlacedHead) -> np.ndarray:
    return np.zeros((head.rows.stop - head.rows.start, head.columns.stop - head.columns.start), np.float32)


def rendered(renderer: ShotRenderer, head: PlacedHead, image: np.ndarray, relight: Relight | None = None) -> np.ndarray:
    return renderer.render(head, image[head.rows, head.columns], nothing(head), relight or Relight())


def decibels(head: PlacedHead, one: np.ndarray, two: np.ndarray) -> float:
    inside = head.matte > 0.5
    return float(-10 * np.log10(np.mean((one - two[head.rows, head.columns])[inside] ** 2)))


@pytest.mark.parametrize("row", [0, 3, 4, 5])
def test_a_person_on_their_own_footage_gives_the_picture_back(faceset, plate, own, row):
    head = placed(own, row)
    assert decibels(head, rendered(own, head, PICTURES[row]), PICTURES[row]) > 38
    left_out = ShotRenderer(footage(faceset, WHO, [row]), plate)
    without = placed(left_out, row)
    assert decibels(without, rendered(left_out, without, PICTURES[row]), PICTURES[row]) > 36
    # Another moment of the same person is no answer: that is how far off one is.
    assert decibels(head, PICTURES[(row + 4) % 9][head.rows, head.columns], PICTURES[row]) < 30


def test_another_persons_light_and_skin_are_taken_over(folder, plate):
    light = np.zeros((9, 3))
    light[:4] = [(-0.4, -0.3, -0.3), (0.35, 0.35, 0.3), (0.2, 0.2, 0.2), (0.1, 0.1, 0.1)]
    lit = Performer(WHO.skin, light)
    pictures = [film(lit, moment, ground()) for moment in MOMENTS]
    shot = footage(take(folder / "lit", lit, MOMENTS, pictures=pictures), lit)
    renderer = ShotRenderer(plate, shot)
    for row in (0, 3, 8):
        head = placed(renderer, row)
        raw = renderer.raw(head, pictures[row][head.rows, head.columns], nothing(head))
        found = [decibels(head, picture, pictures[row]) for picture in (raw, rendered(renderer, head, pictures[row]))]
        assert found[1] > 32 and found[1] > found[0] + 8, (row, found)
        kept = rendered(renderer, head, pictures[row], Relight(strength=0, broad=0))
        assert np.abs(kept - raw)[head.matte > 0.99].mean() < 0.02


def test_eyes_are_lit_by_the_light_and_not_by_the_difference_of_skins(folder, plate):
    dark = Performer((0.1, 0.065, 0.05))
    close = [replace(moment, scale=70.0) for moment in MOMENTS[2:8]]
    pictures = [film(dark, moment, ground()) for moment in close]
    source = footage(take(folder / "pale", WHO, close, size=200), WHO)
    shot = footage(take(folder / "dark", dark, close, size=200, pictures=pictures), dark)
    renderer = ShotRenderer(source, shot)
    head = placed(renderer, 1)
    under = pictures[1][head.rows, head.columns]
    result = rendered(renderer, head, pictures[1])
    eyes = whites_mask(head.new, *under.shape[:2], np.ones(2)) > 0.9
    assert under[eyes].mean() > 4 * dark.skin[1]
    assert result[eyes].mean() == pytest.approx(under[eyes].mean(), rel=0.3)
    assert result[head.matte > 0.99].mean() == pytest.approx(under[head.matte > 0.99].mean(), rel=0.1)


def test_the_inside_of_an_open_mouth_is_the_plates(folder, own):
    moments = [Moment(mouth=0.15, scale=60.0), Moment(mouth=0.12, scale=60.0)]
    pictures = [film(WHO, moment, ground()) for moment in moments]
    lips = [at_landmarks(WHO.posed(moment).plate)[60:68] for moment in moments]
    for picture, inner in zip(pictures, lips, strict=True):
        x, y = np.rint(inner.mean(0)).astype(int)
        picture[y - 1 : y + 2, x - 4 : x + 5] = (0.1, 0.1, 0.9)  # a blue sweet
    shot = footage(take(folder / "sweet", WHO, moments, pictures=pictures), WHO)
    renderer = ShotRenderer(own.source, shot)
    head = placed(renderer, 0)
    result = rendered(renderer, head, pictures[0])
    x, y = np.rint(lips[0].mean(0) - (head.columns.start, head.rows.start)).astype(int)
    assert result[y, x, 2] > 0.7 and result[y, x, 0] < 0.3
    blue = (result[..., 2] > 0.5) & (result[..., 0] < 0.3)
    assert 15 <= blue.sum() <= 40


def test_what_lies_beyond_the_face_is_the_plates_own(own):
    for row in (0, 4):
        head = placed(own, row)
        result = rendered(own, head, PICTURES[row])
        beyond = head.matte == 0
        assert np.abs(result - PICTURES[row][head.rows, head.columns])[beyond].max() < 0.25  # bent, not painted
        untouched = head.reach == 0
        assert untouched.any()
        np.testing.assert_allclose(result[untouched], PICTURES[row][head.rows, head.columns][untouched], atol=1e-3)
        assert not head.matte[untouched].any() and not head.confidence[~head.surface.coverage].any()


def test_every_frame_is_the_same_whatever_was_rendered_before(plate, own):
    first = rendered(own, placed(own, 6), PICTURES[6])
    other = ShotRenderer(plate, plate)
    for row in (2, 0, 8):
        rendered(other, placed(other, row), PICTURES[row])
    np.testing.assert_array_equal(rendered(other, placed(other, 6), PICTURES[6]), first)


def test_the_artist_moves_turns_and_grows_the_face(own):
    still, moved, large, turned = (
        placed(own, 3, **how) for how in ({}, {"x": 7.0, "y": -4.0}, {"scale": 1.2}, {"rotate": 30.0})
    )

    def whole(head: PlacedHead) -> np.ndarray:
        canvas = np.zeros(SIZE, np.float32)
        canvas[head.rows, head.columns] = head.matte
        return canvas

    np.testing.assert_allclose(whole(moved), np.roll(whole(still), (-4, 7), (0, 1)), atol=1e-4)
    assert whole(large).sum() / whole(still).sum() == pytest.approx(1.44, rel=0.03)
    eyes = [head.new + np.array((head.columns.start, head.rows.start)) for head in (still, turned)]
    (before, after) = (points[263] - points[33] for points in eyes)
    angle = np.degrees(np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0]))
    assert angle == pytest.approx(30, abs=0.1)  # clockwise: y points down


def test_a_face_partly_outside_the_frame_is_rendered_where_there_is_plate_and_one_outside_is_not(folder, own):
    moments = [Moment(x=4), Moment(x=156), Moment(y=150), Moment(x=-400)]
    pictures = [film(WHO, moment, ground()) for moment in moments]
    shot = footage(take(folder / "leaving", WHO, moments, pictures=pictures), WHO)
    renderer = ShotRenderer(own.source, shot)
    for row in range(3):
        head = placed(renderer, row)
        result = rendered(renderer, head, pictures[row])
        assert result.shape[:2] == head.matte.shape and np.isfinite(result).all()
        assert head.rows.stop <= SIZE[0] and head.columns.stop <= SIZE[1] and head.matte.max() > 0.99
        assert decibels(head, result, pictures[row]) > 27, row
    assert renderer.place(1004, (0, 0), *SIZE, Placement()) is None


def test_where_the_array_begins_does_not_change_the_face(own):
    """The same plate under a data window that begins elsewhere: the same pixels, at other rows and columns."""
    here = placed(own, 3)
    cut = PICTURES[3][6:, 11:]
    there = own.place(1004, (11, 6), *cut.shape[:2], Placement())
    assert there is not None
    assert (there.rows.start, there.columns.start) == (here.rows.start - 6, here.columns.start - 11)
    np.testing.assert_allclose(rendered(own, there, cut), rendered(own, here, PICTURES[3]), atol=2e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_broken_pixels_of_the_plate_do_not_spread(own, value):
    head = placed(own, 4)
    under = PICTURES[4][head.rows, head.columns].copy()
    whole = own.render(head, under, nothing(head), Relight())
    broken = np.zeros(under.shape[:2], bool)
    height, width = broken.shape
    broken[height // 2, width // 2] = broken[height // 2 + 9, width // 2 - 12] = True  # on the face
    rows, columns = np.nonzero((head.reach > 0.2) & (head.matte == 0))
    broken[rows[0], columns[0]] = broken[rows[-1], columns[-1]] = True  # beside it
    under[broken] = value
    for result in (own.render(head, under, nothing(head), Relight()), own.raw(head, under, nothing(head))):
        face = head.matte > 0
        assert np.isfinite(result[face]).all()
    result = own.render(head, under, nothing(head), Relight())
    assert np.abs(result - whole)[face].mean() < 0.01 and np.abs(result - whole)[face].max() < 0.15


def test_what_stands_before_the_face_does_not_light_it(own):
    head = placed(own, 3)
    under = PICTURES[3][head.rows, head.columns].copy()
    hidden = nothing(head)
    middle = hidden.shape[0] // 2 + 8
    hidden[middle : middle + 12, : hidden.shape[1] // 2] = 1
    whole = own.render(head, under, hidden, Relight())
    under[hidden > 0] = (0.0, 2.0, 0.0)
    assert np.abs(own.render(head, under, hidden, Relight()) - whole)[(hidden == 0) & (head.matte > 0.99)].max() < 0.08


def test_where_no_frame_of_the_source_suits_confidence_says_so(faceset, plate):
    frontal = ShotRenderer(footage(faceset, WHO, [0, 1, 5, 6, 7, 8]), plate)
    shares = [placed(frontal, row).confidence.max() for row in (3, 0)]
    assert shares[0] > 0.8 and shares[1] < 0.95 * shares[0]
    eyes = placed(frontal, 5)  # shut, as in no frame that is left
    assert eyes.confidence[eyes.confidence > 0].min() < shares[0] - 0.05


def test_the_face_in_its_crop_is_the_one_that_is_laid(own, plate):
    light, inside = own.in_crop(3)
    assert light.shape == (128, 128, 3) and inside.shape == (128, 128)
    assert np.abs(light - plate.picture(3))[inside > 0.5].mean() < 0.02


def test_runs_end_at_gaps_and_where_another_track_begins(plate):
    faces = [replace(face, frame=frame) for face, frame in zip(plate.faces, (1, 2, 3, 5, 6, 7, 8, 9, 10), strict=True)]
    faces[6:] = [replace(face, track=1) for face in faces[6:]]
    assert runs_of(tuple(faces)) == [slice(0, 3), slice(3, 6), slice(6, 9)]
