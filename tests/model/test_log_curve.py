from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from understudy.model.log_curve import decode, decode_bounded, encode


def test_light_from_a_little_below_black_to_64_survives_the_network_space():
    linear = torch.from_numpy(
        np.concatenate([np.linspace(-0.1, 1, 20001), np.geomspace(1e-6, 64, 20001)]).astype(np.float32)
    )
    back = decode(encode(linear))
    assert bool(((back - linear).abs() <= torch.maximum(linear.abs() * 1e-3, torch.tensor(1e-4))).all())
    assert torch.allclose(decode_bounded(encode(linear)), back, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("value", [0.0, 0.18, 1.0, 16.0, 64.0, -0.01, -0.1])
def test_known_values_come_back(value):
    back = float(decode(encode(torch.tensor(value))))
    assert math.isclose(back, value, rel_tol=1e-4, abs_tol=1e-6)


def test_the_code_rises_with_light_and_is_bounded_for_a_network():
    linear = torch.linspace(-1, 64, 10001)
    code = encode(linear)
    assert bool((code.diff() > 0).all())
    assert float(code.abs().max()) < 4
    assert float(encode(torch.tensor(0.0))) == 0.0
    assert float(encode(torch.tensor(1.0))) == pytest.approx(1.0)
    assert 0.35 < float(encode(torch.tensor(0.18))) < 0.6  # mid grey in the middle


def test_a_prediction_is_held_to_what_it_can_mean():
    held = decode_bounded(torch.tensor([-50.0, 50.0]))
    assert torch.allclose(held, torch.tensor([-0.1, 64.0]), rtol=1e-4)
