"""How the new face fades: not beyond it, widely on skin, narrowly at a silhouette."""

from __future__ import annotations

import numpy as np
import pytest
from made_heads import Moment, Performer
from understudy.face.mesh import triangles
from understudy.imaging.raster import rasterise
from understudy.rendering.feather import NARROWEST, WIDEST, feathered
from understudy.rendering.footage import FAR


def seen(moment: Moment, side: int = 300):
    posed = Performer().posed(moment)
    surface = rasterise(posed.plate, posed.distance(FAR), triangles(), side, side)
    return surface, feathered(surface, posed)


def ends(surface, matte, inside: float) -> np.ndarray:
    """(2,) how much of the face is laid ``inside`` pixels from its left and its right end, over the middle rows."""
    rows = np.nonzero(surface.coverage.any(1))[0]
    found = []
    for row in range(int(np.quantile(rows, 0.4)), int(np.quantile(rows, 0.75))):
        covered = np.flatnonzero(surface.coverage[row])
        places = covered[0] + inside, covered[-1] - inside
        found.append(np.interp(places, np.arange(matte.shape[1]), matte[row]))
    return np.asarray(np.mean(found, axis=0))


def test_nothing_is_laid_beyond_the_face_and_all_of_it_inside():
    surface, matte = seen(Moment(x=150, y=150, scale=100))
    assert matte.shape == (300, 300) and matte.min() >= 0 and matte.max() <= 1.0001
    assert not matte[~surface.coverage].any()
    assert matte[140:160, 140:160].min() > 0.99


@pytest.mark.parametrize("yaw", [45, -45])
def test_a_silhouette_fades_narrowly_and_the_cheek_widely(yaw):
    surface, matte = seen(Moment(yaw=yaw, x=150, y=150, scale=100))
    assert np.argmax(ends(surface, matte, 1.5)) == (0 if yaw < 0 else 1)  # the far side
    far, near = np.sort(ends(surface, matte, 1.5))[::-1]
    assert far > 1.5 * near
    # A pixel's centre lies 1.5 pixels further in than the end: no side fades faster or slower than it may.
    assert near > 1.6 / (WIDEST * 100) and far < 2 / (NARROWEST * 100)


def test_the_fade_grows_with_the_face():
    small, large = (ends(*seen(Moment(x=150, y=150, scale=scale)), 0.04 * scale) for scale in (60, 120))
    np.testing.assert_allclose(small, large, atol=0.1)
    assert 0.2 < small.mean() < 0.8


def test_a_face_that_leaves_the_picture_does_not_fade_at_its_edge_twice():
    surface, matte = seen(Moment(x=0, y=150, scale=100))
    assert surface.coverage[:, 0].any() and np.isfinite(matte).all() and matte.max() > 0.99
