from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from understudy.convert.layers.cryptomatte import CHANNELS, cryptomatte, float_id, header
from understudy.plate.frame import Header, Window
from understudy.plate.layers import Layer, write_layers


def _murmur(text: str) -> int:
    """MurmurHash3 x86 32, seed 0, from its description."""
    data, hashed = text.encode(), 0
    for start in range(0, len(data) + 1, 4):
        block = data[start : start + 4]
        word = int.from_bytes(block, "little") * 0xCC9E2D51 & 0xFFFFFFFF
        word = (word << 15 | word >> 17) & 0xFFFFFFFF
        hashed ^= word * 0x1B873593 & 0xFFFFFFFF
        if len(block) == 4:
            hashed = ((hashed << 13 | hashed >> 19) & 0xFFFFFFFF) * 5 + 0xE6546B64 & 0xFFFFFFFF
    hashed ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        hashed = (hashed ^ hashed >> shift) * factor & 0xFFFFFFFF
    return hashed


def _bits(number: float) -> int:
    return int(np.float32(number).view(np.uint32))


@pytest.mark.parametrize("name", ["track0/skin", "track1/left_eye", "hello", "Zoë/lips", "a"])
def test_an_id_has_the_bits_of_the_names_hash(name: str) -> None:
    assert _murmur("hello") == 0x248BFA47  # a published one
    assert _bits(float_id(name)) == _murmur(name)


def test_an_id_is_always_an_ordinary_number() -> None:
    names = ["", *(f"face{number}" for number in range(2000))]
    odd = [name for name in names if (_murmur(name) >> 23) & 255 in (0, 255)]
    assert len(odd) > 5
    for name in odd:
        assert _bits(float_id(name)) == _murmur(name) ^ 1 << 23
    for name in names:
        assert math.isfinite(float_id(name)) and abs(float_id(name)) >= 2.0**-126


def test_each_pixel_lists_its_names_by_falling_coverage() -> None:
    rng = np.random.default_rng(3)
    share = rng.random((8, 5, 7)).astype(np.float32)
    share[:, 0] = 0
    share[3, 1] = 0
    share /= np.maximum(share.sum(0), 1)
    names = [f"track{number}/skin" for number in range(8)]
    layers, _ = cryptomatte("CryptoFace", dict(zip(names, share, strict=True)))
    assert list(layers) == ["CryptoFace00", "CryptoFace01", "CryptoFace02"]
    stack = np.concatenate(list(layers.values()), axis=-1)
    assert stack.dtype == np.float32 and stack.shape == (5, 7, 12)
    assert not stack[0].any()
    assert (np.diff(stack[..., 1::2], axis=-1) <= 0).all()
    ids = {_bits(float_id(name)): index for index, name in enumerate(names)}
    for row in range(1, 5):
        for column in range(7):
            ranks = stack[row, column].reshape(6, 2)
            found = {ids[_bits(number)]: covered for number, covered in ranks if covered > 0}
            most = np.sort(share[:, row, column])[::-1][:6]
            assert list(found.values()) == list(most[most > 0])
            assert all(share[index, row, column] == covered for index, covered in found.items())
            assert all(number == 0 for number, covered in ranks if covered == 0)


def test_few_names_fill_the_first_ranks() -> None:
    layers, _ = cryptomatte("CryptoFace", {"one": np.array([[0.25]]), "two": np.array([[0.75]])})
    assert layers["CryptoFace00"][0, 0].tolist() == [float_id("two"), 0.75, float_id("one"), 0.25]
    assert not layers["CryptoFace01"].any() and not layers["CryptoFace02"].any()


@pytest.mark.parametrize("profile", ["flat", "parts"])
def test_a_file_holds_ids_bit_for_bit_and_says_what_they_mean(tmp_path: Path, profile: str) -> None:
    names = ["track0/skin", "track0/lips", "track1/skin"]
    covered = np.zeros((3, 6, 9), np.float32)
    covered[0, :, :6], covered[1, 2:4, 2:4], covered[2, :, 7:] = 0.6, 0.4, 1.0
    layers, said = cryptomatte("CryptoFace", dict(zip(names, covered, strict=True)))
    window = Window(0, 0, 12, 8)
    # What the plate's own file says of its mattes, which stay behind.
    plate = Header(window, window, attributes={"cryptomatte/1234567/name": "CryptoObject"})
    stack = [
        Layer("", ("R", "G", "B"), np.zeros((8, 12, 3), np.float16)),
        *(Layer(name, CHANNELS, pixels, (2, 1)) for name, pixels in layers.items()),
    ]
    path = tmp_path / "c.exr"
    write_layers(path, stack, plate, profile=profile, interop_id="lin_ap1_scene", attributes={"version": "1", **said})
    file = OpenEXR.File(str(path), separate_channels=True)
    head = file.parts[0].header
    mine = {name: value for name, value in head.items() if name.startswith("cryptomatte/")}
    key = f"cryptomatte/{_murmur('CryptoFace'):08x}"[:-1]
    assert mine == {f"{key}/{name.rpartition('/')[2]}": value for name, value in said.items()}
    assert mine[f"{key}/name"] == "CryptoFace" and mine[f"{key}/hash"] == "MurmurHash3_32"
    assert mine[f"{key}/conversion"] == "uint32_to_float32" and head["understudy/version"] == "1"
    assert json.loads(mine[f"{key}/manifest"]) == {name: f"{_murmur(name):08x}" for name in names}
    stored = {name: one.pixels for part in file.parts for name, one in part.channels.items()}
    for name, pixels in layers.items():
        for index, channel in enumerate(CHANNELS):
            got = stored[f"{name}.{channel}"]
            assert got.dtype == np.float32
            assert np.array_equal(
                got[1:7, 2:11].view(np.uint32), np.ascontiguousarray(pixels[..., index]).view(np.uint32)
            )
            got = got.copy()
            got[1:7, 2:11] = 0
            assert not got.any()


def test_the_header_of_a_frame_without_faces_is_the_same() -> None:
    names = ["track0/skin", "track0/lips"]
    _, said = cryptomatte("CryptoFace", {name: np.ones((1, 1)) / 2 for name in names})
    assert header("CryptoFace", names) == said
