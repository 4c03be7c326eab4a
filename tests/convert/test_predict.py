from __future__ import annotations

import numpy as np
import torch
from made_people import make_model
from understudy.convert.colour_match import broad, matched
from understudy.convert.predict import Prediction, Predictor
from understudy.model.presentation import Light
from understudy.model.store import load_model

LIGHT = Light(torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.1, 0.2, 0.3]))


def crops(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    hull = np.zeros((count, 64, 64), np.float32)
    hull[:, 10:54, 14:50] = 1
    return rng.uniform(0, 1, (count, 64, 64, 3)).astype(np.float32), hull


def test_a_face_does_not_depend_on_its_company(tmp_path):
    network, _ = load_model(make_model(tmp_path), torch.device("cpu"))
    pictures, hulls = crops(7)
    together = Predictor(network, LIGHT, 4).predict(pictures, hulls)
    for index in (0, 3, 5, 6):
        (alone,) = Predictor(network, LIGHT, 4).predict(pictures[index : index + 1], hulls[index : index + 1])
        for name in ("shown", "swap", "mask", "window"):
            assert torch.equal(getattr(alone, name), getattr(together[index], name)), (index, name)
    others = Predictor(network, LIGHT, 3).predict(pictures, hulls)
    assert all(torch.allclose(a.swap, b.swap, atol=1e-4) for a, b in zip(together, others, strict=True))
    assert not torch.allclose(together[0].swap, together[1].swap, atol=1e-3)


def prediction() -> Prediction:
    generator = torch.Generator().manual_seed(9)
    window = torch.zeros(1, 64, 64)
    window[:, 8:56, 8:56] = 1
    swap = torch.randn(3, 64, 64, generator=generator)
    shown = torch.randn(3, 64, 64, generator=generator) + torch.linspace(-2, 2, 64)  # lit from the right
    return Prediction(shown, swap, window, window)


def test_without_relighting_the_shots_light_is_one_constant_map():
    face = prediction()
    result = matched(face, LIGHT, torch.zeros(1, 64, 64), relight=0.0, reach=0.1)
    expected = face.swap * torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1) + torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)
    assert torch.allclose(result, expected, atol=1e-6)


def test_relighting_takes_the_plates_broad_light_and_keeps_the_detail():
    face = prediction()
    result = LIGHT.normalise(matched(face, LIGHT, torch.zeros(1, 64, 64), relight=1.0, reach=0.1)[None])[0]
    columns = result[:, 12:52, 12:52].mean((0, 1))
    slope = np.polyfit(np.arange(40), columns.numpy(), 1)[0]
    assert abs(slope - 4 / 63) < 0.015
    detail = result - face.swap
    assert float((detail[:, 12:52, 13:52] - detail[:, 12:52, 12:51]).abs().mean()) < 0.1
    assert torch.allclose(result[:, :8], face.swap[:, :8], atol=1e-4)  # nothing outside the window


def test_what_stands_before_the_face_does_not_light_it():
    face = prediction()
    hidden = torch.zeros(1, 64, 64)
    hidden[:, 20:40, 20:40] = 1
    loud = Prediction(face.shown + 50 * hidden, face.swap, face.mask, face.window)
    with_hand = matched(loud, LIGHT, hidden, relight=1.0, reach=0.05)
    without = matched(face, LIGHT, hidden, relight=1.0, reach=0.05)
    assert torch.allclose(with_hand, without, atol=1e-3)


def test_light_is_carried_across_what_is_not_seen():
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64)
    seen = torch.ones(1, 1, 64, 64)
    seen[..., 24:36, 10:54] = 0  # a band of eyes and brows
    found = broad(torch.where(seen > 0, ramp, 9.0), seen, 0.02)
    middle = (slice(None), slice(None), slice(8, 56), slice(16, 48))
    assert torch.allclose(found[middle], ramp[middle], atol=0.08)
    everything = broad(ramp, torch.ones_like(seen), 0.02)
    assert torch.allclose(everything[middle], ramp[middle], atol=1e-3)
