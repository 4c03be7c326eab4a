from __future__ import annotations

import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_people import MadeShot, bits, channel, make_model, make_shot, read_exr
from understudy.convert import aligner
from understudy.errors import AmbiguousFaceError, FacesetError, Interrupted, ModelError, NoFaceError, UsageError
from understudy.events import Events, Recorder
from understudy.face.geometry import fit_head
from understudy.faceset.store import Faceset
from understudy.settings import ConvertSettings
from understudy.stages import convert

HALF = "R G B A swap.R swap.G swap.B swap.A raw.R raw.G raw.B delta.R delta.G delta.B matte.A occlusion.A confidence.Y"
FLOAT = "st.u st.v"
BLOCK = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def shot(tmp_path_factory) -> MadeShot:
    return make_shot(tmp_path_factory.mktemp("shot"), 5, faceless=(2,))


def settings(shot: MadeShot, model: Path, folder: Path, **changes: Any) -> ConvertSettings:
    values: dict[str, Any] = {"plate": shot.pattern, "model": model, "faceset": shot.faceset}
    values["out"] = f"{folder.as_posix()}/out.####.exr"
    return ConvertSettings(**{**values, "device": "cpu", "convert_batch": 2, "occlusion": "none", **changes})


def written(out: Path, frame: int) -> Path:
    return out / f"out.{frame}.exr"


def composite(path: Path) -> np.ndarray:
    return np.stack([channel(path, name) for name in "RGB"], axis=-1)


def steps_apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How many half floats lie between each of two arrays' values."""
    order = [
        np.where(half.view(np.int16) < 0, -32768 - half.view(np.int16).astype(int), half.view(np.int16))
        for half in (a, b)
    ]
    return np.abs(order[0] - order[1])


def awkward_half(image: np.ndarray, index: int) -> None:
    """Every half bit pattern round the face; on it a negative, an infinity and a pixel that is no number."""
    height, width = image.shape[:2]
    patterns = np.resize(np.roll(BLOCK, -index * 9000), (height, width, 3))
    edge = np.ones((height, width), bool)
    edge[12:-12, 16:-16] = False
    image[edge] = patterns[edge]
    image[46:52, 50] = [[-0.5, 2, 60000], [np.nan, 1, 1], [np.inf, 0, 0], [-np.inf, 0, 3], [0, -0.0, 30], [9, 9, 9]]


def awkward_float(image: np.ndarray, index: int) -> None:
    rng = np.random.default_rng(index)
    edge = np.ones(image.shape[:2], bool)
    edge[12:-12, 16:-16] = False
    image[edge] = rng.integers(0, 1 << 32, (edge.sum(), 3), dtype=np.uint32).view(np.float32)
    image[0, :4] = [[70000, -70000, 1e30], [np.nan, np.inf, -np.inf], [-1e-3, 1e-42, 3], [0.0, -0.0, 1]]
    image[46:50, 50] = [[-0.5, 2, 3e38], [np.nan, 1, 1], [np.inf, 0, 0], [-3e38, 3e38, 3]]


@pytest.mark.parametrize("profile", ["flat", "parts"])
@pytest.mark.parametrize(("dtype", "spoil"), [(np.float16, awkward_half), (np.float32, awkward_float)])
def test_outside_the_matte_every_pixel_has_the_plates_bits(tmp_path, model, dtype, spoil, profile):
    shot = make_shot(tmp_path / "plate", 3, dtype=dtype, faceless=(1,), spoil=spoil)
    convert.run(settings(shot, model, tmp_path, profile=profile), Events())
    for frame in shot.frames:
        plate, result = composite(shot.plate(frame)), composite(written(tmp_path, frame))
        matte = channel(written(tmp_path, frame), "matte.A")
        assert np.isfinite(matte).all() and result.dtype == dtype
        outside = matte == 0
        np.testing.assert_array_equal(bits(result[outside]), bits(plate[outside]), err_msg=str(frame))
        changed = (bits(result) != bits(plate)).any(-1)
        if frame == shot.frames[1]:
            assert outside.all() and not changed.any()
        else:
            assert (~outside).sum() > 300 and changed[~outside].mean() > 0.8
        for name in (*HALF.split()[4:], *FLOAT.split()):
            assert np.isfinite(channel(written(tmp_path, frame), name)).all(), name


@pytest.mark.parametrize("profile", ["flat", "parts"])
def test_the_other_library_reads_the_agreed_layers(tmp_path, model, profile):
    """Overscan to the left, a data window that ends early, NTSC film rate: all as in the design."""
    windows = {
        "dataWindow": (np.array([-8, 4], np.int32), np.array([103, 99], np.int32)),
        "displayWindow": (np.array([0, 0], np.int32), np.array([119, 107], np.int32)),
        "framesPerSecond": Fraction(24000, 1001),
    }
    shot = make_shot(tmp_path / "plate", 2, origin=(-8, 4), faceless=(1,), **windows)
    convert.run(settings(shot, model, tmp_path, profile=profile), Events())
    for frame in shot.frames:
        parts = read_exr(written(tmp_path, frame)).parts
        types = {name: one.pixels.dtype for part in parts for name, one in part.channels.items()}
        assert {name for name, dtype in types.items() if dtype == np.float16} == set(HALF.split())
        assert {name for name, dtype in types.items() if dtype == np.float32} == set(FLOAT.split())
        head = parts[0].header
        assert head["framesPerSecond"] == Fraction(24000, 1001)
        assert head["colorInteropID"] == "lin_rec709_scene"
        assert head["understudy/model_steps"] == 7 and head["understudy/plate"] == "shot.%04d.exr"
        assert all(str(part.header["compression"]).endswith("ZIP_COMPRESSION") for part in parts)
        for part in parts:
            assert [tuple(corner) for corner in part.header["displayWindow"]] == [(0, 0), (119, 107)]
            corners = [tuple(corner) for corner in part.header["dataWindow"]]
            assert corners == ([(-8, 0), (119, 107)] if profile == "flat" else [(-8, 4), (103, 99)])
        if profile == "flat":
            assert len(parts) == 1
        else:
            layers = ["rgba", "swap", "raw", "delta", "matte", "occlusion", "st", "confidence"]
            assert [part.name() for part in parts] == layers
            for part, layer in zip(parts[1:], layers[1:], strict=True):
                assert all(name.startswith(f"{layer}.") for name in part.channels)
    # The face stands where the plate has it.
    matte = channel(written(tmp_path, 1001), "matte.A")
    first = (-8, 0) if profile == "flat" else (-8, 4)
    rows, columns = np.nonzero(matte > 0.5)
    (face,) = Faceset.open(shot.faceset).faces()
    centre = face.landmarks.mean(0)
    assert columns.mean() + first[0] == pytest.approx(centre[0], abs=8)
    assert rows.mean() + first[1] == pytest.approx(centre[1], abs=10)


def test_a_frame_without_a_face_has_a_black_matte_all_layers_and_the_plates_bits(tmp_path, model, shot):
    recorder = Recorder()
    report = convert.run(settings(shot, model, tmp_path), Events(recorder))
    assert report["without_face"] == 1 and "1 of 5 frames" in recorder.of("note")[-1]["text"]
    path = written(tmp_path, 1003)
    assert set(read_exr(path).parts[0].channels) == {*HALF.split(), *FLOAT.split()}
    np.testing.assert_array_equal(bits(composite(path)), bits(composite(shot.plate(1003))))
    for name in (*HALF.split()[4:], *FLOAT.split()):
        assert not channel(path, name).any(), name
    assert (channel(path, "A") == 1).all()


def test_the_layers_of_a_face_fit_each_other(tmp_path, model, shot):
    convert.run(settings(shot, model, tmp_path), Events())
    path = written(tmp_path, 1002)
    plate, result, matte = composite(shot.plate(1002)), composite(path), channel(path, "matte.A").astype(np.float64)
    swap = np.stack([channel(path, f"swap.{name}") for name in "RGB"], axis=-1).astype(np.float64)
    over = swap + (1 - matte[..., None]) * plate
    np.testing.assert_allclose(over, result, rtol=4e-3, atol=2e-3)
    np.testing.assert_array_equal(channel(path, "swap.A"), channel(path, "matte.A"))
    confidence = channel(path, "confidence.Y")
    assert set(np.unique(confidence)) == {0.0, 0.75}
    u, v = channel(path, "st.u"), channel(path, "st.v")
    inside = confidence > 0
    assert (matte[~inside] == 0).mean() > 0.99 and u[inside].min() >= 0 and v[inside].max() <= 1
    (face,) = [face for face in Faceset.open(shot.faceset).faces() if face.frame == 1002]
    row, column = 50, 55
    expected = face.matrix[:, :2] @ (column + 0.5, row + 0.5) + face.matrix[:, 2]
    assert (u[row, column], 1 - v[row, column]) == pytest.approx(tuple(expected / 64), abs=2e-3)


def test_a_frame_alone_is_the_frame_of_the_whole_range(tmp_path, model, shot):
    for out, changes in (
        ("whole", {}),
        ("alone", {"frames": "1004"}),
        ("end", {"frames": "1003-1005"}),
        ("three", {"convert_batch": 3}),
        ("one", {"convert_batch": 1}),
    ):
        convert.run(settings(shot, model, tmp_path / out, **changes), Events())
    same = written(tmp_path / "whole", 1004).read_bytes()
    assert written(tmp_path / "alone", 1004).read_bytes() == same
    assert written(tmp_path / "end", 1004).read_bytes() == same
    assert not written(tmp_path / "alone", 1003).exists()
    for other in ("three", "one"):
        for frame in shot.frames:
            paths = [written(tmp_path / name, frame) for name in ("whole", other)]
            for name in HALF.split():
                a, b = (channel(path, name) for path in paths)
                # A difference of two colours near 0 may lie several steps apart and still be nothing.
                near = np.abs(a.astype(np.float32) - b) < 2e-6
                assert (near | (steps_apart(a, b) <= 1)).all(), (other, frame, name)


def test_frames_that_are_complete_are_left_alone_unless_forced(tmp_path, model, shot):
    first = convert.run(settings(shot, model, tmp_path), Events())
    assert (first["frames"], first["skipped"], first["first"], first["last"]) == (5, 0, 1001, 1005)
    assert first["out"] == f"{tmp_path.as_posix()}/out.%04d.exr"
    complete = {frame: written(tmp_path, frame).read_bytes() for frame in shot.frames}
    written(tmp_path, 1002).write_bytes(complete[1002][:-200])  # cut short
    written(tmp_path, 1004).unlink()
    stamps = {frame: written(tmp_path, frame).stat().st_mtime_ns for frame in (1001, 1003, 1005)}
    again = convert.run(settings(shot, model, tmp_path), Events())
    assert (again["frames"], again["skipped"]) == (2, 3)
    assert stamps == {frame: written(tmp_path, frame).stat().st_mtime_ns for frame in stamps}
    assert complete == {frame: written(tmp_path, frame).read_bytes() for frame in shot.frames}
    forced = convert.run(settings(shot, model, tmp_path, force=True, opacity=0.5), Events())
    assert (forced["frames"], forced["skipped"]) == (5, 0)
    assert 0.45 < channel(written(tmp_path, 1001), "matte.A").max() < 0.52


def test_a_stop_keeps_what_is_done(tmp_path, model, shot):
    looks = iter(range(1))
    with pytest.raises(Interrupted):
        convert.run(settings(shot, model, tmp_path), Events(stop=lambda: next(looks, None) is None))
    done = len(list(tmp_path.glob("out.*.exr")))
    assert 0 < done < 5
    assert convert.run(settings(shot, model, tmp_path), Events())["skipped"] == done


def test_options_of_the_matte_do_what_they_say(tmp_path, model, shot):
    areas = {}
    for name, changes in {
        "plain": {}, "eroded": {"erode": 3.0}, "grown": {"erode": -3.0},
        "soft": {"feather": 0.2}, "hull": {"matte": "hull"},
    }.items():  # fmt: skip
        convert.run(settings(shot, model, tmp_path / name, frames="1001", **changes), Events())
        areas[name] = channel(written(tmp_path / name, 1001), "matte.A").astype(float).sum()
    assert areas["eroded"] < areas["plain"] < areas["grown"]
    assert areas["soft"] < areas["plain"] <= areas["hull"]


class OneHand:
    """Finds a hand in the middle of every picture: a column of knuckles and fingers."""

    def find(self, image: np.ndarray) -> list[np.ndarray]:
        points = np.zeros((21, 2), np.float32)
        points[:, 0] = image.shape[1] / 2 + np.repeat(np.arange(-2, 3), [1, 5, 5, 5, 5]) * 6
        points[:, 1] = image.shape[0] / 2 + np.arange(21) % 5 * 6 - 12
        return [points]


def test_a_hand_before_the_face_is_kept(tmp_path, model, monkeypatch):
    monkeypatch.setattr(aligner, "HandFinder", OneHand)
    windows = {"displayWindow": (np.array([0, 0], np.int32), np.array([127, 127], np.int32))}
    windows["dataWindow"] = (np.array([10, 20], np.int32), np.array([121, 115], np.int32))
    shot = make_shot(tmp_path / "plate", 1, origin=(10, 20), **windows)
    (face,) = Faceset.open(shot.faceset).faces()
    centre = fit_head(face.landmarks).offset - (10, 20)  # the middle of the picture in which hands are sought
    for name in ("hands", "none"):
        out = tmp_path / name
        convert.run(settings(shot, model, out, matte="hull", occlusion=name, profile="parts"), Events())
    hidden = channel(written(tmp_path / "hands", 1001), "occlusion.A").astype(float)
    rows, columns = np.nonzero(hidden > 0.5)
    assert 20 < len(rows) < 1500
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(tuple(centre), abs=2.5)
    covered, free = (channel(written(tmp_path / name, 1001), "matte.A").astype(float) for name in ("hands", "none"))
    assert free[hidden > 0.99].mean() > 0.8 and covered[hidden > 0.99].max() < 0.05
    np.testing.assert_array_equal(covered[hidden == 0], free[hidden == 0])
    assert not channel(written(tmp_path / "none", 1001), "occlusion.A").any()


def test_memory_does_not_grow_with_the_length_of_the_shot(tmp_path, model):
    peaks = []
    for count in (26, 60):  # more than the faces that are painted to measure a shot
        shot = make_shot(tmp_path / f"plate{count}", count)
        recorder = Recorder()
        tracemalloc.start()
        try:
            # How much measuring the grain takes depends on the picture, not on how many there are.
            convert.run(settings(shot, model, tmp_path / f"out{count}", grain=0.0), Events(recorder))
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert len(list((tmp_path / f"out{count}").iterdir())) == count
    frame = 112 * 96 * 17 * 4
    assert peaks[1] - peaks[0] < 6 * frame, peaks


def test_a_face_that_leaves_the_frame_fades_nowhere_but_at_its_edge(tmp_path, model):
    shot = make_shot(tmp_path / "plate", 1, (50, 96))  # narrower than the head's crop
    convert.run(settings(shot, model, tmp_path, matte="hull"), Events())
    assert channel(written(tmp_path, 1001), "matte.A").max() == 1


@pytest.mark.parametrize("size", [(113, 97), (101, 96)])
def test_odd_sizes_work(tmp_path, model, size):
    shot = make_shot(tmp_path / "plate", 2, size)
    convert.run(settings(shot, model, tmp_path), Events())
    assert channel(written(tmp_path, 1002), "matte.A").shape == size[::-1]


def test_a_plate_that_is_not_scene_linear_is_delivered_in_the_working_space(tmp_path, model, shot):
    folder = tmp_path / "plate"
    folder.mkdir()
    for frame in shot.frames:
        linear = np.clip(composite(shot.plate(frame)).astype(np.float32), 0, 1)
        coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        cv2.imwrite(str(folder / f"shot.{frame}.png"), np.rint(coded[..., ::-1] * 255).astype(np.uint8))
    # The same pictures under another name: their faces are those of the EXR.
    faceset = Faceset.create(tmp_path / "faces", {})
    original = Faceset.open(shot.faceset)
    for face in original.faces():
        faceset.add(replace(face, plate=(folder / "shot.%04d.png").as_posix()), original.read(face))
    pattern = (folder / "shot.%04d.png").as_posix()
    convert.run(
        settings(shot, model, tmp_path, plate=pattern, faceset=tmp_path / "faces", frames="1001,1003"), Events()
    )
    head = read_exr(written(tmp_path, 1001)).parts[0].header
    assert head["colorInteropID"] == "lin_ap1_scene"
    ours, plate = composite(written(tmp_path, 1003)), composite(shot.plate(1003)).astype(np.float32)
    to_ap1 = np.array([[0.6131, 0.3395, 0.0474], [0.0702, 0.9164, 0.0134], [0.0206, 0.1096, 0.8698]], np.float32)
    np.testing.assert_allclose(ours, plate @ to_ap1.T, atol=6e-3)


def test_what_does_not_go_together_is_refused(tmp_path, model, shot):
    other = make_shot(tmp_path / "other", 1)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for frame in shot.frames:
        (renamed / f"take.{frame}.exr").write_bytes(shot.plate(frame).read_bytes())
    with pytest.raises(FacesetError, match=r"from shot\.%04d\.exr, not from take"):
        convert.run(settings(shot, model, tmp_path, plate=(renamed / "take.####.exr").as_posix()), Events())
    with pytest.raises(ModelError, match="no trained model"):
        convert.run(settings(shot, tmp_path / "nowhere", tmp_path), Events())
    with pytest.raises(UsageError, match="no frame number"):
        convert.run(settings(shot, model, tmp_path, out=str(tmp_path / "out.exr")), Events())
    with pytest.raises(NoFaceError):
        convert.run(settings(shot, model, tmp_path, face="track:5"), Events())
    faceset = Faceset.open(other.faceset)
    (face,) = faceset.faces()
    faceset.add(replace(face, track=1), faceset.read(face))
    with pytest.raises(AmbiguousFaceError, match="1001"):
        convert.run(settings(other, model, tmp_path / "x"), Events())
    assert not list(tmp_path.glob("out*"))
