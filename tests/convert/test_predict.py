from __future__ import annotations

import numpy as np
import torch
from made_people import make_model
from understudy.convert.predict import Predictor
from understudy.model.normalisation import ColourStats
from understudy.model.store import load_model

LIGHT = ColourStats(torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.1, 0.2, 0.3]))


def crops(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    hull = np.zeros((count, 64, 64), np.float32)
    hull[:, 10:54, 14:50] = 1
    return rng.uniform(0, 1, (count, 64, 64, 3)).astype(np.float32), hull


def test_a_face_does_not_depend_on_its_company(tmp_path):
    network, _ = load_model(make_model(tmp_path), torch.device("cpu"))
    pictures, hulls = crops(7)
    together = Predictor(network, LIGHT, 4).predict(pictures, hulls, [1.0] * 7)
    for index in (0, 3, 5, 6):
        (alone,) = Predictor(network, LIGHT, 4).predict(pictures[index : index + 1], hulls[index : index + 1], [1.0])
        for name in ("shown", "swap", "source_mask", "target_mask", "window"):
            assert torch.equal(getattr(alone, name), getattr(together[index], name)), (index, name)
    others = Predictor(network, LIGHT, 3).predict(pictures, hulls, [1.0] * 7)
    assert all(torch.allclose(a.swap, b.swap, atol=1e-4) for a, b in zip(together, others, strict=True))
    assert not torch.allclose(together[0].swap, together[1].swap, atol=1e-3)
