"""Movies through PyAV, frame by frame and exactly."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from understudy.errors import MissingInputError, UnreadableError
from understudy.plate.frame import Frame, Header, Window
from understudy.plate.movies.movie_tags import MovieTags, picture_stream, tags_of
from understudy.plate.movies.timecode import advance, parse_timecode

_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
# Without these FFmpeg converts 8-bit YUV in 8 bits, off by up to two and a half levels.
_EXACT = (
    Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND
)
_NEAR = 100  # frames
_NOWHERE = 1 << 62
_ALWAYS_FINE, _PIXELS_PER_BYTE = 1 << 24, 20_000  # as for pictures
_DAMAGED = "The movie is damaged or its codec is not known: export it again, or as an image sequence."


def count_frames(path: Path) -> int:
    """The number of pictures in the movie, counted packet by packet, since what a container claims is often wrong."""
    return len(_times(path))


class Movie:
    """A movie opened for reading; frames count from 1. Used by one thread at a time.

    Raises MissingInputError and UnreadableError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._times = _times(path)
        self._tags = _tags(path)
        self._next = 1
        self._begin()

    def __enter__(self) -> Movie:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def read(self, number: int) -> Frame:
        """Frame ``number``: (H, W, 3) float32 in 0..1, display-encoded as the movie is. Fastest in ascending order."""
        if not 1 <= number <= len(self._times):
            raise MissingInputError(
                f"{self._path} has no frame {number}; it has {len(self._times)}.", "Give a range that is there."
            )
        try:
            picture = self._decode(number)
        except av.FFmpegError as error:
            raise self._damaged(number) from error
        rgb = self._tags.orientation.upright(_rgb(picture))
        return Frame(number, rgb, None, self._header(number))

    def header(self) -> Header:
        """The header of the first frame."""
        return self._header(1)

    def _decode(self, number: int) -> VideoFrame:
        # Decoding on is quicker than seeking back to the key frame before, when the frame is not far.
        if not self._next <= number < self._next + _NEAR:
            self._seek(number)
        picture = self._run_to(number)
        if picture is None:
            # A picture before its group's key frame cannot be decoded after a jump to that key frame.
            self._restart()
            picture = self._run_to(number)
        if picture is None:
            self._next = _NOWHERE
            raise self._damaged(number)
        self._next = number + 1
        return picture

    def _run_to(self, number: int) -> VideoFrame | None:
        wanted = self._times[number - 1]
        for picture in self._decoded:
            counted, self._next = self._next, self._next + 1
            # Containers without times (raw streams) can only be counted through.
            reached = counted == number if wanted is None else picture.pts == wanted
            if reached:
                return None if picture.is_corrupt else picture
            if wanted is not None and picture.pts is not None and picture.pts > wanted:
                return None
        return None

    def _seek(self, number: int) -> None:
        wanted = self._times[number - 1]
        if wanted is None:
            self._restart()
        else:
            self._container.seek(wanted, stream=self._stream)
            self._decoded = self._container.decode(self._stream)

    def _restart(self) -> None:
        self._container.close()
        self._begin()

    def _begin(self) -> None:
        self._container = _open(self._path)
        self._stream: VideoStream = picture_stream(self._container)
        self._stream.thread_type = "AUTO"
        self._decoded = self._container.decode(self._stream)
        self._next = 1

    def _header(self, number: int) -> Header:
        tags = self._tags
        window = tags.orientation.upright_window(Window(0, 0, self._stream.width, self._stream.height))
        rate = self._stream.average_rate or self._stream.guessed_rate
        fps = (rate.numerator, rate.denominator) if rate else None
        aspect = self._stream.sample_aspect_ratio
        first = parse_timecode(self._timecode(), fps) if fps else None
        return Header(
            data=window,
            display=window,
            fps=fps,
            timecode=advance(first, number - 1, fps) if first and fps else None,
            pixel_aspect=tags.orientation.upright_aspect(float(aspect)) if aspect else 1.0,
            encoding=tags.encoding,
            notes=tags.notes,
        )

    def _timecode(self) -> str:
        tagged = [self._stream, *self._container.streams, self._container]
        return next((item.metadata["timecode"] for item in tagged if "timecode" in item.metadata), "")

    def _damaged(self, number: int) -> UnreadableError:
        return UnreadableError(f"Frame {number} of {self._path} cannot be decoded.", _DAMAGED)


def _open(path: Path) -> Any:
    if not path.is_file():
        raise MissingInputError(f"{path} does not exist.", "Check the path.")
    try:
        # A file may be a list of other places to open: nothing but files is.
        container = av.open(str(path), options={"protocol_whitelist": "file"})
    except av.FFmpegError as error:
        raise UnreadableError(f"{path} cannot be read as a movie.", _DAMAGED) from error
    stream = picture_stream(container)
    if stream is None:
        container.close()
        raise UnreadableError(f"{path} has no pictures in it.", _DAMAGED)
    if stream.codec_context is None:  # of a codec that nobody knows
        container.close()
        raise UnreadableError(f"{path} has pictures of a kind that cannot be decoded.", _DAMAGED)
    width, height, size = stream.width, stream.height, path.stat().st_size
    if width * height > max(_ALWAYS_FINE, size * _PIXELS_PER_BYTE):
        container.close()
        raise UnreadableError(f"{path} promises {width} x {height} pixels in {size} bytes.", _DAMAGED)
    return container


def _tags(path: Path) -> MovieTags:
    state = path.stat()
    return _read_tags(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _read_tags(path: Path, _changed: int, _size: int) -> MovieTags:
    with _open(path) as container:
        return tags_of(container, _times(path), str(path))


def _times(path: Path) -> tuple[int | None, ...]:
    if not path.is_file():
        raise MissingInputError(f"{path} does not exist.", "Check the path.")
    state = path.stat()
    return _read_times(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _read_times(path: Path, _changed: int, _size: int) -> tuple[int | None, ...]:
    """The presentation time of each picture in order of showing; Nones where the container keeps none."""
    times: list[int | None] = []
    packets = 0
    with _open(path) as container:
        stream = picture_stream(container)
        try:
            for packet in container.demux(stream):
                packets += packet.size > 0
                if packet.size and not packet.is_discard:
                    times.append(packet.pts)
        except av.FFmpegError as error:
            raise UnreadableError(f"{path} breaks off after {len(times)} frames.", _DAMAGED) from error
        # QuickTime and MP4 list every picture, so a cut file can be told.
        if "mp4" in container.format.name and packets < stream.frames:
            raise UnreadableError(f"{path} breaks off after {packets} of {stream.frames} frames.", _DAMAGED)
    if not times:
        raise UnreadableError(f"{path} has no pictures in it.", _DAMAGED)
    known = [time for time in times if time is not None]
    return tuple(sorted(known)) if len(set(known)) == len(times) else (None,) * len(times)


def _rgb(picture: VideoFrame) -> NDArray[np.float32]:
    """(H, W, 3) float32 in 0..1 of a decoded picture."""
    layout = picture.format
    if layout.has_palette or (layout.is_rgb and _bits(picture) <= 8):
        # Without a detour through 16 bits, which would not come back to exactly n / 255.
        return picture.to_ndarray(format="rgb24").astype(np.float32) / np.float32(255)
    matrix = None
    if picture.colorspace == _UNSPECIFIED:
        # What players assume for untagged YUV: Rec.709 from HD upwards, Rec.601 below.
        matrix = Colorspace.ITU709 if picture.height >= 720 else Colorspace.ITU601
    wide = picture.reformat(format="rgb48le", src_colorspace=matrix, interpolation=_EXACT).to_ndarray()
    return np.minimum(wide.astype(np.float32) / np.float32(_white(picture)), np.float32(1))


def _white(picture: VideoFrame) -> int:
    """What FFmpeg's conversion to 16-bit RGB makes of white: it shifts code values of YUV and grey up to 16 bits."""
    if picture.format.is_rgb:
        return 65535
    bits = _bits(picture)
    is_full_range = picture.color_range == _FULL_RANGE or picture.format.name.startswith(("yuvj", "gray", "ya"))
    return ((1 << bits) - 1) << (16 - bits) if is_full_range else 255 << 8


def _bits(picture: VideoFrame) -> int:
    return max(component.bits for component in picture.format.components)
