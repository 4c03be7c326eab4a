"""Movies to look at, written through PyAV; none of them is a plate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from understudy.errors import OutputError, UsageError
from understudy.plate.files import atomic_path

FORMATS = (".mp4", ".mov", ".mkv")


@dataclass(frozen=True)
class _Codec:
    name: str
    matrix: Colorspace  # of RGB to YUV
    options: dict[str, str]


_CODECS = (
    _Codec("libx264", Colorspace.ITU709, {"crf": "16"}),
    # Builds of FFmpeg without GPL parts have this one. It cannot say its matrix: players take small pictures for Rec.601.
    _Codec("mpeg4", Colorspace.ITU601, {"flags": "+qscale", "global_quality": "236"}),
)


def write_movie(path: Path, pictures: Iterable[NDArray[np.uint8]], rate: int) -> None:
    """Write ``pictures`` (H, W, 3) uint8, display-encoded, at ``rate`` a second: H.264 where it is built in, else MPEG-4.

    The size is that of the first picture, made even; others are scaled to it. Whole or not at all. Raises
    :class:`UsageError` for a name that does not end in one of :data:`FORMATS`, and :class:`OutputError`.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            f"{path} is no movie that can be written.",
            f"Give a name that ends in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.",
        )
    try:
        with atomic_path(path) as temporary, av.open(str(temporary), "w") as container:
            codec = _codec()
            stream = container.add_stream(codec.name, Fraction(rate), options=codec.options)
            assert isinstance(stream, VideoStream)
            stream.pix_fmt = "yuv420p"
            stream.codec_context.colorspace = codec.matrix
            for index, picture in enumerate(pictures):
                if index == 0:
                    stream.height, stream.width = (side + side % 2 for side in picture.shape[:2])
                frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
                    stream.width, stream.height, "yuv420p", dst_colorspace=codec.matrix
                )
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
    except av.FFmpegError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}.", "Choose another place or name.") from error


def _codec() -> _Codec:
    for codec in _CODECS:
        if codec.name in av.codecs_available:
            return codec
    raise OutputError("This build of PyAV can write no movie.", "Install PyAV from its own wheels: pip install av")
