"""The inside of the mouth: none between closed lips, all of it between open ones."""

from __future__ import annotations

import numpy as np
import pytest
from made_heads import Moment, Performer
from understudy.face.mesh import at_landmarks
from understudy.rendering.mouth import interior_mask

WHO = Performer()


def seen(mouth: float, scale: float = 80.0):
    return WHO.posed(Moment(mouth=mouth, scale=scale, x=100, y=100)).plate


def closed():
    """Vertices whose lower lip meets the upper one."""
    shape = at_landmarks(WHO.mesh)
    return seen(float(shape[62, 1] - shape[66, 1]))


def test_closed_lips_take_nothing_of_the_plate():
    assert not interior_mask(closed(), 200, 200, 80.0).any()


def test_open_lips_take_what_lies_between_them():
    places = seen(0.15)
    mask = interior_mask(places, 200, 200, 80.0)
    x, y = at_landmarks(places)[60:68].T
    assert mask.sum() == pytest.approx(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2, rel=0.05)
    middle = at_landmarks(places)[[62, 66]].mean(0).astype(int)
    assert mask[middle[1], middle[0]] > 0.95
    beyond = np.ones((200, 200), bool)
    beyond[int(y.min()) - 4 : int(y.max()) + 5, int(x.min()) - 4 : int(x.max()) + 5] = False
    assert mask[beyond].max() < 0.01


def test_opening_lips_take_it_little_by_little_whatever_their_size():
    shares = [interior_mask(seen(mouth), 200, 200, 80.0).max() for mouth in np.linspace(-0.056, 0.08, 35)]
    assert shares[0] == 0 and shares[-1] > 0.95 and np.diff(shares).max() < 0.3 and np.diff(shares).min() > -0.05
    large, small = (interior_mask(seen(0.1, scale), 200, 200, scale).sum() for scale in (80.0, 40.0))
    assert large / small == pytest.approx(4, rel=0.08)
