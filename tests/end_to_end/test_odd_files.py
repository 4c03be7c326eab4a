"""A shot from extraction to quality check as several kinds of files: the right pictures, or their clean twin's."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import understudy
from made_heads import Moment, Performer, take
from made_people import bits, channel, write_exr
from numpy.typing import NDArray
from understudy.events import Events
from understudy.faceset.store import Faceset
from understudy.plate.colour import BUILT_IN, ColourManager
from understudy.plate.reader import read_frame
from understudy.plate.sequence import open_plate
from understudy.settings import ConvertSettings, ExtractSettings, QcSettings
from understudy.stages import convert, extract
from understudy.stages.qc import delivery

pytestmark = pytest.mark.slow

SAMPLE = Path(understudy.__file__).parent / "sample"
FRAMES = (1003, 1004)
HLG = "Rec.2100-HLG - Display"
LAYERS = ("", "swap", "raw")


@pytest.fixture(scope="module", autouse=True)
def one_configuration() -> Iterator[ColourManager]:
    with pytest.MonkeyPatch.context() as patch:
        loaded = ColourManager(BUILT_IN, "built-in")
        patch.setattr(ColourManager, "discover", functools.cache(lambda config=None: loaded))
        yield loaded


def portrait(frame: int) -> NDArray[np.float32]:
    """The middle of the bundled plate, 256 x 288."""
    plate = open_plate((SAMPLE / "plate.####.exr").as_posix())
    return np.asarray(read_frame(plate, frame).rgb[:, 128:384], np.float32)


def rgb(path: Path, layer: str = "") -> NDArray[np.float64]:
    names = [f"{layer}.{name}" if layer else name for name in "RGB"]
    return np.stack([channel(path, name) for name in names], axis=-1).astype(np.float64)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "bert"
    moments = [Moment(yaw=-25), Moment(yaw=-12, mouth=0.05), Moment(), Moment(yaw=8, mouth=0.1), Moment(yaw=20)]
    take(folder, Performer((0.22, 0.16, 0.12), pattern=15), moments)
    return folder


def delivered(plate: str, source: Path, folder: Path, **options: Any) -> Path:
    """The whole way; returns the pattern of what was delivered, which passes its check."""
    out, faces = f"{folder.as_posix()}/out.####.exr", folder / "faces"
    extract.run(ExtractSettings(plate=plate, out=faces, **options), Events())
    settings = {"plate": plate, "source": source, "faceset": faces, "out": out, "occlusion": "none", "device": "cpu"}
    convert.run(ConvertSettings(**settings, **options), Events())
    report = delivery.run(QcSettings(sequence=out, plate=plate), Events())
    assert {one["check"]: one["told"] for one in report["checks"] if one["verdict"] == "fail"} == {}
    return folder


@pytest.fixture(scope="module")
def clean(tmp_path_factory, source) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    for frame in FRAMES:
        write_exr(folder / f"shot.{frame}.exr", portrait(frame).astype(np.float16), colorInteropID="lin_rec709_scene")
    return delivered(f"{folder.as_posix()}/shot.####.exr", source, folder)


def test_blender_s_multilayer_is_its_picture(tmp_path, source, clean):
    import OpenEXR

    for frame in FRAMES:
        picture = portrait(frame).astype(np.float16)
        planes = {f"fg.Combined.{name}": np.ascontiguousarray(picture[..., i]) for i, name in enumerate("RGB")}
        planes |= {f"fg.Normal.{name}": np.full(picture.shape[:2], -1, np.float16) for name in "XYZ"}
        planes |= {f"bg.Combined.{name}": np.full(picture.shape[:2], 0.5, np.float16) for name in "RGB"}
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(header | {"colorInteropID": "lin_rec709_scene"}, planes).write(str(tmp_path / f"shot.{frame}.exr"))
    delivered(f"{tmp_path.as_posix()}/shot.####.exr", source, tmp_path, layer="fg")
    for frame in FRAMES:
        for name in ("R", "matte.A", "swap.G", "st.u"):
            one, two = (channel(folder / f"out.{frame}.exr", name) for folder in (tmp_path, clean))
            np.testing.assert_array_equal(bits(one), bits(two), err_msg=name)


def test_an_anamorphic_shot_is_its_square_twin_squeezed(tmp_path, source, clean):
    def squeezed(picture: NDArray[Any]) -> NDArray[Any]:
        return picture.reshape(picture.shape[0], -1, 2, *picture.shape[2:]).mean(2)

    for frame in FRAMES:
        picture = squeezed(portrait(frame)).astype(np.float16)
        header = {"pixelAspectRatio": 2.0, "colorInteropID": "lin_rec709_scene"}
        write_exr(tmp_path / f"shot.{frame}.exr", picture, **header)
    delivered(f"{tmp_path.as_posix()}/shot.####.exr", source, tmp_path)
    plain, own = (Faceset.open(folder / "faces").faces()[0] for folder in (clean, tmp_path))
    eyes = np.linalg.norm(plain.landmarks[36:42].mean(0) - plain.landmarks[42:48].mean(0))
    assert np.linalg.norm(own.landmarks * (2, 1) - plain.landmarks, axis=1).mean() < 0.03 * eyes
    for frame in FRAMES:
        path, twin = (folder / f"out.{frame}.exr" for folder in (tmp_path, clean))
        matte = channel(path, "matte.A")
        kept, plate = rgb(path).astype(np.float16), rgb(tmp_path / f"shot.{frame}.exr").astype(np.float16)
        np.testing.assert_array_equal(bits(kept[matte == 0]), bits(plate[matte == 0]))
        core = np.minimum(matte, squeezed(channel(twin, "matte.A").astype(np.float64))) > 0.9
        assert core.sum() > 500
        for layer in LAYERS:
            off = np.abs(rgb(path, layer) - squeezed(rgb(twin, layer)))[core]
            assert off.mean() < 0.01, layer


def phone_movie(path: Path, colours: ColourManager) -> None:
    """The shot as a phone writes it: lying, with a display matrix that stands it up, in HLG, BT.2020, 10 bits."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "1", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 288, 256, "yuv444p10le"
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace = 9, 18, 9
        for index, frame in enumerate(FRAMES):
            light = colours.to_working(portrait(frame), "lin_rec709_scene")
            codes = np.clip(colours.from_working(light, HLG), 0, 1)
            lying = np.ascontiguousarray(np.rot90(np.rint(codes * 65535).astype(np.uint16)))
            picture = av.VideoFrame.from_ndarray(lying, format="rgb48le").reformat(
                format="yuv444p10le", dst_colorspace=9
            )
            picture.pts, picture.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    at, one = data.find(b"tkhd") + 8 + 20 + 16, 1 << 16
    data[at : at + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def test_a_phone_s_portrait_movie_in_hlg_is_its_clean_twin(tmp_path, source, clean, one_configuration):
    colours = one_configuration
    phone_movie(tmp_path / "phone.mov", colours)
    delivered((tmp_path / "phone.mov").as_posix(), source, tmp_path)
    for number, frame in enumerate(FRAMES, 1):
        path, twin = tmp_path / f"out.{number:04d}.exr", clean / f"out.{frame}.exr"
        assert rgb(path).shape == (288, 256, 3)
        core = np.minimum(channel(path, "matte.A"), channel(twin, "matte.A")) > 0.9
        assert core.sum() > 1000
        for layer in LAYERS:
            true = colours.to_working(rgb(twin, layer), "lin_rec709_scene")
            assert np.abs(rgb(path, layer) - true)[core].mean() < 0.02, layer
        far = channel(path, "matte.A") == 0
        true = colours.to_working(portrait(frame), "lin_rec709_scene")
        assert np.abs(rgb(path) - true)[far].mean() < 0.01


@pytest.fixture
def dirty_twins(tmp_path) -> tuple[Path, Path]:
    """The shot clean, with a frame that was never shot; and with broken pixels on the face, that frame cut short."""
    clean, dirty = tmp_path / "clean", tmp_path / "dirty"
    clean.mkdir()
    dirty.mkdir()
    dice = np.random.default_rng(7)
    for frame in (1003, 1004, 1005, 1006):
        picture = portrait(frame).astype(np.float16)
        header = {"colorInteropID": "lin_rec709_scene"}
        if frame != LOST:
            write_exr(clean / f"shot.{frame}.exr", picture, **header)
        for value in (np.inf, 65504, 1000, np.nan, -500):
            picture[dice.integers(100, 180), dice.integers(90, 170)] = value  # the face
            picture[dice.integers(0, 40), dice.integers(0, 60), dice.integers(3)] = value
        write_exr(dirty / f"shot.{frame}.exr", picture, **header)
    whole = (dirty / f"shot.{LOST}.exr").read_bytes()
    (dirty / f"shot.{LOST}.exr").write_bytes(whole[: len(whole) // 2])
    return clean, dirty


LOST = 1005


def test_a_dirty_plate_with_a_frame_cut_short_is_its_clean_twin(dirty_twins, source):
    for folder in dirty_twins:
        delivered(f"{folder.as_posix()}/shot.####.exr", source, folder, missing="skip")
    clean, dirty = dirty_twins
    for twin, own in zip(*(Faceset.open(folder / "faces").faces() for folder in dirty_twins), strict=True):
        assert own.frame == twin.frame
        assert np.linalg.norm(own.landmarks - twin.landmarks, axis=1).mean() < 0.3
    for frame in (1003, 1004, 1006):
        path, twin = (folder / f"out.{frame}.exr" for folder in (dirty, clean))
        plate, matte = rgb(dirty / f"shot.{frame}.exr").astype(np.float16), channel(path, "matte.A")
        outside = matte == 0
        np.testing.assert_array_equal(bits(rgb(path).astype(np.float16)[outside]), bits(plate[outside]))
        core = np.minimum(matte, channel(twin, "matte.A")) > 0.9
        assert core.sum() > 1000
        assert np.isfinite(rgb(path)[core]).all()
        for layer in ("", "swap", "raw"):
            off = rgb(path, layer) - rgb(twin, layer)
            assert np.square(off)[core].mean() < 1e-4, layer  # 40 dB
    assert not (dirty / f"out.{LOST}.exr").exists()
