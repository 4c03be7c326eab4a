"""A new face from the source's footage, from plate to plate: what is changed, what keeps its bits, and by which options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_heads import SIZE, Filmed, Moment, Performer, film, record, shoot, take
from made_people import bits, channel, make_model, read_exr
from understudy.convert.cache import LatestCache
from understudy.errors import UsageError
from understudy.events import Events, Recorder
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import prepare
from understudy.face.mesh import rest
from understudy.faceset.store import Faceset
from understudy.plate.reader import read_frame
from understudy.settings import ConvertSettings, PlateOptions, PreviewSettings
from understudy.stages import convert, preview

LAYERS = (
    "R G B A swap.R swap.G swap.B swap.A raw.R raw.G raw.B delta.R delta.G delta.B matte.A occlusion.A confidence.Y"
)
HALF, FLOAT = LAYERS.split(), ["st.u", "st.v"]

LAMP = np.zeros((9, 3))
LAMP[:3] = [(-0.1, -0.2, -0.3), (0.3, 0.3, 0.3), (0.15, 0.1, 0.1)]
ANNE = Performer(light=LAMP)
BERT = Performer((0.22, 0.16, 0.12), mesh=rest() * (1.08, 1.0, 1.0), pattern=15)
MOMENTS = [Moment(x=70, yaw=-12), Moment(x=74, yaw=-6, mouth=0.03), None, Moment(x=82, mouth=0.06), Moment(x=86, yaw=8)]
OWN = [
    Moment(yaw=-25),
    Moment(yaw=-12, mouth=0.05, pitch=4),
    Moment(),
    Moment(yaw=8, mouth=0.1),
    Moment(yaw=20),
    Moment(pitch=5),
]


def noise(image: np.ndarray, index: int) -> None:
    image += np.random.default_rng(index).normal(0, 0.01, image.shape).astype(image.dtype)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "bert"
    take(folder, BERT, OWN)
    return folder


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> Filmed:
    return shoot(tmp_path_factory.mktemp("shot"), ANNE, MOMENTS, spoil=noise)


def settings(shot: Filmed, who: Path, folder: Path, **changes: Any) -> ConvertSettings:
    values: dict[str, Any] = {"plate": shot.pattern, "source": who, "faceset": shot.faceset, "occlusion": "none"}
    return ConvertSettings(**{**values, "device": "cpu", "out": f"{folder.as_posix()}/out.####.exr", **changes})


def converted(shot: Filmed, who: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    return convert.run(settings(shot, who, folder, **changes), Events())


def written(folder: Path, frame: int) -> Path:
    return folder / f"out.{frame}.exr"


def rgb(path: Path | str, layer: str = "") -> np.ndarray:
    return np.stack([channel(Path(path), f"{layer}.{name}" if layer else name) for name in "RGB"], axis=-1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, shot, source) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    recorder = Recorder()
    report = convert.run(settings(shot, source, folder), Events(recorder))
    assert (report["frames"], report["without_face"]) == (5, 1)
    return folder


def test_a_frame_alone_is_the_frame_of_the_whole_range(tmp_path, shot, source, whole):
    converted(shot, source, tmp_path / "alone", frames="1004", convert_batch=1)
    converted(shot, source, tmp_path / "end", frames="1003-1005", convert_batch=3)
    for name in ("alone", "end"):
        assert written(tmp_path / name, 1004).read_bytes() == written(whole, 1004).read_bytes()
    assert not written(tmp_path / "alone", 1005).exists()


def test_outside_the_matte_are_the_plates_bits_and_inside_is_somebody_else(shot, whole):
    for frame in shot.frames:
        plate, result = rgb(shot.plate(frame)), rgb(written(whole, frame))
        matte = channel(written(whole, frame), "matte.A")
        np.testing.assert_array_equal(bits(result[matte == 0]), bits(plate[matte == 0]))
        if frame == 1003:
            assert not matte.any()
            for name in (*HALF[4:], *FLOAT):
                assert not channel(written(whole, frame), name).any(), name
        else:
            assert (matte > 0.9).sum() > 2000 and np.abs(result - plate)[matte > 0.9].mean() > 0.01
            assert (matte[:8] == 0).all() and (matte[:, -8:] == 0).all()


def test_the_new_face_is_the_sources_in_the_light_and_pose_of_the_plate(shot, whole):
    """The truth: the source's performer filmed in the plate's light, doing what is done in the plate."""
    truth = replace(BERT, light=LAMP)
    for frame, moment in zip(shot.frames, MOMENTS, strict=True):
        if moment is None:
            continue
        plate, result = rgb(shot.plate(frame)).astype(float), rgb(written(whole, frame)).astype(float)
        true = film(truth, moment, np.full((*SIZE, 3), -1, np.float32))
        face = cv2.erode((true.min(-1) > 0).astype(np.uint8), np.ones((13, 13))) > 0
        # What a light is and what a skin is cannot be told apart: the face is as bright as the plate's.
        pattern = [np.log(np.maximum(one, 1e-3).mean(-1))[face] for one in (true, result, plate)]
        likeness = [np.corrcoef(pattern[0], one)[0, 1] for one in pattern[1:]]
        assert likeness[0] > 0.8 and likeness[0] > likeness[1] + 0.05, (frame, likeness)


@pytest.mark.parametrize("profile", ["flat", "parts"])
def test_all_layers_are_written_and_fit_each_other(tmp_path, shot, source, profile):
    converted(shot, source, tmp_path, frames="1002", profile=profile)
    path = written(tmp_path, 1002)
    types = {name: one.pixels.dtype for part in read_exr(path).parts for name, one in part.channels.items()}
    assert {name for name, dtype in types.items() if dtype == np.float16} == set(HALF)
    assert {name for name, dtype in types.items() if dtype == np.float32} == set(FLOAT)
    header = read_exr(path).parts[0].header
    assert header["understudy/source_faces"] == len(OWN) and "understudy/model_steps" not in header
    matte = channel(path, "matte.A").astype(np.float64)[..., None]
    over = rgb(path, "swap") + (1 - matte) * rgb(shot.plate(1002))
    np.testing.assert_allclose(over, rgb(path), rtol=4e-3, atol=2e-3)
    confidence = channel(path, "confidence.Y").astype(float)
    assert 0.5 < confidence.max() <= 0.9 and not confidence[channel(path, "matte.A") == 0].any()
    # The head is where the st map says: its crop is the extraction's.
    (face,) = [face for face in Faceset.open(shot.faceset).faces() if face.frame == 1002]
    row, column = 82, 75
    expected = face.matrix[:, :2] @ (column + 0.5, row + 0.5) + face.matrix[:, 2]
    found = channel(path, "st.u")[row, column], 1 - channel(path, "st.v")[row, column]
    assert found == pytest.approx(tuple(expected / face.crop_size), abs=2e-3)


def test_raw_is_the_face_before_light_and_colour(tmp_path, shot, source, whole):
    path = written(whole, 1002)
    core = channel(path, "matte.A") == 1
    raw, swap = rgb(path, "raw").astype(float)[core], rgb(path, "swap").astype(float)[core]
    ratio = np.log(swap.mean(0) / raw.mean(0))
    assert ratio.min() > 0.1  # the plate's skin is brighter than the source's
    plain = {"colour_match": "none", "relight": 0.0, "sharpness": 0.0, "grain": 0.0, "frames": "1002"}
    converted(shot, source, tmp_path, **plain)
    path = written(tmp_path, 1002)
    # The inside of an open mouth is the plate's, which raw knows nothing of.
    off = np.abs(rgb(path, "swap").astype(float)[core] - raw)
    assert off.mean() < 2e-3 and np.quantile(off, 0.95) < 0.01
    np.testing.assert_array_equal(bits(rgb(path, "raw")), bits(rgb(written(whole, 1002), "raw")))


LOOKS: list[dict[str, Any]] = [
    {"colour_match": "none"}, {"colour_strength": 0.3}, {"colour_part": "chroma"}, {"colour_part": "exposure"},
    {"relight": 0.2}, {"relight_reach": 0.1}, {"face_scale": 1.1}, {"face_x": 4.0}, {"face_y": -4.0},
    {"face_rotate": 8.0}, {"grain": 0.0}, {"grain": 3.0}, {"erode": 3.0}, {"feather": 0.2},
    {"feather_in": 4.0}, {"feather_out": 4.0}, {"opacity": 0.5}, {"matte": "hull"}, {"holdout": "half.png"},
    {"roto": "half.png"}, {"blend": "gradient"}, {"blend": "gradient-log"}, {"blend": "pyramid"}, {"defocus": 2.0},
    {"motion_blur": 1.0}, {"degrade": 0.7}, {"reference_frames": "1001"}, {"forbidden_frames": "1003"},
]  # fmt: skip


@pytest.fixture(scope="module")
def look(tmp_path_factory, shot, source):
    """What one frame looks like with some options: its composite, matte, and face."""
    kept, folder = LatestCache(), tmp_path_factory.mktemp("look")
    half = np.zeros(SIZE, np.uint8)
    half[:, :75] = 255
    cv2.imwrite(str(folder / "half.png"), half)

    def seen(**changes: Any) -> dict[str, np.ndarray]:
        for name in ("holdout", "roto"):
            if name in changes:
                changes[name] = str(folder / changes[name])
        values: dict[str, Any] = {"plate": shot.pattern, "source": source, "faceset": shot.faceset, "occlusion": "none"}
        wanted = PreviewSettings(**{**values, "frame": 1002, "out": folder, "device": "cpu", **changes})
        return {name: rgb(path) for name, path in preview.run(wanted, Events(), kept)["files"].items()}

    return seen


@pytest.mark.parametrize("changes", LOOKS, ids=lambda one: "-".join(f"{name}-{value}" for name, value in one.items()))
def test_every_option_of_the_look_shows(look, changes):
    usual, changed = look(), look(**changes)
    assert (bits(changed["composite"]) != bits(usual["composite"])).any(-1).sum() > 40
    outside = changed["matte"][..., 0] == 0
    np.testing.assert_array_equal(bits(changed["composite"][outside]), bits(changed["plate"][outside]))
    np.testing.assert_array_equal(bits(look()["composite"]), bits(usual["composite"]))  # and leaves nothing behind


def test_options_change_what_they_say(look):
    usual = look()
    area = {name: look(**changes)["matte"].astype(float).sum() for name, changes in {
        "usual": {}, "erode": {"erode": 3.0}, "grow": {"erode": -3.0}, "soft": {"feather": 0.2},
        "half": {"opacity": 0.5}, "large": {"face_scale": 1.2},
    }.items()}  # fmt: skip
    assert area["erode"] < area["usual"] <= area["grow"] and area["soft"] < area["usual"] < area["large"]
    assert area["half"] == pytest.approx(0.5 * area["usual"], rel=1e-3)
    held, rotoed = (look(**{name: "half.png"})["matte"] for name in ("holdout", "roto"))
    assert not held[:, :75].any() and not rotoed[:, 75:].any()
    np.testing.assert_allclose(rotoed[:, :75], usual["matte"][:, :75], atol=0.02)
    middle = [np.nonzero(look(**changes)["matte"][..., 0] > 0.5) for changes in ({}, {"face_x": 10.0, "face_y": -6.0})]
    (y, x), (other_y, other_x) = ([axis.mean() for axis in one] for one in middle)
    assert (other_x - x, other_y - y) == pytest.approx((10, -6), abs=1.5)
    core = usual["matte"][..., 0] == 1
    plain = {"sharpness": 0.0, "grain": 0.0, "relight": 0.0}
    light = {name: look(**plain, **changes)["swap"].astype(float)[core].mean(0) for name, changes in {
        "all": {}, "none": {"colour_match": "none"}, "half": {"colour_strength": 0.5}, "zero": {"colour_strength": 0.0},
        "exposure": {"colour_part": "exposure"}, "chroma": {"colour_part": "chroma"},
    }.items()}  # fmt: skip
    np.testing.assert_allclose(light["none"], light["zero"], rtol=1e-3)
    assert (light["none"] < light["half"]).all() and (light["half"] < light["all"]).all()
    hue = {name: one / one.sum() for name, one in light.items()}
    np.testing.assert_allclose(hue["exposure"], hue["none"], atol=0.01)
    np.testing.assert_allclose(hue["chroma"], hue["all"], atol=0.01)


@pytest.mark.parametrize(
    "changes",
    [
        {"colour_match": "reinhard"}, {"colour_encoding": "linear"}, {"colour_window": 9}, {"matte": "learned"},
        {"matte": "learned-union"}, {"person": "carl"}, {"morph": 0.5}, {"morph": "1001:0,1004:1"},
    ],
)  # fmt: skip
def test_an_option_that_footage_has_no_use_for_is_refused(tmp_path, shot, source, changes):
    (name,) = changes
    with pytest.raises(UsageError, match=f"--{name.replace('_', '-')} is for faces that a network paints") as told:
        converted(shot, source, tmp_path / "out", **changes)
    assert told.value.hint and not (tmp_path / "out").exists()


def test_sharpness_follows_the_plates(tmp_path):
    source = tmp_path / "pores"
    take(source, replace(BERT, pores=0.3, ripples=0), OWN)

    def soft(image: np.ndarray, index: int) -> None:
        image[:] = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 3.5)

    shot = shoot(tmp_path / "plate", replace(ANNE, pores=0.3, ripples=0), MOMENTS[:2], spoil=soft)
    edges = []
    for sharpness in (0.0, 0.5, 1.0):
        out = tmp_path / str(sharpness)
        converted(shot, source, out, frames="1002", sharpness=sharpness, grain=0.0)
        core = cv2.erode((channel(written(out, 1002), "matte.A") == 1).astype(np.uint8), np.ones((5, 5))) > 0
        picture = rgb(written(out, 1002), "swap").astype(np.float32).mean(-1)
        edges.append(np.hypot(cv2.Sobel(picture, -1, 1, 0), cv2.Sobel(picture, -1, 0, 1))[core].mean())
    assert edges[0] > 1.05 * edges[1] and edges[1] > 1.05 * edges[2]


def two_people(folder: Path) -> Filmed:
    """Anne at the left (track 0) and Bert at the right (track 1) of one picture."""
    right = [Moment(x=230, yaw=4 * index) for index in range(2)]

    def join(image: np.ndarray, index: int) -> None:
        image[:] = film(BERT, right[index], image.astype(np.float32))

    made = shoot(folder, ANNE, MOMENTS[:2], size=(150, 300), spoil=join)
    shot, faceset = prepare(PlateOptions(plate=made.pattern), Events()), Faceset.open(made.faceset)
    for index, moment in enumerate(right):
        face = record(BERT, moment, 1001 + index, shot.key, track=1)
        faceset.add(face, cut(shot, read_frame(shot.plate, face.frame), face.matrix, face.crop_size))
    return made


def test_several_people_are_made_of_footage_or_painted_each_with_layers_of_their_own(tmp_path, source):
    shot = two_people(tmp_path / "plate")
    anne = tmp_path / "anne"
    take(anne, ANNE, OWN)
    model = make_model(tmp_path / "model")
    results = {}
    for name, changes in {
        "footage": {"also": [f"track:1={anne}"]},
        "mixed": {"also": [f"track:1={model}"]},
        "turned": {"source": None, "model": model, "also": [f"track:1={anne}"]},
    }.items():
        converted(shot, source, tmp_path / name, face="track:0", frames="1002", **changes)
        path = written(tmp_path / name, 1002)
        one, two = (channel(path, f"matte_p{number}.A").astype(float) for number in (1, 2))
        assert one[:, :150].max() > 0.9 and two[:, 150:].max() > 0.9 and not (one[:, 160:].any() or two[:, :140].any())
        np.testing.assert_allclose(channel(path, "matte.A"), 1 - (1 - one) * (1 - two), atol=2e-3)
        results[name] = {number: rgb(path, f"swap_p{number}") for number in (1, 2)}
    np.testing.assert_array_equal(bits(results["footage"][1]), bits(results["mixed"][1]))
    np.testing.assert_array_equal(bits(results["footage"][2]), bits(results["turned"][2]))
    np.testing.assert_array_equal(bits(results["mixed"][1]), bits(results["footage"][1]))


def test_a_data_window_that_begins_elsewhere_moves_nothing(tmp_path, shot, source, whole):
    windows = {
        "dataWindow": (np.array([-8, 4], np.int32), np.array([151, 153], np.int32)),
        "displayWindow": (np.array([0, 0], np.int32), np.array([159, 159], np.int32)),
    }
    moved = shoot(tmp_path / "plate", ANNE, MOMENTS, spoil=noise, origin=(-8, 4), **windows)
    converted(moved, source, tmp_path, frames="1002", profile="parts", grain=0.0, sharpness=0.0)
    converted(shot, source, tmp_path / "still", frames="1002", profile="parts", grain=0.0, sharpness=0.0)
    for name in ("matte.A", "R", "swap.G", "raw.B", "st.u", "confidence.Y"):
        one, two = (channel(written(folder, 1002), name).astype(float) for folder in (tmp_path, tmp_path / "still"))
        np.testing.assert_allclose(one, two, atol=4e-3, err_msg=name)


def test_a_face_that_leaves_the_frame_is_laid_as_far_as_there_is_plate(tmp_path, source):
    shot = shoot(tmp_path / "plate", ANNE, [Moment(x=6), Moment(x=150, y=140), Moment(x=80)])
    converted(shot, source, tmp_path)
    for frame in shot.frames:
        matte = channel(written(tmp_path, frame), "matte.A")
        assert matte.max() == 1 and np.isfinite(rgb(written(tmp_path, frame))).all()
    assert channel(written(tmp_path, 1001), "matte.A")[75:90, 0].max() > 0.9  # no fade where the picture ends


@pytest.mark.parametrize("size", [(151, 163), (149, 101)])
def test_pictures_of_any_size_are_converted(tmp_path, source, size):
    shot = shoot(tmp_path / "plate", ANNE, [Moment(x=70), Moment(x=71)], size=size)
    converted(shot, source, tmp_path)
    assert channel(written(tmp_path, 1002), "matte.A").shape == size


def test_crops_of_any_size_and_kind_give_the_same_face(tmp_path, shot, whole):
    for name, changes in {"small": {"size": 96}, "large": {"size": 200}}.items():
        take(tmp_path / name, BERT, OWN, **changes)
        converted(shot, tmp_path / name, tmp_path / f"{name}_out", frames="1002")
        core = channel(written(whole, 1002), "matte.A") > 0.99
        off = np.abs(rgb(written(tmp_path / f"{name}_out", 1002)).astype(float) - rgb(written(whole, 1002)))[core]
        assert off.mean() < 0.02, name


def test_pixels_that_are_not_square_are_written_as_they_came(tmp_path, source):
    shot = shoot(tmp_path / "plate", ANNE, [Moment(), Moment()], pixelAspectRatio=2.0)
    converted(shot, source, tmp_path, frames="1001")
    assert read_exr(written(tmp_path, 1001)).parts[0].header["pixelAspectRatio"] == 2.0


def awkward(image: np.ndarray, index: int) -> None:
    """No light on the face, beside it, far away, and more of it than a half float holds."""
    noise(image, index)
    most = np.inf if image.dtype == np.float16 else 3e38
    image[80, 75], image[81, 76], image[82, 70] = np.nan, np.inf, most
    image[72:76, 104:108] = np.nan  # beside the head
    image[3, 5], image[140, 3] = np.nan, -np.inf


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_broken_pixels_of_the_plate_stay_where_they_are(tmp_path, source, dtype):
    made = {}
    for name, spoil in (("sound", noise), ("broken", awkward)):
        shot = shoot(tmp_path / name, ANNE, MOMENTS[:2], dtype=dtype, spoil=spoil)
        converted(shot, source, tmp_path / f"{name}_out")
        made[name] = shot, written(tmp_path / f"{name}_out", 1002)
    (shot, path), (_, sound) = made["broken"], made["sound"]
    plate, result, matte = rgb(shot.plate(1002)), rgb(path), channel(path, "matte.A")
    assert result.dtype == dtype
    np.testing.assert_array_equal(bits(result[matte == 0]), bits(plate[matte == 0]))
    for name in (*HALF[4:], *FLOAT):
        assert np.isfinite(channel(path, name)).all(), name
    broken = ~np.isfinite(plate).all(-1) | (np.abs(plate.astype(np.float64)).max(-1) > 1e4)
    around = cv2.dilate(broken.astype(np.uint8), np.ones((9, 9))) > 0  # as far as the plate is bent
    assert np.isfinite(result[~broken]).all()
    off = np.abs(rgb(path, "swap").astype(float) - rgb(sound, "swap"))
    assert off[~around].max() < 0.05 and off[~around].mean() < 1e-3
    assert off[around & (matte > 0)].max() < 0.3
