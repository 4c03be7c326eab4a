from __future__ import annotations

import numpy as np
import pytest
from understudy.face.exposure import evenly_exposed


def lit_by(light) -> np.ndarray:
    """The same texture under a light: display-encoded uint8 RGB."""
    texture = np.random.default_rng(5).uniform(0.5, 1.0, (96, 96, 3))
    return np.rint(255 * (np.broadcast_to(light, (96, 96))[..., None] * texture) ** (1 / 2.2)).astype(np.uint8)


def test_a_face_that_is_half_in_shadow_looks_like_one_in_plain_light() -> None:
    half = np.where(np.arange(96) < 48, 0.6, 0.01)
    plain, hard = evenly_exposed(lit_by(0.3), 8.0), evenly_exposed(lit_by(half), 8.0)
    for side in (np.s_[:, 4:24], np.s_[:, 72:92]):  # beyond the shadow's edge
        before = np.corrcoef(lit_by(half)[side].ravel(), lit_by(0.3)[side].ravel())[0, 1]
        assert np.abs(hard[side].astype(int) - plain[side]).mean() < 25  # a tenth of the light is left
        assert np.corrcoef(hard[side].ravel(), plain[side].ravel())[0, 1] > 0.97 * before
    assert np.abs(lit_by(half)[:, 72:92].astype(int) - lit_by(0.3)[:, 72:92]).mean() > 80


def test_luma_is_treated_as_colour_is_and_black_stays_black() -> None:
    grey = np.repeat(lit_by(0.2)[..., :1], 3, axis=2)
    colour = evenly_exposed(grey, 6.0)
    assert evenly_exposed(grey[..., 0], 6.0) == pytest.approx(colour[..., 0], abs=1)
    assert not evenly_exposed(np.zeros((32, 32, 3), np.uint8), 6.0).any()
