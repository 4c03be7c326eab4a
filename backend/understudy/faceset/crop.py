"""One aligned face as a half-float EXR file: linear RGBA pixels, and the record in the header."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
from numpy.typing import NDArray

from understudy.errors import FacesetError
from understudy.faceset.record import LARGEST_CROP, Face
from understudy.plate.exr import has_all_pixels
from understudy.plate.files import atomic_path, explained
from understudy.safe_text import shortened

ATTRIBUTE = "understudy/face"
_MOST_CHANNELS = 64
_INTEROP_ID = re.compile(r"(\w+:)?[a-z0-9]+_[a-z0-9]+_(scene|display)")


def write_crop(path: Path, face: Face, pixels: NDArray[np.float16]) -> None:
    """Write ``pixels`` (S, S, 4) float16, linear RGBA, whole or not at all. Raises OutputError."""
    side = face.crop_size
    if pixels.shape != (side, side, 4) or pixels.dtype != np.float16:
        raise ValueError(f"a crop of {side} pixels is ({side}, {side}, 4) float16, not {pixels.shape} {pixels.dtype}")
    spec = oiio.ImageSpec(side, side, 4, oiio.HALF)
    spec.channelnames = ("R", "G", "B", "A")
    spec.attribute("compression", "zip")
    spec.attribute(ATTRIBUTE, face.to_json())
    if _INTEROP_ID.fullmatch(face.colour_space):  # a studio's own name for a space is not an ID
        spec.attribute("colorInteropID", face.colour_space)
    with atomic_path(path) as temporary:
        output = oiio.ImageOutput.create(str(temporary))
        done = output is not None and output.open(str(temporary), spec) and output.write_image(pixels)
        # The last bytes leave at closing, and OpenImageIO does not tell when they find no room.
        if not (done and output.close() and has_all_pixels(temporary)):
            raise explained(path, temporary, output.geterror() if output else oiio.geterror())


def read_record(path: Path) -> Face:
    """The record of a crop, from its header alone. Raises :class:`FacesetError` naming the file."""
    opened = _open(path)
    try:
        text = opened.spec().getattribute(ATTRIBUTE)
    except UnicodeDecodeError as error:
        raise _damaged(path, f"its record is no text: {error}") from None
    finally:
        opened.close()
    if not isinstance(text, str):
        raise FacesetError(
            f"{path} holds no face record.", "Move it out of the faceset: it was not written by Understudy."
        )
    try:
        return Face.from_json(text)
    except FacesetError as error:
        raise FacesetError(f"{path}: {error.message}", error.hint) from error


def read_pixels(path: Path) -> NDArray[np.float16]:
    """The pixels (S, S, 4) float16, linear RGBA. Raises :class:`FacesetError` naming the file."""
    opened = _open(path)
    try:
        spec = opened.spec()
        names, size = list(spec.channelnames), (spec.width, spec.height)
        if size[0] != size[1] or size[0] > LARGEST_CROP or len(names) > _MOST_CHANNELS:
            raise _damaged(path, f"it is {size[0]} x {size[1]} pixels, which is no crop")
        pixels = opened.read_image(0, 0, 0, len(names), oiio.HALF)
        reason = opened.geterror()
    except (UnicodeDecodeError, MemoryError) as error:
        raise _damaged(path, str(error) or "it does not fit into memory") from None
    finally:
        opened.close()
    if pixels is None or reason:
        raise _damaged(path, reason)
    if not {"R", "G", "B", "A"} <= set(names):
        raise _damaged(path, f"it has the channels {', '.join(names)} instead of R, G, B, A")
    ordered: NDArray[np.float16] = np.ascontiguousarray(pixels[..., [names.index(name) for name in "RGBA"]])
    return ordered


def _open(path: Path) -> oiio.ImageInput:
    opened = oiio.ImageInput.open(str(path))
    if opened is None:
        raise _damaged(path, oiio.geterror())
    return opened


def _damaged(path: Path, reason: str) -> FacesetError:
    return FacesetError(
        f"{path} is damaged: {shortened(reason.strip().rstrip('.'), 200) or 'it is not an EXR file'}.",
        "Run the same extraction again, which cuts damaged crops anew.",
    )
