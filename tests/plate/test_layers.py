from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from exr_oracle import bits, every_half
from understudy.errors import OutputError, UsageError
from understudy.plate import layers as module
from understudy.plate.frame import Header, Typed, Window
from understudy.plate.layers import Layer, LayerWriter, is_complete, write_layers, writers
from understudy.plate.picture import read_picture_header

FULL = Window(0, 0, 256, 256)
PROFILES = ["flat", "parts"]


def main_layer(pixels: np.ndarray[Any, Any]) -> Layer:
    return Layer("", ("R", "G", "B"), pixels)


def channels_of(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    parts = OpenEXR.File(str(path), separate_channels=True).parts
    return {name: channel.pixels for part in parts for name, channel in part.channels.items()}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("with_float_layer", [False, True])
def test_every_half_of_the_plate_reaches_the_file(tmp_path: Path, profile: Any, with_float_layer: bool) -> None:
    pixels = every_half()
    layers = [main_layer(pixels)]
    if with_float_layer:
        layers.append(Layer("st", ("u", "v"), np.zeros((3, 3, 2), np.float32)))
    write_layers(tmp_path / "a.exr", layers, Header(FULL, FULL), profile=profile, interop_id=None)
    written = channels_of(tmp_path / "a.exr")
    for index, name in enumerate("RGB"):
        assert written[name].dtype == np.float16
        np.testing.assert_array_equal(bits(written[name]), bits(pixels[..., index]))


@pytest.mark.parametrize("profile", PROFILES)
def test_float_plates_reach_the_file_beside_half_layers(tmp_path: Path, rng: np.random.Generator, profile: Any) -> None:
    pixels = rng.integers(0, 1 << 32, (256, 256, 3), dtype=np.uint32).view(np.float32)
    pixels[0, 0] = [1e9, -70000, np.inf]
    layers = [main_layer(pixels), Layer("matte", ("A",), every_half()[..., :1])]
    write_layers(tmp_path / "a.exr", layers, Header(FULL, FULL), profile=profile, interop_id=None)
    written = channels_of(tmp_path / "a.exr")
    for index, name in enumerate("RGB"):
        np.testing.assert_array_equal(bits(written[name]), bits(pixels[..., index]))
    np.testing.assert_array_equal(bits(written["matte.A"]), bits(every_half()[..., 0]))


def described() -> tuple[list[Layer], Header]:
    """A frame with overscan to the left and a data window that ends before the display window does."""
    rng = np.random.default_rng(3)
    header = Header(
        data=Window(-4, 2, 40, 20),
        display=Window(0, 0, 48, 27),
        fps=(24000, 1001),
        timecode=(0x01020304, 9),
        pixel_aspect=2.0,
        attributes={
            "reelName": "A001",
            "captureRate": Typed("rational", (48, 1)),
            "worldToCamera": Typed("matrix", tuple(float(n) for n in range(16))),
            "chromaticities": Typed("float[8]", (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)),
            "owner": "Someone",
            "focus": 1.5,
            "acesImageContainerFlag": 1,
            "understudy/model": "of an earlier run",
            "dpx:Transfer": "Linear",
        },
    )
    colour = rng.random((20, 40, 4)).astype(np.float16)
    swap = rng.random((6, 7, 4)).astype(np.float16)
    st = rng.random((6, 7, 2)).astype(np.float32)
    return [
        Layer("", ("R", "G", "B", "A"), colour),
        Layer("swap", ("R", "G", "B", "A"), swap, (10, 5)),
        Layer("matte", ("A",), swap[..., 3:], (10, 5)),
        Layer("st", ("u", "v"), st, (10, 5)),
        Layer("confidence", ("Y",), np.ones((1, 1, 1), np.float16), (39, 19)),
    ], header


def test_the_flat_profile_is_one_part_over_both_windows(tmp_path: Path) -> None:
    layers, header = described()
    path = tmp_path / "a.exr"
    write_layers(path, layers, header, profile="flat", interop_id="lin_rec709_scene", attributes={"model": "m1"})
    file = OpenEXR.File(str(path), separate_channels=True)
    assert len(file.parts) == 1
    head = file.header()
    assert [tuple(corner) for corner in head["dataWindow"]] == [(-4, 0), (47, 26)]
    assert [tuple(corner) for corner in head["displayWindow"]] == [(0, 0), (47, 26)]
    written = channels_of(path)
    types = {name: pixels.dtype for name, pixels in written.items()}
    assert set(types) == {*"RGBA", *(f"swap.{c}" for c in "RGBA"), "matte.A", "st.u", "st.v", "confidence.Y"}
    assert {name for name, dtype in types.items() if dtype == np.float32} == {"st.u", "st.v"}
    expected = np.zeros((27, 52), np.float16)
    expected[2:22, 0:40] = layers[0].pixels[..., 1]
    np.testing.assert_array_equal(written["G"], expected)
    for channel, layer, index in (("swap.B", layers[1], 2), ("st.v", layers[3], 1)):
        expected = np.zeros((27, 52), layer.pixels.dtype)
        expected[7:13, 10:17] = layer.pixels[..., index]
        np.testing.assert_array_equal(written[channel], expected)
    assert written["confidence.Y"][21, 39] == 1
    assert written["confidence.Y"].sum() == 1


def test_the_parts_profile_is_one_part_a_layer_over_the_plates_windows(tmp_path: Path) -> None:
    layers, header = described()
    path = tmp_path / "a.exr"
    write_layers(path, layers, header, profile="parts", interop_id="lin_rec709_scene")
    parts = OpenEXR.File(str(path), separate_channels=True).parts
    assert [part.header["name"] for part in parts] == ["rgba", "swap", "matte", "st", "confidence"]
    assert [sorted(part.channels) for part in parts][:3] == [list("ABGR"), [f"swap.{c}" for c in "ABGR"], ["matte.A"]]
    for part in parts:
        assert [tuple(corner) for corner in part.header["dataWindow"]] == [(-4, 2), (35, 21)]
        assert [tuple(corner) for corner in part.header["displayWindow"]] == [(0, 0), (47, 26)]
        assert part.header["framesPerSecond"] == Fraction(24000, 1001)
    np.testing.assert_array_equal(parts[0].channels["A"].pixels, layers[0].pixels[..., 3])
    np.testing.assert_array_equal(parts[3].channels["st.u"].pixels[5:11, 10:17], layers[3].pixels[..., 0])
    assert parts[3].channels["st.u"].pixels.dtype == np.float32
    tags = [part.header["colorInteropID"] for part in parts]
    assert tags == ["lin_rec709_scene", "lin_rec709_scene", "data", "data", "data"]
    warnings = [OpenEXR.checkColorMetadata(part.header, parts[0].header) for part in parts[1:]]
    assert warnings == [OpenEXR.checkColorMetadata(parts[0].header)] * 4 == [0] * 4


@pytest.mark.parametrize("profile", PROFILES)
def test_the_header_carries_what_the_plate_said(tmp_path: Path, profile: Any) -> None:
    layers, header = described()
    path = tmp_path / "a.exr"
    ours = {"model": "m1", "understudy/seed": 7, "weight": 0.5, "long": 1 << 40}
    write_layers(path, layers, header, profile=profile, interop_id="lin_ap1_scene", attributes=ours)
    head = OpenEXR.File(str(path), separate_channels=True).parts[0].header
    assert head["framesPerSecond"] == Fraction(24000, 1001)
    time_code = head["timeCode"]
    assert (time_code.hours, time_code.minutes, time_code.seconds, time_code.frame) == (1, 2, 3, 4)
    assert head["pixelAspectRatio"] == 2.0
    assert head["reelName"] == "A001"
    assert head["captureRate"] == Fraction(48, 1)
    assert head["owner"] == "Someone"
    assert head["focus"] == 1.5
    np.testing.assert_array_equal(np.asarray(head["worldToCamera"]).ravel(), np.arange(16))
    assert head["colorInteropID"] == "lin_ap1_scene"
    assert not {"chromaticities", "acesImageContainerFlag", "dpx:Transfer"} & set(head)
    assert head["understudy/model"] == "m1"
    assert head["understudy/seed"] == 7
    assert head["understudy/weight"] == 0.5
    assert head["understudy/long"] == str(1 << 40)
    again = read_picture_header(path)
    assert (again.fps, again.timecode, again.pixel_aspect) == (header.fps, header.timecode, header.pixel_aspect)


def test_without_a_tag_the_chromaticities_stay(tmp_path: Path) -> None:
    layers, header = described()
    write_layers(tmp_path / "a.exr", layers, header, profile="flat", interop_id=None)
    head = OpenEXR.File(str(tmp_path / "a.exr")).header()
    assert head["chromaticities"][0] == pytest.approx(0.64)
    assert "colorInteropID" not in head


@pytest.mark.parametrize("profile", PROFILES)
def test_the_same_frame_gives_the_same_bytes_later(tmp_path: Path, profile: Any) -> None:
    layers, header = described()
    for name in ("a.exr", "b.exr"):
        write_layers(tmp_path / name, layers, header, profile=profile, interop_id="lin_ap1_scene")
        time.sleep(1.01 if name == "a.exr" else 0)
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()


@pytest.mark.parametrize("compression", ["zip", "zips", "none", "piz", "dwaa:45"])
def test_compressions(tmp_path: Path, compression: str) -> None:
    layers, header = described()
    write_layers(tmp_path / "a.exr", layers, header, profile="flat", compression=compression, interop_id=None)
    written = OpenEXR.File(str(tmp_path / "a.exr")).header()["compression"].name
    assert written.lower().startswith({"none": "no"}.get(compression, compression.partition(":")[0]))
    with pytest.raises(UsageError, match="'zipp' is not"):
        write_layers(tmp_path / "b.exr", layers, header, profile="flat", compression="zipp", interop_id=None)


def test_layers_may_reach_over_the_edge(tmp_path: Path) -> None:
    header = Header(Window(0, 0, 8, 6), Window(0, 0, 8, 6))
    patch = np.arange(1, 17, dtype=np.float16).reshape(4, 4, 1)
    layers = [
        main_layer(np.zeros((6, 8, 3), np.float16)),
        Layer("matte", ("A",), patch, (-2, 4)),
        Layer("occlusion", ("A",), patch, (50, 50)),
    ]
    write_layers(tmp_path / "a.exr", layers, header, profile="flat", interop_id=None)
    written = channels_of(tmp_path / "a.exr")
    np.testing.assert_array_equal(written["matte.A"][4:, :2], patch[:2, 2:, 0])
    assert written["matte.A"].sum() == patch[:2, 2:].sum()
    assert not written["occlusion.A"].any()


@pytest.mark.parametrize("profile", PROFILES)
def test_completeness_needs_every_layer_and_every_byte(tmp_path: Path, profile: Any) -> None:
    layers, header = described()
    path = tmp_path / "a.exr"
    write_layers(path, layers, header, profile=profile, interop_id=None)
    assert is_complete(path, ["R", "A", "swap", "matte.A", "st.u", "confidence"])
    assert not is_complete(path, ["R", "raw"])
    assert not is_complete(tmp_path / "b.exr", ["R"])
    whole = path.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert not is_complete(path, ["R"])


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers, header = described()
    path = tmp_path / "a.exr"
    path.write_bytes(b"old")
    monkeypatch.setattr(module, "has_all_pixels", lambda _: False)
    with pytest.raises(OutputError, match=r"a\.exr could not be written: the file ends"):
        write_layers(path, layers, header, profile="flat", interop_id=None)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_target_that_cannot_be_is_an_output_error(tmp_path: Path) -> None:
    layers, header = described()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"a\.exr"):
        write_layers(tmp_path / "file" / "a.exr", layers, header, profile="flat", interop_id=None)


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from understudy.errors import OutputError
from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, write_layers
path, profile, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
window = Window(0, 0, 200, 150)
noise = np.random.default_rng(1).random((150, 200, 3)).astype(np.float16)
layers = [Layer("", ("R", "G", "B"), noise), Layer("raw", ("R", "G", "B"), noise)]
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    write_layers(path, layers, Header(window, window), profile=profile, interop_id=None)
except OutputError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX matter")
@pytest.mark.parametrize("profile", PROFILES)
def test_running_out_of_room_is_noticed_at_any_byte(tmp_path: Path, profile: str) -> None:
    def write(limit: int) -> str:
        command = [sys.executable, "-c", LIMITED, str(tmp_path / "a.exr"), profile, str(limit)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.strip()

    assert write(0) == ""
    size = (tmp_path / "a.exr").stat().st_size
    (tmp_path / "a.exr").unlink()
    # The last one fails only when the file is closed, which OpenImageIO does not tell.
    for limit in (100, size // 2, size - 1):
        assert write(limit) == f"{tmp_path / 'a.exr'} could not be written: File too large."
        assert not list(tmp_path.iterdir())


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Any:
    """A file system of 64 kB, where this machine lets us mount one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting needs root on Linux")
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_full_disk_is_called_by_its_name(tiny_disk: Path, rng: np.random.Generator, profile: Any) -> None:
    layers = [main_layer(rng.random((256, 256, 3)).astype(np.float16))]
    with pytest.raises(OutputError, match=r"The disk is full: .*a\.exr could not be written"):
        write_layers(tiny_disk / "a.exr", layers, Header(FULL, FULL), profile=profile, interop_id=None)
    assert not list(tiny_disk.iterdir())


def test_the_writer_writes_every_frame(tmp_path: Path) -> None:
    layers, header = described()
    with LayerWriter(workers=2, ahead=3) as writer:
        for frame in range(12):
            writer.submit(tmp_path / f"a.{frame}.exr", layers, header, profile="flat", interop_id=None)
    assert all(is_complete(tmp_path / f"a.{frame}.exr", ["R", "st"]) for frame in range(12))


@pytest.mark.parametrize(("cores", "threads"), [(None, 2), (1, 2), (4, 2), (6, 3), (8, 4), (64, 4)])
def test_half_the_cores_write(monkeypatch: pytest.MonkeyPatch, cores: int | None, threads: int) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert writers() == threads


def test_the_writer_keeps_a_bounded_number_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers, header = described()
    gate = threading.Event()
    done: list[Path] = []

    def slow(path: Path, *_: Any, **__: Any) -> None:
        gate.wait(60)
        done.append(path)

    monkeypatch.setattr(module, "write_layers", slow)
    submitted: list[int] = []

    def produce() -> None:
        with LayerWriter(workers=1, ahead=3) as writer:
            for frame in range(6):
                writer.submit(tmp_path / f"{frame}.exr", layers, header, profile="flat", interop_id=None)
                submitted.append(frame)

    producer = threading.Thread(target=produce)
    producer.start()
    give_up = time.monotonic() + 60
    while len(submitted) < 3 and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(0.1)  # in which it could go further
    assert submitted == [0, 1, 2]
    gate.set()
    producer.join(60)
    assert len(done) == 6


def test_a_writers_failure_surfaces_at_the_next_frame_or_at_the_end(tmp_path: Path) -> None:
    layers, header = described()
    (tmp_path / "file").write_text("")
    bad = tmp_path / "file" / "a.exr"
    with pytest.raises(OutputError, match=r"a\.exr"), LayerWriter(workers=1, ahead=4) as writer:
        writer.submit(bad, layers, header, profile="flat", interop_id=None)
    count = 0
    with pytest.raises(OutputError), LayerWriter(workers=1, ahead=1) as writer:
        writer.submit(bad, layers, header, profile="flat", interop_id=None)
        for count in range(1, 50):
            writer.submit(tmp_path / f"{count}.exr", layers, header, profile="flat", interop_id=None)
    assert count == 1
    with pytest.raises(RuntimeError, match="mine"), LayerWriter() as writer:
        writer.submit(bad, layers, header, profile="flat", interop_id=None)
        raise RuntimeError("mine")
