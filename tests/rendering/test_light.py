"""The light of one person brought to another's, against lights that are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from made_heads import Moment, Performer, film, footage, ground, shine, take
from numpy.typing import NDArray
from understudy.face.mesh import mirrored
from understudy.rendering.light import Relight, SkinLight, harmonics, measure_skin_light, part_of, relighting, steadied

MOMENTS = [Moment(), Moment(yaw=12), Moment(yaw=-12)]


def lamp(seed: int) -> NDArray[np.float64]:
    """(9, 3) log gain: an exposure, and a direction with a little colour."""
    light = np.random.default_rng(seed).normal(0, 1, (9, 3)) * np.array([[0.2], *[[0.25]] * 3, *[[0.06]] * 5])
    return np.asarray(0.7 * light.mean(1, keepdims=True) + 0.3 * light)


def measured(folder, who: Performer, pictures=None) -> SkinLight:
    faces = footage(take(folder, who, MOMENTS, pictures=pictures), who)
    return measure_skin_light(faces, faces.views())


def skin_light(logs: NDArray[np.float64], weights: NDArray[np.float64]) -> SkinLight:
    """Of frames from the front."""
    normals = np.broadcast_to([0.0, 0.0, 1.0], logs.shape)
    return SkinLight(logs=logs, weights=weights, colour=np.zeros((len(logs), 3)), normals=normals)


SOURCE = Performer(ripples=0, light=lamp(1))


@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("skin", [SOURCE.skin, (0.16, 0.10, 0.07)])
def test_the_gain_between_two_known_lights_and_skins_is_found_back(tmp_path, seed, skin):
    plate = Performer(skin, lamp(seed), ripples=0)
    own, light = measured(tmp_path / "source", SOURCE), measured(tmp_path / "plate", plate)
    for row in range(len(MOMENTS)):
        seen = light.weights[row] > 0.1
        true = shine(light.normals[row], plate.light - SOURCE.light) + np.log(np.divide(skin, SOURCE.skin))
        off = np.abs(relighting(own.at(row, False), light, row) - true)[seen]
        # A dark skin is nearer to the floor of the logarithm, and is told a little less well.
        assert off.mean() < (0.04 if skin == SOURCE.skin else 0.07), row
        assert np.quantile(off, 0.95) < 0.2, row
        assert np.abs(true[seen]).mean() > 0.1


def test_from_another_pose_the_light_is_found_as_well(tmp_path):
    plate = Performer(light=lamp(4), ripples=0)
    own, light = measured(tmp_path / "source", SOURCE), measured(tmp_path / "plate", plate)
    gain = relighting(own.at(1, False), light, 2)
    seen = (own.weights[1] > 0.1) & (light.weights[2] > 0.1)
    true = light.logs[2] - own.logs[1]
    assert np.abs(gain - true)[seen].mean() < 0.05


@pytest.mark.parametrize("colour", [(0.004, 0.9, 0.01), (0.025, 0.016, 0.012)], ids=["apple", "dark-hand"])
def test_what_stands_before_the_face_does_not_matter(tmp_path, colour):
    plate = Performer(light=lamp(5), ripples=0)
    pictures = [film(plate, moment, ground()) for moment in MOMENTS]
    covered = [picture.copy() for picture in pictures]
    for picture in covered:
        cv2.circle(picture, (97, 92), 9, colour, -1)  # before a cheek
    own = measured(tmp_path / "source", SOURCE)
    free, hidden = measured(tmp_path / "free", plate, pictures), measured(tmp_path / "hidden", plate, covered)
    gains = [relighting(own.at(0, False), light, 0) for light in (free, hidden)]
    struck = np.abs(hidden.logs[0] - free.logs[0]).max(1) > 0.3
    seen = free.weights[0] > 0.1
    assert (struck & seen).sum() > 5
    assert np.abs(gains[0] - gains[1])[seen & ~struck].mean() < 0.04
    # Where it stands the light is that of the face beside it, not that of what hides it.
    assert np.abs(gains[0] - gains[1])[seen & struck].mean() < 0.25
    assert np.abs(hidden.logs[0] - free.logs[0])[seen & struck].mean() > 1


def test_a_view_in_the_mirror_has_the_other_sides_light(tmp_path):
    own = measured(tmp_path / "source", SOURCE)
    logs, weights = own.at(0, True)
    np.testing.assert_array_equal(logs, own.logs[0][mirrored()])
    np.testing.assert_array_equal(weights, own.weights[0][mirrored()])


def test_without_skin_in_common_the_gain_stays_finite():
    nothing = skin_light(np.zeros((1, 468, 3)), np.zeros((1, 468)))
    assert not relighting(nothing.at(0, False), nothing, 0).any()


def test_the_harmonics_are_orthogonal_on_the_sphere():
    # Gauss and Legendre's points in z and even steps around: exact for polynomials of this degree.
    z, weight = np.polynomial.legendre.leggauss(8)
    around = np.arange(16) * 2 * np.pi / 16
    flat = np.sqrt(1 - z**2)[:, None]
    points = np.stack([flat * np.cos(around), flat * np.sin(around), np.tile(z[:, None], 16)], axis=-1)
    basis = np.concatenate([np.ones((8, 16, 1)), harmonics(points)], axis=-1)
    gram = np.einsum("ij,ija,ijb->ab", np.tile(weight[:, None], 16), basis, basis)
    np.testing.assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-12)


def test_the_parts_of_a_gain_add_up_and_its_strength_scales_it():
    gain = np.random.default_rng(0).normal(size=(468, 3))
    chroma, exposure = (part_of(gain, Relight(part=part)) for part in ("chroma", "exposure"))
    np.testing.assert_allclose(chroma + exposure, gain, atol=1e-12)
    np.testing.assert_allclose(chroma.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(part_of(gain, Relight(strength=0.3)), 0.3 * gain)
    assert not part_of(gain, Relight(strength=0)).any()


def test_noise_over_time_is_smoothed_and_a_cut_is_kept():
    rng = np.random.default_rng(0)
    logs = np.repeat([0.0, 1.0], 8)[:, None, None] + rng.normal(0, 0.05, (16, 468, 3))
    light = steadied(skin_light(logs, np.ones((16, 468))), [slice(0, 8), slice(8, 16)])
    assert light.logs[:8].std() < 0.7 * logs[:8].std()
    assert light.logs[7].mean() == pytest.approx(0, abs=0.02) and light.logs[8].mean() == pytest.approx(1, abs=0.02)
    weights = np.ones((16, 468))
    weights[3] = 0  # a frame that is not seen says nothing
    logs[3] = 9.0
    light = steadied(skin_light(logs, weights), [slice(0, 8), slice(8, 16)])
    assert np.abs(light.logs[:8]).max() < 0.3


def test_hard_light_is_told_from_soft_light_whatever_its_brightness_and_the_skin(tmp_path):
    hard = np.zeros((9, 3))
    hard[1] = 2.2  # from the right
    found = []
    for index, (skin, light) in enumerate(
        [((0.4, 0.3, 0.2), 0 * hard), ((0.1, 0.07, 0.05), 0 * hard - 0.2), ((0.4, 0.3, 0.2), hard)]
    ):
        found.append(measured(tmp_path / str(index), Performer(skin, light, ripples=0)).hardness())
    assert found[0] < 0.1 and found[1] < 0.1 and found[2] > 0.5


def test_what_is_no_skin_by_its_colour_weighs_nothing(tmp_path):
    plate = Performer(light=lamp(5), ripples=0)
    pictures = [film(plate, moment, ground()) for moment in MOMENTS]
    for picture in pictures:
        cv2.circle(picture, (97, 92), 9, (0.004, 0.9, 0.01), -1)
    free, hidden = measured(tmp_path / "free", plate), measured(tmp_path / "hidden", plate, pictures)
    green = np.abs(hidden.logs[0] - free.logs[0]).max(1) > 1
    assert free.weights[0][green].sum() > 1
    assert hidden.weights[0][green].sum() < 0.1 * free.weights[0][green].sum()
    assert np.abs(hidden.weights[0] - free.weights[0])[~green].mean() < 0.01
