"""Holdout and roto: what the artist draws decides about the matte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_people import MadeShot, bits, channel, make_model, make_shot, write_exr
from understudy.convert import aligner
from understudy.errors import MissingInputError, UsageError
from understudy.events import Events
from understudy.settings import ConvertSettings, SwapSettings
from understudy.stages import convert, swap

SIZE = (112, 96)
HALF = 2e-3  # a half float's step near 1, twice


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> MadeShot:
    return make_shot(tmp_path_factory.mktemp("shot"), 2, SIZE)


def converted(shot: MadeShot, model: Path, folder: Path, **changes: Any) -> Path:
    """The first frame, with a matte of the whole hull and no light of its own, unless ``changes`` say otherwise."""
    values: dict[str, Any] = {"plate": shot.pattern, "model": model, "faceset": shot.faceset, "frames": "1001"}
    values |= {"device": "cpu", "convert_batch": 1, "occlusion": "none", "matte": "hull"}
    out = f"{folder.as_posix()}/out.####.exr"
    convert.run(ConvertSettings(**{**values, "out": out, **changes}), Events())
    return folder / "out.1001.exr"


def wave(step: int) -> np.ndarray:
    """A soft matte with black, white and everything between, as 8-bit codes."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return np.clip(128 + 200 * np.sin((x + 2 * y + step) / 7), 0, 255).astype(np.uint8)


def test_the_matte_is_the_product_of_roto_and_what_the_holdout_leaves(tmp_path, shot, model):
    cv2.imwrite(str(tmp_path / "hand.1001.png"), wave(0))
    cv2.imwrite(str(tmp_path / "roto.1001.tif"), wave(9).astype(np.uint16) * 257)
    given = {"holdout": f"{tmp_path}/hand.####.png", "roto": f"{tmp_path}/roto.####.tif"}
    plain = converted(shot, model, tmp_path / "plain")
    matte = channel(plain, "matte.A").astype(np.float64)
    hand, roto = wave(0) / 255, wave(9) / 255
    both = converted(shot, model, tmp_path / "both", **given)
    np.testing.assert_allclose(channel(both, "matte.A"), matte * roto * (1 - hand), atol=HALF)
    held = converted(shot, model, tmp_path / "held", holdout=given["holdout"])
    np.testing.assert_allclose(channel(held, "matte.A"), matte * (1 - hand), atol=HALF)
    only = converted(shot, model, tmp_path / "only", roto=given["roto"])
    np.testing.assert_allclose(channel(only, "matte.A"), matte * roto, atol=HALF)
    # Where the holdout is white the plate's bits stand, and the occlusion layer says why.
    white = hand == 1
    assert (matte[white] > 0.5).any()
    for one in "RGB":
        a, b = channel(held, one), channel(shot.plate(1001), one)
        np.testing.assert_array_equal(bits(a[white]), bits(b[white]))
    inside = channel(held, "confidence.Y") > 0
    np.testing.assert_allclose(channel(held, "occlusion.A"), np.where(inside, hand, 0), atol=HALF)
    assert not channel(only, "occlusion.A").any()


def test_the_holdout_wins_over_the_roto_and_over_hands_that_were_found(tmp_path, shot, model, monkeypatch):
    found = np.zeros((21, 2), np.float32)
    found[:, 0] = 192 + np.repeat(np.arange(-2, 3), [1, 5, 5, 5, 5]) * 6
    found[:, 1] = 192 + np.arange(21) % 5 * 6 - 12

    class OneHand:
        def find(self, _: np.ndarray) -> list[np.ndarray]:
            return [found]

    monkeypatch.setattr(aligner, "HandFinder", OneHand)
    white = np.full(SIZE[::-1], 255, np.uint8)
    half = np.full(SIZE[::-1], 128, np.uint8)
    cv2.imwrite(str(tmp_path / "white.png"), white)
    cv2.imwrite(str(tmp_path / "half.png"), half)
    white_file, half_file = str(tmp_path / "white.png"), str(tmp_path / "half.png")
    hands = converted(shot, model, tmp_path / "hands", occlusion="hands")
    before = channel(hands, "occlusion.A").astype(np.float64)
    assert (before > 0.9).any()
    held = converted(shot, model, tmp_path / "held", occlusion="hands", holdout=half_file, roto=white_file)
    inside = channel(held, "confidence.Y") > 0
    np.testing.assert_allclose(
        channel(held, "occlusion.A"), np.maximum(before, np.where(inside, 128 / 255, 0)), atol=HALF
    )
    np.testing.assert_allclose(
        channel(held, "matte.A"), channel(hands, "matte.A").astype(np.float64) * (127 / 255), atol=HALF
    )
    gone = converted(shot, model, tmp_path / "gone", holdout=white_file, roto=white_file)
    assert not channel(gone, "matte.A").any()


def test_what_is_held_out_does_not_light_the_new_face(tmp_path, model):
    """A loud stripe over the face, held out: the face beside it is the same whatever the colour of the stripe."""
    stripe = np.zeros(SIZE[::-1], np.uint8)
    stripe[:, 44:52] = 255
    cv2.imwrite(str(tmp_path / "stripe.png"), stripe)
    pictures = []
    shot = make_shot(tmp_path / "plate", 1, SIZE)
    original = np.stack([channel(shot.plate(1001), name) for name in "RGB"], axis=-1)
    for colour in ((0.2, 0.2, 0.2), (6.0, 0.1, 0.1)):
        loud = original.copy()
        loud[stripe > 0] = np.array(colour, np.float16)
        write_exr(shot.plate(1001), loud)
        pictures.append([])
        for name, limits in (("held", {"holdout": str(tmp_path / "stripe.png")}), ("not", {})):
            path = converted(shot, model, tmp_path / f"{name}{colour[0]}", **limits)
            pictures[-1].append(channel(path, "delta.R").astype(np.float64)[30:70, 53:57])
    held, not_held = (np.abs(pictures[0][kind] - pictures[1][kind]).mean() for kind in (0, 1))
    assert not_held > 0.01 and held < not_held / 2


def test_a_matte_lies_on_the_display_window_whatever_the_plates_data_window(tmp_path, model):
    windows = {
        "dataWindow": (np.array([-8, 4], np.int32), np.array([103, 99], np.int32)),
        "displayWindow": (np.array([0, 0], np.int32), np.array([119, 107], np.int32)),
    }
    shot = make_shot(tmp_path / "plate", 1, SIZE, origin=(-8, 4), **windows)
    roto = np.zeros((108, 120), np.uint8)
    roto[20:70, 30:60] = 255
    cv2.imwrite(str(tmp_path / "roto.png"), roto)
    plain, limited = (
        channel(converted(shot, model, tmp_path / name, profile="parts", **given), "matte.A").astype(np.float64)
        for name, given in (("plain", {}), ("roto", {"roto": str(tmp_path / "roto.png")}))
    )
    expected = np.zeros_like(plain)
    expected[16:66, 38:68] = plain[16:66, 38:68]  # display pixel = array pixel + (-8, 4)
    np.testing.assert_allclose(limited, expected, atol=HALF)
    assert expected.any() and (plain > expected).any()


def test_a_channel_of_the_plate_itself_may_be_the_holdout(tmp_path, shot, model):
    plain, held = (
        channel(converted(shot, model, tmp_path / name, **given), "matte.A").astype(np.float64)
        for name, given in (("plain", {}), ("held", {"holdout": f"{shot.pattern}:G"}))
    )
    green = np.clip(channel(shot.plate(1001), "G").astype(np.float64), 0, 1)
    np.testing.assert_allclose(held, plain * (1 - green), atol=HALF)


def test_mattes_that_do_not_fit_are_told_before_anything_is_written(tmp_path, shot, model):
    cv2.imwrite(str(tmp_path / "hand.1001.png"), wave(0))
    with pytest.raises(MissingInputError, match=r"Frame 1002 of .*hand\.%04d\.png"):
        converted(shot, model, tmp_path / "out", frames="1001-1002", holdout=f"{tmp_path}/hand.####.png")
    with pytest.raises(MissingInputError, match=r"nothing\.png"):
        converted(shot, model, tmp_path / "out", roto=f"{tmp_path}/nothing.png")
    cv2.imwrite(str(tmp_path / "small.png"), wave(0)[:50])
    with pytest.raises(UsageError, match="112 x 50 pixels, but frame 1001 is 112 x 96"):
        converted(shot, model, tmp_path / "out", roto=str(tmp_path / "small.png"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(MissingInputError, match=r"nothing\.png"):  # and not after hours of training
        swap.run(
            SwapSettings(plate=shot.pattern, source="nowhere", out=f"{tmp_path}/o.####.exr", roto="nothing.png"),
            Events(),
        )
