"""Small pictures and movies of every kind: how they are spoilt, and how they are read."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from fuzz_mutations import spoilt_bytes
from PIL import Image
from understudy.plate.exr import has_all_pixels
from understudy.plate.picture import channel_names, read_parts
from understudy.plate.reader import probe, read_frame
from understudy.plate.sequence import open_plate


@cache
def pictures() -> dict[str, bytes]:
    """A small picture of every kind."""
    import OpenImageIO as oiio

    rng = np.random.default_rng(2)
    half, eight = rng.uniform(0, 2, (24, 32, 4)).astype(np.float16), rng.integers(0, 256, (24, 32, 3), np.uint8)
    made = {}
    with TemporaryDirectory() as place:

        def write(name: str, pixels: Any, kind: Any, **attributes: Any) -> None:
            spec = oiio.ImageSpec(32, 24, pixels.shape[2], kind)
            for attribute, value in {"framesPerSecond": 24.0, "Artist": "somebody", **attributes}.items():
                spec.attribute(attribute, value)
            path = Path(place) / name
            output = oiio.ImageOutput.create(str(path))
            assert output.open(str(path), spec) and output.write_image(pixels) and output.close(), output.geterror()
            made[name] = path.read_bytes()

        for compression in ("none", "rle", "zip", "piz", "pxr24", "b44", "dwaa"):
            write(f"{compression}.exr", half, oiio.HALF, compression=compression)
        write("a.dpx", eight, oiio.UINT8)
        write("a.tif", eight, oiio.UINT8, compression="lzw")
        write("b.tif", half.astype(np.float32), oiio.FLOAT, compression="zip")
        write("a.png", eight, oiio.UINT8)
        write("a.jpg", eight, oiio.UINT8, Orientation=6)
        write("a.tga", eight, oiio.UINT8)
        write("a.bmp", eight, oiio.UINT8)
        write("a.hdr", half[..., :3].astype(np.float32), oiio.FLOAT)
        write("a.webp", eight, oiio.UINT8)
        specs = [oiio.ImageSpec(32, 24, 4, oiio.HALF) for _ in range(2)]
        for name, spec in zip(("rgba", "mask"), specs, strict=True):
            spec.attribute("name", name)
        specs[1].channelnames = ("mask.R", "mask.G", "mask.B", "mask.A")
        output = oiio.ImageOutput.create(f"{place}/parts.exr")
        assert output.open(f"{place}/parts.exr", specs) and output.write_image(half)
        assert (
            output.open(f"{place}/parts.exr", specs[1], "AppendSubimage")
            and output.write_image(half)
            and output.close()
        )
        made["parts.exr"] = (Path(place) / "parts.exr").read_bytes()
    return made


def picture(dice: random.Random) -> bytes:
    """A spoilt picture behind its ending, which tells its reader what to expect."""
    name, content = dice.choice(list(pictures().items()))
    content = (
        _header_spoilt(content, dice) if name.endswith(".exr") and dice.randrange(2) else spoilt_bytes(content, dice)
    )
    return Path(name).suffix.encode() + b"|" + content


def _header_spoilt(content: bytes, dice: random.Random) -> bytes:
    """An EXR with only its header spoilt: the names and values that readers ask for."""
    head = content[: min(len(content), 700)]
    return spoilt_bytes(head, dice) + content[len(head) :]


def read_picture_of(data: bytes, folder: Path) -> None:
    suffix, _, content = data.partition(b"|")
    path = folder / f"shot.1001{suffix.decode()}"
    path.write_bytes(content)
    plate = open_plate(str(path))
    if path.suffix == ".exr":
        has_all_pixels(path)
    read_whole(path)
    probe(plate)
    read_frame(plate, plate.frames[0])


def read_whole(path: Path) -> None:
    channel_names(path)
    read_parts(path)


@cache
def movies() -> dict[str, bytes]:
    import av

    rng = np.random.default_rng(3)
    made = {}
    with TemporaryDirectory() as place:
        for name, codec, form in (
            ("a.mov", "prores_ks", "yuv422p10le"),
            ("a.mp4", "mpeg4", "yuv420p"),
            ("a.mkv", "ffv1", "yuv420p"),
            ("a.avi", "mjpeg", "yuvj420p"),
        ):
            path = Path(place) / name
            with av.open(str(path), "w") as container:
                stream: Any = container.add_stream(codec, rate=24)
                stream.width, stream.height, stream.pix_fmt = 64, 48, form
                for _ in range(3):
                    frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (48, 64, 3), np.uint8), format="rgb24")
                    container.mux(stream.encode(frame))
                container.mux(stream.encode())
            made[name] = path.read_bytes()
        images = [Image.fromarray(rng.integers(0, 256, (48, 64, 3), np.uint8)) for _ in range(3)]
        images[0].save(Path(place) / "a.gif", save_all=True, append_images=images[1:])
        made["a.gif"] = (Path(place) / "a.gif").read_bytes()
    return made


def movie(dice: random.Random) -> bytes:
    name, content = dice.choice(list(movies().items()))
    return Path(name).suffix.encode() + b"|" + spoilt_bytes(content, dice)


def read_movie_of(data: bytes, folder: Path) -> None:
    suffix, _, content = data.partition(b"|")
    path = folder / f"shot{suffix.decode()}"
    path.write_bytes(content)
    plate = open_plate(str(path))
    probe(plate)
    read_frame(plate, plate.frames[0])
    read_frame(plate, plate.frames[-1])
