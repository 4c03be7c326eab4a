"""What each option of a look does to a converted frame, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import pytest
from made_people import (
    ANNE,
    MadeShot,
    bits,
    channel,
    describe,
    draw,
    make_model,
    make_shot,
    read_exr,
    stand,
    write_exr,
)  # fmt: skip
from understudy.convert import shot_converter
from understudy.errors import OutputError, UnreadableError, UsageError
from understudy.events import Events
from understudy.extraction import shot as shots
from understudy.extraction.cut_crop import cut
from understudy.extraction.shot import prepare
from understudy.faceset.store import Faceset
from understudy.plate.reader import read_frame
from understudy.settings import ConvertSettings, PlateOptions
from understudy.stages import convert

SIZE = (112, 96)
HALF = 2e-3


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> MadeShot:
    return make_shot(tmp_path_factory.mktemp("shot"), 3, SIZE)


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> MadeShot:
    """Faces that are much larger than what is looked at around a pixel."""
    return make_shot(tmp_path_factory.mktemp("large"), 3, (448, 384))


@pytest.fixture(scope="module")
def plain(tmp_path_factory, shot, model) -> Path:
    return converted(shot, model, tmp_path_factory.mktemp("plain"))


def converted(shot: MadeShot, model: Path, folder: Path, **changes: Any) -> Path:
    """The second frame, with the hull for its matte, without grain, unless ``changes`` say otherwise."""
    values: dict[str, Any] = {"plate": shot.pattern, "model": model, "faceset": shot.faceset, "frames": "1002"}
    values |= {
        "device": "cpu",
        "convert_batch": 1,
        "occlusion": "none",
        "matte": "hull",
        "grain": 0.0,
        "sharpness": 0.0,
    }
    convert.run(ConvertSettings(**{**values, "out": f"{folder.as_posix()}/out.####.exr", **changes}), Events())
    return folder / "out.1002.exr"


def rgb(path: Path, layer: str = "") -> np.ndarray:
    return np.stack([channel(path, f"{layer}.{name}" if layer else name) for name in "RGB"], -1).astype(np.float64)


def matte(path: Path) -> np.ndarray:
    return channel(path, "matte.A").astype(np.float64)


@pytest.mark.parametrize(
    "changes",
    [
        {"colour_match": "none"}, {"colour_match": "linear"}, {"colour_match": "reinhard"},
        {"colour_match": "idt"}, {"colour_match": "sliced"}, {"colour_match": "histogram"},
        {"colour_encoding": "linear"}, {"colour_strength": 0.3}, {"colour_part": "chroma"}, {"colour_part": "exposure"},
        {"colour_window": 1}, {"relight": 0.0}, {"relight_reach": 0.2},
        {"blend": "gradient"}, {"blend": "gradient-log"}, {"blend": "pyramid"},
        {"sharpness": 1.0}, {"defocus": 3.0}, {"degrade": 0.7}, {"grain": 4.0},
        {"face_scale": 1.2}, {"face_x": 5.0}, {"face_y": -5.0}, {"face_rotate": 15.0}, {"opacity": 0.5},
    ],
    ids=lambda changes: "-".join(map(str, next(iter(changes.items())))),
)  # fmt: skip
def test_every_option_of_the_picture_changes_the_face_and_nothing_else(tmp_path, shot, model, plain, changes):
    base: dict[str, Any] = {"relight": 0.0} if next(iter(changes)).startswith("colour") else {}
    reference = converted(shot, model, tmp_path / "base", **base) if base else plain
    noisy = None
    if "grain" in changes or "sharpness" in changes or "colour_window" in changes:

        def speckle(image: np.ndarray, index: int) -> None:
            if "sharpness" in changes:
                image[:] = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 6)
            noise = np.random.default_rng(index).normal(1 + 0.3 * index, 0.05, image.shape)
            image[:] = (image.astype(np.float64) * noise).astype(image.dtype)

        noisy = make_shot(tmp_path / "noisy", 3, SIZE, spoil=speckle)
        reference = converted(noisy, model, tmp_path / "reference", **base)
    path = converted(noisy or shot, model, tmp_path / "changed", **base, **changes)
    inside = (matte(path) > 0.3) & (matte(reference) > 0.2)
    assert np.abs(rgb(path) - rgb(reference))[inside].max() > 1e-3
    outside = matte(path) == 0
    assert outside.any()
    plate = rgb((noisy or shot).plate(1002))
    np.testing.assert_array_equal(rgb(path)[outside], plate[outside])


@pytest.mark.parametrize(
    "changes",
    [
        {"sharpness": 1.0}, {"degrade": 0.7}, {"defocus": 9.0}, {"motion_blur": 1.0, "shutter": 360.0},
        {"motion_blur": 0.5, "sharpness": 1.0}, {"blend": "gradient"}, {"blend": "pyramid"}, {"grain": 1.0},
        {"roto_operation": "union"}, {"erode": 200.0},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_what_is_shown_of_a_face_does_not_depend_on_how_much_of_it_is_made(
    tmp_path, large, model, monkeypatch, changes
):
    if "roto_operation" in changes:
        roto = np.zeros((384, 448), np.uint8)
        roto[150:170, 260:300] = 255
        cv2.imwrite(str(tmp_path / "roto.1002.png"), roto)
        changes = changes | {"roto": (tmp_path / "roto.####.png").as_posix()}
    made: list[tuple[int, int]] = []
    within = shot_converter.FaceRegion.within

    def watched(self: shot_converter.FaceRegion, part: tuple[slice, slice]) -> shot_converter.FaceRegion:
        seen = within(self, part)
        made.append((seen.region.width, self.region.width))
        return seen

    monkeypatch.setattr(shot_converter.FaceRegion, "within", watched)
    part = converted(large, model, tmp_path / "part", **{"erode": 30.0, **changes})
    assert all(width < 0.9 * of for width, of in made)
    made.clear()
    monkeypatch.setattr(shot_converter, "AROUND", 10_000)
    whole = converted(large, model, tmp_path / "whole", **{"erode": 30.0, **changes})
    assert all(width == of for width, of in made) and len(made) == ("erode" not in changes)
    # A smear's steps are rounded to a part of a pixel, counted from the first that is made.
    tolerance = 3e-3 if "motion_blur" in changes else 1e-4
    np.testing.assert_allclose(matte(part), matte(whole), atol=tolerance)
    np.testing.assert_allclose(rgb(part), rgb(whole), rtol=1e-3, atol=tolerance)
    np.testing.assert_array_equal(rgb(part, "raw"), rgb(whole, "raw"))


@pytest.mark.parametrize("profile", ["flat", "parts"])
@pytest.mark.parametrize("blend", ["over", "gradient", "pyramid"])
def test_the_matte_is_applied_once(tmp_path, shot, model, profile, blend):
    path = converted(shot, model, tmp_path, profile=profile, blend=blend, grain=1.0, feather_out=4.0)
    share = matte(path)[..., None]
    assert ((share > 0.1) & (share < 0.9)).sum() > 50
    rebuilt = rgb(path, "swap") + (1 - share) * rgb(shot.plate(1002))
    # Two roundings to half: of the layer and of the composite.
    np.testing.assert_allclose(rebuilt, rgb(path), rtol=2 * 2.0**-11, atol=1e-6)


def test_edges_move_by_plate_pixels(tmp_path, shot, model):
    def area(name: str, **changes: Any) -> float:
        return float(
            np.sqrt(matte(converted(shot, model, tmp_path / name, **{"feather": 0.0, **changes})).sum() / np.pi)
        )

    radius = area("plain")
    assert radius - area("in", erode=2.0) == pytest.approx(2, abs=0.3)
    assert area("out", erode=-2.5) - radius == pytest.approx(2.5, abs=0.3)
    # A ramp that is symmetrical about the outline keeps the area; one that lies inside takes half its width.
    assert area("both", feather_in=4.0, feather_out=4.0) == pytest.approx(radius, abs=0.3)
    assert radius - area("soft", feather_in=4.0) == pytest.approx(2, abs=0.4)


@pytest.mark.parametrize("operation", ["intersect", "union", "subtract", "replace"])
def test_the_roto_does_what_its_operation_says_and_the_holdout_wins(tmp_path, shot, model, plain, operation):
    roto = np.zeros(SIZE[::-1], np.uint16)
    roto[30:80, 20:56] = 40000
    hand = np.zeros(SIZE[::-1], np.uint8)
    hand[:50] = 255
    cv2.imwrite(str(tmp_path / "roto.tif"), roto)
    cv2.imwrite(str(tmp_path / "hand.png"), hand)
    path = converted(
        shot, model, tmp_path, roto=str(tmp_path / "roto.tif"), roto_operation=operation,
        holdout=str(tmp_path / "hand.png"),
    )  # fmt: skip
    share, before = roto / 65535, matte(plain)
    expected = {
        "intersect": before * share, "union": np.maximum(before, share), "subtract": before * (1 - share), "replace": share,
    }[operation] * (1 - hand / 255)  # fmt: skip
    # Beyond the crop there is no face to show, and on its border half of one.
    near = cv2.erode((channel(path, "confidence.Y") > 0).astype(np.uint8), np.ones((5, 5))) > 0
    np.testing.assert_allclose(matte(path)[near], expected[near], atol=HALF)
    assert expected[near].max() > 0.3


def test_a_moved_face_lies_where_it_was_put(tmp_path, shot, model, plain):
    """The raw layer is the network's picture, whatever the matte: turned, scaled, shifted, as OpenCV does it."""
    path = converted(
        shot, model, tmp_path, matte="learned-source", face_x=6.0, face_y=-4.0, face_scale=1.1, face_rotate=10.0
    )
    still, moved = rgb(plain, "raw"), rgb(path, "raw")
    (face,) = [one for one in shot_faces(shot) if one.frame == 1002]
    size = face.crop_size
    inverse = np.linalg.inv(np.vstack([face.matrix, [0, 0, 1]]))
    middle = (inverse @ (size / 2, size / 2, 1))[:2]
    matrix = cv2.getRotationMatrix2D((middle[0] - 0.5, middle[1] - 0.5), -10.0, 1.1)  # OpenCV's angle is the other way
    matrix[:, 2] += (6.0, -4.0)
    # Resampling what was resampled blurs the finest detail, which says nothing of places.
    expected = cv2.GaussianBlur(cv2.warpAffine(still, matrix, SIZE, flags=cv2.INTER_CUBIC), (0, 0), 1)
    still, moved = (cv2.GaussianBlur(picture, (0, 0), 1) for picture in (still, moved))
    core = cv2.warpAffine((matte(plain) > 0.9).astype(np.float64), matrix, SIZE) > 0.99
    core &= cv2.erode((channel(plain, "confidence.Y") > 0).astype(np.uint8), np.ones((15, 15))) > 0
    assert core.sum() > 200
    assert np.abs(expected - moved)[core].mean() < 0.05 * np.abs(still - moved)[core].mean()


def test_keys_change_a_number_from_frame_to_frame(tmp_path, shot, model):
    converted(shot, model, tmp_path, frames="1001-1003", opacity="1001:1,1003:0.5", feather="1001:0,1003:0.2")
    tops = [channel(tmp_path / f"out.{frame}.exr", "matte.A").max() for frame in (1001, 1002, 1003)]
    assert tops == pytest.approx([1, 0.75, 0.5], abs=0.02)
    alone = converted(shot, model, tmp_path / "alone", opacity="1001:1,1003:0.5", feather="1001:0,1003:0.2")
    assert alone.read_bytes() == (tmp_path / "out.1002.exr").read_bytes()


def test_a_frame_alone_is_that_of_the_range_with_everything_on(tmp_path, shot, model):
    everything = {
        "colour_match": "idt", "colour_window": 2, "grain": 2.0, "sharpness": 1.0, "motion_blur": 1.0, "defocus": 1.5,
        "degrade": 0.3, "blend": "gradient", "face_scale": 1.1, "extra_layers": ["motion", "normals", "depth", "cryptomatte"],
    }  # fmt: skip
    converted(shot, model, tmp_path / "whole", frames="1001-1003", **everything)
    alone = converted(shot, model, tmp_path / "alone", **everything)
    assert alone.read_bytes() == (tmp_path / "whole" / "out.1002.exr").read_bytes()


def test_layers_on_request_are_there_also_without_a_face(tmp_path, model):
    shot = make_shot(tmp_path / "plate", 2, SIZE, faceless=(1,))
    wanted = ["motion", "normals", "depth", "st_inv", "cryptomatte"]
    converted(shot, model, tmp_path, frames="1001-1002", extra_layers=wanted, profile="parts")
    names = ["forward", "backward", "normals", "depth", "st_inv", "CryptoFace00", "CryptoFace01", "CryptoFace02"]
    for frame in (1001, 1002):
        file = read_exr(tmp_path / f"out.{frame}.exr")
        assert [part.name() for part in file.parts][8:] == names
        types = {name: str(one.pixels.dtype) for part in file.parts[8:] for name, one in part.channels.items()}
        assert {name for name, kind in types.items() if kind == "float16"} == {"normals.X", "normals.Y", "normals.Z"}
        head = file.parts[0].header
        key = next(name.rpartition("/")[0] for name in head if name.startswith("cryptomatte/"))
        assert head[f"{key}/name"] == "CryptoFace" and "face/skin" in head[f"{key}/manifest"]
        inverse = next(part for part in file.parts if part.name() == "st_inv")
        assert [tuple(corner) for corner in inverse.header["dataWindow"]] == [(0, 0), (63, 63)]
    path = tmp_path / "out.1001.exr"
    assert channel(path, "depth.Z").max() > 0 and not channel(tmp_path / "out.1002.exr", "depth.Z").any()
    normal = np.stack([channel(path, f"normals.{axis}") for axis in "XYZ"], -1).astype(np.float64)
    seen = np.linalg.norm(normal, axis=-1) > 0
    np.testing.assert_allclose(np.linalg.norm(normal[seen], axis=-1), 1, atol=2e-3)
    assert normal[seen][:, 2].mean() > 0.5  # a face looks at the camera
    # The inverse map leads from the crop to the pixels whose st leads back.
    u, v = channel(path, "st_inv.u"), channel(path, "st_inv.v")
    column, row = (u[32, 32] * SIZE[0], (1 - v[32, 32]) * SIZE[1])
    st = (channel(path, name)[int(row), int(column)] for name in ("st.u", "st.v"))
    assert tuple(st) == pytest.approx((32.5 / 64, 1 - 32.5 / 64), abs=0.02)


@pytest.mark.parametrize("kind", ["face", "head"])
def test_the_inverse_map_is_that_of_the_models_crop_whatever_the_faceset_holds(tmp_path, shot, kind):
    path = converted(shot, make_model(tmp_path / "model", kind), tmp_path, extra_layers=["st_inv"], profile="parts")
    u, v = channel(path, "st_inv.u"), channel(path, "st_inv.v")
    for row, column in ((20, 20), (32, 44), (44, 32)):
        x, y = u[row, column] * SIZE[0], (1 - v[row, column]) * SIZE[1]
        st = [channel(path, name)[int(y), int(x)] for name in ("st.u", "st.v")]
        assert st == pytest.approx([(column + 0.5) / 64, 1 - (row + 0.5) / 64], abs=0.03)


@pytest.mark.parametrize(("step", "changes"), [(0, {}), (60, {"motion_blur": 1.0, "shutter": 360.0})])
def test_no_matte_ends_in_a_straight_edge_where_its_crop_does(tmp_path, step, changes):
    """The hull reaches beyond this crop, which lies straight on the plate's pixels, and may move by its whole width."""
    pattern, marks = (tmp_path / "fast.%04d.exr").as_posix(), {}
    for index in range(3):
        image = np.full((240, 520, 3), 0.1, np.float32)
        marks[1001 + index] = draw(image, ANNE, stand(200 + step * index, 120, 60))
        write_exr(Path(pattern % (1001 + index)), image.astype(np.float16))
    shot = prepare(PlateOptions(plate=pattern), Events())
    faceset = Faceset.create(tmp_path / "faces", {})
    for number, points in marks.items():
        face = describe(points, number, shot.key, "face", 64)
        faceset.add(face, cut(shot, read_frame(shot.plate, number), face.matrix, 64))
    made = MadeShot(pattern, tmp_path / "faces", tuple(marks))
    share = matte(converted(made, make_model(tmp_path / "model", "face"), tmp_path, feather=0.2, **changes))
    for line in (share, share.T):
        there = np.flatnonzero(line.max(0) > 0)
        assert line[:, there[[0, -1]]].max() < 0.03  # without a margin 1
    assert share.max() > (0.99 if step == 0 else 0.6)
    assert np.ptp(np.flatnonzero(share.max(0) > 0)) > 60 + step


def test_two_people_in_one_pass_have_layers_of_their_own(tmp_path, model):
    shot = make_shot(tmp_path / "plate", 2, SIZE)
    path = converted(shot, model, tmp_path, face="track:0", also=[f"largest={model}"], profile="parts")
    names = {part.name() for part in read_exr(path).parts}
    assert {"swap", "swap_p1", "swap_p2", "matte_p1", "matte_p2", "st_p2", "confidence_p1"} <= names
    one, two = (channel(path, f"matte_p{number}.A").astype(np.float64) for number in (1, 2))
    np.testing.assert_allclose(matte(path), 1 - (1 - one) * (1 - two), atol=HALF)
    share = matte(path)[..., None]
    np.testing.assert_allclose(rgb(path, "swap") + (1 - share) * rgb(shot.plate(1002)), rgb(path), rtol=4e-3, atol=1e-3)
    again = convert.run(
        ConvertSettings(
            plate=shot.pattern, model=model, faceset=shot.faceset, frames="1002", device="cpu", occlusion="none",
            matte="hull", grain=0.0, sharpness=0.0, profile="parts",
            face="track:0", also=[f"largest={model}"], out=f"{tmp_path.as_posix()}/out.####.exr",
        ),
        Events(),
    )  # fmt: skip
    assert again["skipped"] == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"opacity": "990:1,1002:0"}, r"--opacity has a key at frame 990, but the plate runs from 1001 to 1003"),
        ({"extra_layers": ["st_inv"]}, "st_inv is as large as the aligned face"),
        ({"also": ["somebody={plate}"]}, "'somebody' does not say which face is meant"),
        (
            {"also": ["track:2={plate}"], "reference": "anne.png", "faceset": None, "recogniser": "dlib"},
            "--reference finds one person",
        ),
        ({"also": ["track:2"]}, "--also takes FACE=MODEL or FACE=FACESET, not 'track:2'"),
        ({"morph": 0.5}, "quick model cannot paint what lies between two people"),
    ],
)
def test_what_cannot_be_done_is_told_before_the_first_frame(tmp_path, shot, model, changes, said):
    changes = {
        name: value.replace("{plate}", shot.pattern) if isinstance(value, str) else value
        for name, value in changes.items()
    }
    with pytest.raises(UsageError, match=said):
        converted(shot, model, tmp_path / "out", **changes)
    assert not list(tmp_path.rglob("*.exr"))


def test_a_channel_that_is_missing_on_one_frame_is_told_before_the_first(tmp_path, shot, model):
    for frame, name in ((1001, "mask.head"), (1002, "mask.head"), (1003, "mask.hair")):
        plane = {name: np.ones((96, 112), np.float16)}
        OpenEXR.File({"type": OpenEXR.scanlineimage}, plane).write(str(tmp_path / f"roto.{frame}.exr"))
    with pytest.raises(UnreadableError, match=r"roto\.1003\.exr has no channel mask\.head; it has .*mask\.hair"):
        converted(shot, model, tmp_path / "out", frames="1001-1003", roto=f"{tmp_path}/roto.####.exr:mask.head")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_to_is_told_before_the_first_frame(tmp_path, shot, model, monkeypatch):
    (tmp_path / "out").write_text("a file where the folder should be")
    monkeypatch.setattr(shots, "read_frames", lambda *_: pytest.fail("a frame was read"))
    with pytest.raises(OutputError, match="could not be written"):
        converted(shot, model, tmp_path / "out")


def test_a_matte_that_changes_its_size_on_the_way_is_told_before_the_first_frame(tmp_path, shot, model):
    for frame, height in ((1001, 96), (1002, 96), (1003, 90)):
        cv2.imwrite(str(tmp_path / f"roto.{frame}.png"), np.full((height, 112), 255, np.uint8))
    with pytest.raises(UsageError, match=r"roto\.1003\.png is 112 x 90 pixels, but frame 1003 is 112 x 96"):
        converted(shot, model, tmp_path / "out", frames="1001-1003", roto=f"{tmp_path}/roto.####.png")
    assert not list(tmp_path.rglob("*.exr"))


def shot_faces(shot: MadeShot) -> list[Any]:
    return list(Faceset.open(shot.faceset).faces())


def test_no_option_touches_the_plate_where_the_matte_is_black(tmp_path, model):
    def spoil(image: np.ndarray, index: int) -> None:
        image[:12] = [[-0.5, np.inf, np.nan]]

    shot = make_shot(tmp_path / "plate", 2, SIZE, spoil=spoil)
    path = converted(
        shot, model, tmp_path, grain=2.0, defocus=4.0, motion_blur=1.0, degrade=0.5, blend="pyramid", feather_out=8.0
    )
    outside = channel(path, "matte.A") == 0
    for name in "RGB":
        a, b = channel(path, name), channel(shot.plate(1002), name)
        np.testing.assert_array_equal(bits(a[outside]), bits(b[outside]))
