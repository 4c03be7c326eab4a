"""The fusion network: with its first weights it changes nothing; its shares do what they say."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from understudy.errors import ModelError
from understudy.model import fusion
from understudy.model.fusion import (
    CANDIDATES,
    FILE,
    FLOOR,
    LIGHT,
    MAPS,
    PER_UNIT,
    SHARES,
    SIDE,
    Fusion,
    fused,
    load_fusion,
    shipped_fusion,
)

HEIGHT, WIDTH, UNIT = 70, 90, 60.0


def picture(seed: int) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) smooth scene-linear light, some of it brighter than white."""
    noise = np.random.default_rng(seed).random((HEIGHT, WIDTH, 3)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 3) ** 2 * 6


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).permute(2, 0, 1)[None]


def result(shares: tuple[float, ...], *, matte: np.ndarray | float = 1.0, skin: np.ndarray | float = 1.0) -> np.ndarray:
    field = torch.tensor(shares).reshape(1, SHARES, 1, 1).expand(1, SHARES, HEIGHT, WIDTH)
    planes = [tensor(np.broadcast_to(one, (HEIGHT, WIDTH))[..., None].copy()) for one in (matte, skin)]
    faces = [tensor(picture(seed)) for seed in (1, 3, 2)]  # rendered, mesh, carrier
    return fused(field, *faces, *planes, UNIT)[0].permute(1, 2, 0).numpy()


def inner(values: np.ndarray) -> np.ndarray:
    return values[20:-20, 20:-20]


def test_the_first_weights_change_nothing():
    torch.manual_seed(3)
    seen, maps = torch.rand(1, CANDIDATES, 3, SIDE, SIDE), torch.rand(1, MAPS, SIDE, SIDE)
    with torch.inference_mode():
        shares = Fusion().eval()(seen, maps)
        face = fused(shares, seen[:, 0], seen[:, 1], seen[:, 2], maps[:, :1], maps[:, 6:7], PER_UNIT)
    assert torch.equal(face, seen[:, 0])


def test_it_is_small():
    assert 2e5 < sum(one.numel() for one in Fusion().parameters()) < 5e5


@pytest.mark.parametrize("shares", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.2)])
def test_shares_take_the_others_light_and_leave_detail(shares):
    own, mesh, carrier = (np.log(picture(seed) + FLOOR) for seed in (1, 3, 2))
    gaps = [
        share * cv2.GaussianBlur(other - own, (0, 0), LIGHT * UNIT, borderType=cv2.BORDER_REPLICATE)
        for share, other in zip(shares, (carrier, mesh), strict=True)
    ]
    found = np.log(inner(result(shares)) + FLOOR)
    assert np.abs(found - inner(own + sum(gaps))).max() < 0.02


def test_even_light_becomes_the_carriers_to_the_last_digit():
    field = torch.tensor([1.0, 0.0]).reshape(1, SHARES, 1, 1).expand(1, SHARES, HEIGHT, WIDTH)
    own, carrier, one = torch.full((1, 3, HEIGHT, WIDTH), 0.3), torch.full((1, 3, HEIGHT, WIDTH), 0.7), torch.ones(1)
    plane = one.expand(1, 1, HEIGHT, WIDTH)
    assert torch.allclose(fused(field, own, own, carrier, plane, plane, UNIT), carrier, atol=1e-5)


def test_eyes_brows_and_lips_stay_as_they_were():
    skin = np.ones((HEIGHT, WIDTH), np.float32)
    skin[:, 40:] = 0
    face = result((1.0, 0.5), skin=skin)
    assert np.array_equal(face[:, 60:], picture(1)[:, 60:])
    assert not np.allclose(face[:, :25], picture(1)[:, :25], atol=0.05)


def test_outside_the_matte_everything_keeps_its_bits():
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[20:50, 30:60] = 1
    face = result((1.0, 0.5), matte=matte)
    assert np.array_equal(face[matte == 0], picture(1)[matte == 0])
    assert not np.allclose(face[matte > 0], picture(1)[matte > 0], atol=0.05)


def test_where_no_skin_is_seen_nothing_changes():
    assert np.array_equal(result((1.0, 0.5), skin=0.0), picture(1))


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({"enter.1.0.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(RuntimeError):
        load_fusion(tmp_path / "other.safetensors")


def test_missing_weights_are_told_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(fusion, "FILE", tmp_path / "fusion.safetensors")
    shipped_fusion.cache_clear()
    with pytest.raises(ModelError, match=r"fusion\.safetensors"):
        shipped_fusion()
    shipped_fusion.cache_clear()


def test_what_is_shipped_says_how_it_was_made_and_answers_within_bounds():
    with safe_open(FILE, framework="pt") as file:
        card = json.loads(file.metadata()["card"])
    assert card["licence"] == "CC0-1.0"
    assert FILE.stat().st_size < 4e6
    torch.manual_seed(5)
    with torch.inference_mode():
        shares = shipped_fusion()(torch.rand(1, CANDIDATES, 3, SIDE, SIDE), torch.rand(1, MAPS, SIDE, SIDE))
    assert shares.shape == (1, SHARES, SIDE, SIDE)
    assert -0.2001 <= float(shares.min()) < float(shares.max()) <= 1.0001
