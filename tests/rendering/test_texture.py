"""The source's pixels on the new face: every point shows what some reference shows of it."""

from __future__ import annotations

import numpy as np
import pytest
from made_heads import Moment, Performer, footage, take
from understudy.face.mesh import triangles
from understudy.imaging.raster import rasterise
from understudy.rendering.footage import FAR, Footage, views_of
from understudy.rendering.light import Relight, measure_skin_light
from understudy.rendering.references import choose_references
from understudy.rendering.texture import Sample, Texture, filmed, kept

WHO = Performer()
MOMENTS = [Moment(), Moment(yaw=15), Moment(yaw=-15), Moment(yaw=30), Moment(yaw=-30)]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Footage:
    return footage(take(tmp_path_factory.mktemp("texture") / "anne", WHO, MOMENTS), WHO)


@pytest.fixture(scope="module")
def texture(source) -> Texture:
    views = source.views()
    shot = views_of(source.posed, source.faces, source.mesh.rest, source.openings)
    both = views.joined(views.in_mirror(source.widths))
    light = measure_skin_light(source, views)
    references = choose_references(
        both, shot, [slice(row, row + 1) for row in range(len(MOMENTS))], np.ones(len(both), bool)
    )
    return Texture(source, both, shot, references, light, light)


def surface(row: int):
    posed = WHO.posed(MOMENTS[row])
    return rasterise(posed.plate, posed.distance(FAR), triangles(), 150, 160)


def test_samples_are_mixed_by_their_shares():
    one, two = np.float32([[1, 2, 3]]), np.float32([[5, 0, 1]])
    three, half = np.float32([3]), np.float32([0.5])
    samples = [Sample(0, three, three, one), Sample(1, 2 * half, 2 * half, two)]
    np.testing.assert_allclose(filmed(samples), 0.75 * one + 0.25 * two, rtol=1e-6)
    assert kept(samples).tolist() == [1]
    # Of background less is taken than was wanted.
    np.testing.assert_allclose(kept([samples[0], Sample(1, 2 * half, half, two)]), 3.5 / 4)


@pytest.mark.parametrize("row", [0, 3])
def test_every_point_of_the_face_shows_what_the_performer_is_painted_like(texture, row):
    seen = surface(row)
    samples = texture.samples(row, seen)
    assert np.sum([one.share for one in samples], axis=0).min() > 0
    true = WHO.albedo(seen.blend(WHO.mesh))
    off = np.abs(filmed(samples) - true).mean(1)
    assert np.median(off) < 0.01 and np.quantile(off, 0.9) < 0.06


def test_without_relighting_the_lit_face_is_the_filmed_one(texture):
    seen = surface(1)
    samples = texture.samples(1, seen)
    np.testing.assert_allclose(texture.lit(samples, 1, seen, Relight(strength=0)), filmed(samples), rtol=1e-5)
    # In its own light there is next to nothing to do.
    change = np.log(texture.lit(samples, 1, seen, Relight()) / filmed(samples))
    assert np.abs(change).mean() < 0.05
