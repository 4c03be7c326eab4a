"""Plates and footage with broken pixels: the new face is that of their clean twins, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_heads import SIZE, Filmed, Moment, Performer, film, ground, shoot, take
from made_people import bits, channel, make_model
from understudy.events import Events
from understudy.face.mesh import rest
from understudy.settings import ConvertSettings
from understudy.stages import convert

LAMP = np.zeros((9, 3))
LAMP[:3] = [(-0.1, -0.2, -0.3), (0.3, 0.3, 0.3), (0.15, 0.1, 0.1)]
ANNE = Performer(light=LAMP)
BERT = Performer((0.22, 0.16, 0.12), mesh=rest() * (1.08, 1.0, 1.0), pattern=15)
MOMENTS = [Moment(x=72, yaw=-8), Moment(x=76, yaw=-4, mouth=0.03)]
OWN = [Moment(yaw=-20), Moment(yaw=-8, mouth=0.05), Moment(), Moment(yaw=10, mouth=0.03), Moment(pitch=5)]
FIREFLIES = (np.inf, 65504.0, 1000.0)


def grain(image: np.ndarray, index: int) -> None:
    image += np.random.default_rng(index).normal(0, 0.01, image.shape).astype(image.dtype)


def spot(image: np.ndarray, rng: np.random.Generator, middle: tuple[int, int], values: Any) -> None:
    """Single pixels on a face around ``middle``, x y."""
    for value in values:
        x, y = np.add(middle, rng.integers((-20, -25), (20, 30)))
        image[y, x] = value


def dirty(image: np.ndarray, index: int) -> None:
    """Three fireflies on the face as in the report, pixels of every other kind, a dead patch, and fireflies beside it."""
    grain(image, index)
    rng, (x, y) = np.random.default_rng(50 + index), (int(MOMENTS[index].x), int(MOMENTS[index].y))
    spot(image, rng, (x, y), (*FIREFLIES, np.nan, -1000.0, -np.inf, 10.0))
    image[y - 22 : y - 15, x - 12 : x - 5] = 0
    for side in (-1, 1):
        image[y + 4 * side, x + 37 * side] = image[y + 17 * side, x + 41 * side] = 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("dirty")


@pytest.fixture(scope="module")
def makers(folder) -> dict[str, Any]:
    take(folder / "bert", BERT, OWN)
    return {"source": folder / "bert", "model": make_model(folder / "model")}


@pytest.fixture(scope="module")
def clean(folder) -> Filmed:
    return shoot(folder / "clean", ANNE, MOMENTS, spoil=grain)


def converted(shot: Filmed, out: Path, **made_of: Any) -> Path:
    """With all that is measured on a plate."""
    values: dict[str, Any] = {"plate": shot.pattern, "faceset": shot.faceset, "occlusion": "none", "device": "cpu"}
    values |= {"out": f"{out.as_posix()}/out.####.exr", "grain": 1.0, "sharpness": 1.0, "convert_batch": 2}
    convert.run(ConvertSettings(**values, **made_of), Events())
    return out


@pytest.fixture(scope="module")
def twins(folder, clean, makers) -> dict[str, Path]:
    return {name: converted(clean, folder / f"clean_{name}", **{name: path}) for name, path in makers.items()}


def rgb(path: Path, layer: str = "") -> np.ndarray:
    return np.stack([channel(path, f"{layer}.{name}" if layer else name) for name in "RGB"], axis=-1)


def psnr(out: Path, twin: Path, frame: int) -> float:
    """Of the new face as it is laid in, in dB of white."""
    made, wanted = (rgb(folder / f"out.{frame}.exr", "swap").astype(float) for folder in (out, twin))
    shown = channel(twin / f"out.{frame}.exr", "matte.A") > 0.02
    return float(-10 * np.log10(((made - wanted)[shown] ** 2).mean()))


@pytest.mark.parametrize("name", ["source", "model"])
def test_a_dirty_plate_gives_the_face_of_its_clean_twin_and_keeps_its_own_bits(folder, twins, makers, name):
    shot = shoot(folder / f"dirty_plate_{name}", ANNE, MOMENTS, spoil=dirty)
    out = converted(shot, folder / f"dirty_{name}", **{name: makers[name]})
    for frame in shot.frames:
        assert psnr(out, twins[name], frame) > 45
        path = out / f"out.{frame}.exr"
        plate, result, matte = rgb(shot.plate(frame)), rgb(path), channel(path, "matte.A")
        assert np.abs(matte - channel(twins[name] / f"out.{frame}.exr", "matte.A")).mean() < 0.005
        np.testing.assert_array_equal(bits(result[matte == 0]), bits(plate[matte == 0]))
        assert np.isfinite(result[matte == 1]).all()


def test_crops_that_fireflies_were_spread_into_are_as_good(folder, clean, makers, twins):
    """Facesets of before, and footage of others: there a filter was over the broken pixels."""
    pictures = [film(BERT, moment, ground(SIZE)) for moment in OWN]
    for index, picture in enumerate(pictures):
        spot(picture, np.random.default_rng(index), (80, 80), (65504.0, 1000.0))
    take(folder / "spoilt", BERT, OWN, pictures=pictures)
    out = converted(clean, folder / "spoilt_source", source=folder / "spoilt")
    assert min(psnr(out, twins["source"], frame) for frame in clean.frames) > 40
