"""Eyes: where they are, and that their whites tell the light and not the skin."""

from __future__ import annotations

import numpy as np
import pytest
from made_heads import Moment, Performer, footage, take
from understudy.face.mesh import at_landmarks
from understudy.imaging.affine import apply
from understudy.rendering.eyes import EYES, eye_gain, whites_mask
from understudy.rendering.light import measure_skin_light

WHO = Performer()
SIDE = 200


def places(moment: Moment):
    return WHO.posed(moment).plate * (SIDE / 160)


def area(outline) -> float:
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def test_between_open_lids_lies_the_eye():
    seen = places(Moment(scale=60))
    mask = whites_mask(seen, SIDE, SIDE, np.ones(2))
    outlines = [at_landmarks(seen)[eye] for eye in EYES]
    assert mask.sum() == pytest.approx(sum(area(outline) for outline in outlines), rel=0.1)
    rows, columns = np.nonzero(mask > 0.9)
    low, high = np.concatenate(outlines).min(0), np.concatenate(outlines).max(0)
    assert rows.min() + 1 > low[1] and rows.max() < high[1] and columns.min() + 1 > low[0] and columns.max() < high[0]


def test_a_shut_eye_leaves_nothing_and_the_other_all():
    seen = places(Moment())
    assert not whites_mask(seen, SIDE, SIDE, np.array([0.1, 0.2])).any()
    one = whites_mask(seen, SIDE, SIDE, np.array([0.1, 1.0]))
    whole = whites_mask(seen, SIDE, SIDE, np.ones(2))
    middle = int(at_landmarks(seen)[27, 0])
    assert not one[:, :middle].any()
    np.testing.assert_array_equal(one[:, middle:], whole[:, middle:])
    half = [float(whites_mask(seen, SIDE, SIDE, np.full(2, lids)).sum()) for lids in (0.4, 0.5, 0.6)]
    assert 0 < half[0] < half[1] < half[2] < whole.sum()


def gain(folder, source: Performer, plate: Performer, moments: list[Moment]) -> np.ndarray:
    pair = [footage(take(folder / name, who, moments, size=256), who) for name, who in (("s", source), ("p", plate))]
    own, light = (measure_skin_light(one, one.views()) for one in pair)
    return eye_gain(pair[0], own, pair[1], light)


FRONT = [Moment(scale=70), Moment(yaw=6, scale=70), Moment(yaw=-6, scale=70)]


def test_the_whites_show_the_light_and_not_the_skin(tmp_path):
    """Two skins in one light: what the skin's gain does to the eyes is taken back."""
    pale, dark = Performer((0.5, 0.4, 0.34), ripples=0), Performer((0.15, 0.09, 0.06), ripples=0)
    taken_back = np.log(np.divide(pale.skin, dark.skin))
    found = gain(tmp_path, pale, dark, FRONT)
    assert found.mean() == pytest.approx(taken_back.mean(), abs=0.12)
    # Of colours, which so few pixels tell badly, some at least, and not in the wrong sense.
    chroma, wanted = found - found.mean(), taken_back - taken_back.mean()
    assert (np.abs(chroma) <= np.abs(wanted) + 0.05).all() and chroma @ wanted > 0


def test_one_skin_in_two_lights_asks_nothing_more_of_the_eyes(tmp_path):
    light = np.zeros((9, 3))
    light[0] = (0.5, 0.4, 0.2)
    assert np.abs(gain(tmp_path, Performer(ripples=0), Performer(ripples=0, light=light), FRONT)).max() < 0.06


def test_whites_that_are_never_seen_change_nothing(tmp_path):
    aside = [Moment(yaw=60, scale=70), Moment(yaw=64, scale=70)]
    assert not gain(tmp_path, Performer(), Performer((0.1, 0.1, 0.1)), aside).any()


def test_the_eyes_of_a_face_lie_where_its_landmarks_are(tmp_path):
    faces = footage(take(tmp_path / "f", WHO, [Moment()]), WHO)
    face = faces.faces[0]
    mask = whites_mask(faces.places(0), 128, 128, np.ones(2))
    rows, columns = np.nonzero(mask > 0.5)
    centre = apply(face.matrix, face.landmarks[36:48]).mean(0)
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(tuple(centre), abs=0.7)
