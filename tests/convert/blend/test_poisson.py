from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from understudy.convert.blend.multigrid import membrane
from understudy.convert.blend.poisson import gradient_domain
from understudy.model.log_curve import decode, encode

SHAPE = (90, 110)


def matte(feather: float = 8.0) -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.clip((38 - np.hypot(y - 44, x - 52)) / feather, 0, 1).astype(np.float32)


def textured(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    broad = cv2.GaussianBlur(rng.normal(size=(*SHAPE, 3)), (0, 0), 8) * 6
    return (0.4 * np.exp(broad) + rng.uniform(0, 0.05, (*SHAPE, 3))).astype(np.float32)


def coded(linear: np.ndarray) -> np.ndarray:
    return encode(torch.from_numpy(linear)).numpy()


@pytest.mark.parametrize("log", [False, True])
def test_a_face_that_differs_by_one_colour_becomes_the_plate(log):
    plate, colour = textured(), np.array([0.11, -0.04, 0.02], np.float32)
    swap = decode(torch.from_numpy(coded(plate) + colour)).numpy() if log else plate + colour
    found = gradient_domain(swap, plate, matte(), log=log)
    np.testing.assert_allclose(found[matte() > 0], plate[matte() > 0], atol=1e-3)


@pytest.mark.parametrize("log", [False, True])
def test_inside_the_gradients_are_the_faces_and_at_the_edge_the_colours_are_the_plates(log):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)[..., None] / 100
    plate = np.concatenate([0.5 + 0.3 * x, 0.6 - 0.2 * y, 0.4 + 0.1 * x * y], axis=-1)
    swap = textured(3)
    found = gradient_domain(swap, plate, matte(), log=log)
    view = coded if log else np.asarray
    inner = cv2.erode((matte() > 0).astype(np.uint8), np.ones((3, 3))) > 0
    laplacians = [cv2.Laplacian(view(picture).astype(np.float64), -1) for picture in (found, swap)]
    assert np.abs(laplacians[0] - laplacians[1])[inner].max() < 2e-3
    # The swap's own detail stays along the edge; on average over a few pixels it meets the plate.
    rim = (matte() > 0) & ~cv2.erode((matte() > 0).astype(np.uint8), np.ones((3, 3))).astype(bool)
    before, after = (
        cv2.GaussianBlur(np.where(rim[..., None], view(picture) - view(plate), 0), (0, 0), 6)[rim]
        / cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 6)[rim][:, None]
        for picture in (swap, found)
    )
    assert np.abs(after).mean() < 0.1 * np.abs(before).mean()


def test_the_correction_is_the_membrane_through_the_difference_along_the_edge():
    """With a difference that is harmonic, and so its own membrane: x y, seen without grain."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)[..., None] / 100
    difference = (0.2 + x * y) * np.ones(3, np.float32)
    swap = textured(4)
    found = gradient_domain(swap, swap + difference, matte(), log=False)
    assert np.abs(found - swap - difference)[matte() > 0].max() < 0.02 * difference.max()


@pytest.mark.parametrize("log", [False, True])
def test_outside_the_matte_the_swap_stays_and_nothing_from_there_comes_in(log):
    swap, plate = textured(5), textured(6)
    found = gradient_domain(swap, plate, matte(), log=log)
    np.testing.assert_array_equal(found[matte() == 0], swap[matte() == 0])
    other = np.where((matte() == 0)[..., None], np.float32(50), plate)
    np.testing.assert_array_equal(gradient_domain(swap, other, matte(), log=log), found)


@pytest.mark.parametrize("log", [False, True])
def test_pixels_that_are_no_numbers_and_highlights_do_not_spread(log):
    swap, plate = textured(7), textured(8)
    clean = gradient_domain(swap, plate, matte(), log=log)
    middle = plate.copy()
    middle[40:50, 48:60] = np.nan  # far from the edge, where nobody asks the plate
    np.testing.assert_array_equal(gradient_domain(swap, middle, matte(), log=log), clean)
    edge = plate.copy()
    edge[44, 14:18] = [[np.nan] * 3, [np.inf] * 3, [-np.inf] * 3, [np.nan, 1, 1]]
    found = gradient_domain(swap, edge, matte(), log=log)
    assert np.isfinite(found).all() and np.abs(found - clean)[44, 40:].max() < 0.05
    hot = plate.copy()
    hot[44, 15] = 3e38
    assert np.isfinite(gradient_domain(swap, hot, matte(), log=log)).all()
    nothing = gradient_domain(swap, np.full_like(plate, np.nan), matte(), log=log)
    np.testing.assert_allclose(nothing, swap, rtol=1e-5)


def test_grain_on_a_still_plate_hardly_moves_the_face():
    swap, still, face = textured(9), textured(10), matte()
    rng = np.random.default_rng(11)
    results = [
        gradient_domain(swap, still + rng.normal(0, 0.02, still.shape).astype(np.float32), face, log=False)
        for _ in range(12)
    ]
    flicker = np.std(results, axis=0).mean(-1) / 0.02
    assert flicker[face == 1].max() < 0.12
    # What shows is the flicker times the matte; on its way to the edge it never nears the grain that the plate itself has.
    assert (flicker * face).max() < 0.15


def test_a_face_cut_off_by_the_frame_is_not_held_there():
    """Half a face at the frame's edge is half of the whole face that a mirror makes of it."""
    swap, plate, face = textured(12), textured(13), matte()
    half = slice(52, None)
    found = gradient_domain(swap[:, half], plate[:, half], face[:, half], log=False)
    swap, plate, face = (np.concatenate([part[:, :51:-1], part[:, half]], axis=1) for part in (swap, plate, face))
    whole = gradient_domain(swap, plate, face, log=False)
    away = np.s_[:, 8:]  # by the edge itself the average of the plate's edge sees only one side
    np.testing.assert_allclose(found[away], whole[:, face.shape[1] // 2 :][away], atol=0.02)


def test_without_a_matte_or_without_an_edge_the_swap_stays():
    swap, plate = textured(14), textured(15)
    np.testing.assert_array_equal(gradient_domain(swap, plate, np.zeros(SHAPE, np.float32), log=False), swap)
    np.testing.assert_array_equal(gradient_domain(swap, plate, np.ones(SHAPE, np.float32), log=False), swap)


def test_half_floats_and_pieces_do_as_well_as_whole_floats():
    swap, plate, face = textured(16), textured(17), matte()
    face[:, 50:54] = 0  # two parts
    whole = gradient_domain(swap, plate, face, log=False)
    np.testing.assert_allclose(gradient_domain(swap, plate.astype(np.float16), face, log=False), whole, atol=2e-3)
    left = np.where(np.arange(SHAPE[1]) < 52, face, 0).astype(np.float32)
    alone = gradient_domain(swap, plate, left, log=False)
    assert np.abs(alone - whole)[left > 0].max() < 0.05


def test_the_membrane_is_asked_for_where_the_matte_is(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "understudy.convert.blend.poisson.membrane", lambda *given: asked.append(given[0].shape) or membrane(*given)
    )
    gradient_domain(textured(), textured(2), matte(), log=False)
    assert asked == [(77, 77)]
