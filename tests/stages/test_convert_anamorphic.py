"""Plates whose pixels are not square: what is laid is that of the square plate, seen through the plate's own pixels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_heads import Filmed, Moment, Performer, shoot, take
from made_people import bits, channel, read_exr, write_exr
from numpy.typing import NDArray
from understudy.convert.cache import LatestCache
from understudy.events import Events
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import prepare
from understudy.face.mesh import rest
from understudy.faceset.store import Faceset
from understudy.plate.square import stretch_of
from understudy.settings import ConvertSettings, FindSettings, PlateOptions, PreviewSettings
from understudy.stages import convert, find, preview

LAMP = np.zeros((9, 3))
LAMP[:3] = [(-0.1, -0.2, -0.3), (0.3, 0.3, 0.3), (0.15, 0.1, 0.1)]
ANNE = Performer(light=LAMP)
BERT = Performer((0.22, 0.16, 0.12), mesh=rest() * (1.08, 1.0, 1.0), pattern=15)
MOMENTS = [Moment(x=70, yaw=-12), Moment(x=74, yaw=-6, mouth=0.03), Moment(x=80, yaw=4, mouth=0.05)]
OWN = [Moment(yaw=-25), Moment(yaw=-12, mouth=0.05, pitch=4), Moment(), Moment(yaw=8, mouth=0.1), Moment(yaw=20)]
MORE = ["motion", "depth", "cryptomatte"]


def squeezed_by(factors: tuple[int, int], picture: NDArray[Any]) -> NDArray[Any]:
    """The mean over blocks of ``factors`` (x, y) pixels: what a sensor with such pixels would have seen."""
    x, y = factors
    height, width = picture.shape[:2]
    return (
        picture.reshape(height // y, y, width // x, x, -1)
        .mean((1, 3))
        .reshape(height // y, width // x, *picture.shape[2:])
    )


def rgb(path: Path, layer: str = "") -> NDArray[np.float64]:
    names = [f"{layer}.{name}" if layer else name for name in "RGB"]
    return np.stack([channel(path, name) for name in names], axis=-1).astype(np.float64)


def squeeze(square: Filmed, folder: Path, factors: tuple[int, int], origin: tuple[int, int] = (0, 0)) -> Filmed:
    """The same shot with pixels ``factors`` as large, its array beginning at ``origin`` of the display window."""
    pattern = (folder / "shot.%04d.exr").as_posix()
    header: dict[str, Any] = {"pixelAspectRatio": factors[0] / factors[1]}
    for frame in square.frames:
        image = squeezed_by(factors, rgb(square.plate(frame)))
        if origin != (0, 0):
            image = image[origin[1] :, origin[0] :]
            high = np.array([origin[0] + image.shape[1] - 1, origin[1] + image.shape[0] - 1], np.int32)
            header["dataWindow"] = np.array(origin, np.int32), high
            header["displayWindow"] = np.zeros(2, np.int32), high
        write_exr(Path(pattern % frame), np.ascontiguousarray(image.astype(np.float16)), **header)
    shot = prepare(PlateOptions(plate=pattern), Events())
    faceset = Faceset.create(folder / "faces", {})
    for face in Faceset.open(square.faceset).faces():
        own = replace(face.in_plate(shot.stretch), plate=shot.key)
        faceset.add(own, cut(shot, shot.read(face.frame).as_stored, own.matrix, own.crop_size))
    return Filmed(pattern, folder / "faces", square.frames)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "bert"
    take(folder, BERT, OWN)
    return folder


@pytest.fixture(scope="module")
def square(tmp_path_factory) -> Filmed:
    return shoot(tmp_path_factory.mktemp("square"), ANNE, MOMENTS)


def settings(shot: Filmed, source: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"plate": shot.pattern, "source": source, "faceset": shot.faceset, "occlusion": "none"}
    return values | {"grain": 0.0, "device": "cpu", "out": f"{folder.as_posix()}/out.####.exr"} | changes


def converted(shot: Filmed, source: Path, folder: Path, **changes: Any) -> Path:
    wanted = settings(shot, source, folder, frames="1002", **changes)
    convert.run(ConvertSettings(**wanted), Events())
    return folder / "out.1002.exr"


@pytest.fixture(scope="module")
def wanted(tmp_path_factory, square, source) -> Path:
    return converted(square, source, tmp_path_factory.mktemp("wanted"), extra_layers=MORE)


@pytest.mark.parametrize("factors", [(2, 1), (1, 2)])
def test_the_new_face_is_that_of_the_square_plate_and_nothing_else_changes(tmp_path, square, source, wanted, factors):
    shot = squeeze(square, tmp_path / "plate", factors)
    path = converted(shot, source, tmp_path, extra_layers=MORE)
    assert read_exr(path).parts[0].header["pixelAspectRatio"] == factors[0] / factors[1]
    matte, plate = channel(path, "matte.A"), rgb(shot.plate(1002))
    np.testing.assert_array_equal(
        bits(rgb(path).astype(np.float16)[matte == 0]), bits(plate.astype(np.float16)[matte == 0])
    )
    true = squeezed_by(factors, channel(wanted, "matte.A").astype(np.float64))
    assert np.abs(matte - true).mean() < 0.01 and (matte > 0.9).sum() > 1000
    core = cv2.erode((np.minimum(matte, true) > 0.99).astype(np.uint8), np.ones((3, 3))) > 0
    for layer in ("", "swap", "raw"):
        off = np.abs(rgb(path, layer) - squeezed_by(factors, rgb(wanted, layer)))[core]
        assert off.mean() < 0.012, layer
    # Where a pixel lies in the crop does not depend on its shape.
    for name in ("st.u", "st.v"):
        off = np.abs(channel(path, name) - squeezed_by(factors, channel(wanted, name).astype(np.float64)))
        assert off[core].mean() < 2e-4, name
    # Data is never mixed: each pixel has that of one of those that it is made of.
    for name, factor, most in (("depth.Z", 1, 1e-3), ("forward.u", factors[0], 0.05), ("forward.v", factors[1], 0.05)):
        true = channel(wanted, name)[:: factors[1], :: factors[0]].astype(np.float64) / factor
        assert np.abs(channel(path, name) - true)[core].mean() < most, name
    first = channel(path, "CryptoFace00.r"), channel(wanted, "CryptoFace00.r")[:: factors[1], :: factors[0]]
    assert first[1].any() and (bits(first[0]) == bits(first[1]))[core].mean() > 0.97


def test_a_data_window_that_begins_elsewhere_moves_nothing(tmp_path, square, source, wanted):
    shot = squeeze(square, tmp_path / "plate", (2, 1), origin=(11, 7))
    path = converted(shot, source, tmp_path, profile="parts")
    true = squeezed_by((2, 1), channel(wanted, "matte.A").astype(np.float64))[7:, 11:]
    assert np.abs(channel(path, "matte.A") - true).mean() < 0.01
    core = true > 0.99
    u = squeezed_by((2, 1), channel(wanted, "st.u").astype(np.float64))[7:, 11:]
    assert np.abs(channel(path, "st.u") - u)[core].mean() < 2e-4


def test_mattes_are_of_the_plate_s_own_pixels(tmp_path, square, source):
    shot = squeeze(square, tmp_path / "plate", (2, 1))
    held = np.zeros((150, 80), np.float32)
    held[:, 37:] = 1.0
    cv2.imwrite(str(tmp_path / "held.png"), (held * 255).astype(np.uint8))
    path = converted(shot, source, tmp_path, holdout=str(tmp_path / "held.png"))
    matte = channel(path, "matte.A")
    assert matte[:, :36].max() > 0.9 and matte[:, 38:].max() < 1e-3


def test_a_preview_is_what_is_converted(tmp_path, square, source):
    shot = squeeze(square, tmp_path / "plate", (2, 1))
    path = converted(shot, source, tmp_path)
    options = settings(shot, source, tmp_path, frame=1002, out=tmp_path / "preview")
    report = preview.run(PreviewSettings(**options), Events(), LatestCache())
    assert (report["width"], report["height"]) == (80, 150)
    np.testing.assert_array_equal(rgb(Path(report["files"]["composite"])), rgb(path))


def test_real_faces_are_found_where_they_are(tmp_path):
    """The bundled plate squeezed by two: the places of its landmarks are those of the square one, halved."""
    import understudy

    find.warm_analyser.cache_clear()  # it may be of another test's networks
    folder = Path(understudy.__file__).parent / "sample"
    options = {"plate": (folder / "plate.####.exr").as_posix(), "frame": 1003}
    plain = find.run(FindSettings(**options), Events())
    write_exr(
        tmp_path / "plate.1003.exr",
        squeezed_by((2, 1), rgb(folder / "plate.1003.exr")).astype(np.float16),
        pixelAspectRatio=2.0,
    )
    found = find.run(FindSettings(plate=str(tmp_path / "plate.1003.exr"), frame=1003), Events())
    assert found["width"] * 2 == plain["width"]
    (own,), (true,) = found["faces"], plain["faces"]
    marks, wanted = np.array(own["landmarks"]) * (2, 1), np.array(true["landmarks"])
    eyes = np.linalg.norm(wanted[36:42].mean(0) - wanted[42:48].mean(0))
    assert np.linalg.norm(marks - wanted, axis=1).mean() < 0.03 * eyes
    np.testing.assert_allclose(own["pose"], true["pose"], atol=3)


def test_an_aspect_that_no_picture_has_is_told_and_not_used(tmp_path, square):
    for aspect, stretch in ((0.0, 1), (-2.0, 1), (1000.0, 1), (1.001, 1), (1.0667, 1.0667)):
        assert stretch_of(aspect)[0] == pytest.approx(stretch)
    write_exr(tmp_path / "a.0001.exr", rgb(square.plate(1001)).astype(np.float16), pixelAspectRatio=1000.0)
    notes: list[str] = []
    events = Events()
    events.note = notes.append  # type: ignore[method-assign]
    assert prepare(PlateOptions(plate=str(tmp_path / "a.0001.exr")), events).stretch == (1.0, 1.0)
    assert "is none that a picture has" in notes[-1]


def test_a_broken_pixel_is_not_spread_by_the_change_of_shape(tmp_path, square):
    picture = squeezed_by((2, 1), rgb(square.plate(1001))).astype(np.float16)
    broken = picture.copy()
    broken[40, 30], broken[60, 20], broken[80, 50] = np.nan, np.inf, 65504
    seen = []
    for name, pixels in (("sound", picture), ("broken", broken)):
        write_exr(tmp_path / f"{name}.0001.exr", pixels, pixelAspectRatio=2.0, colorInteropID="lin_rec709_scene")
        shot = prepare(PlateOptions(plate=str(tmp_path / f"{name}.0001.exr")), Events())
        seen.append(shot.read(1))
    assert np.abs(seen[1].rgb - seen[0].rgb).max() < 0.1
    np.testing.assert_array_equal(bits(seen[1].as_stored.rgb), bits(broken))
