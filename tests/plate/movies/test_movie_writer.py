from __future__ import annotations

import av
import numpy as np
import pytest
from understudy.errors import OutputError, UsageError
from understudy.plate.movies import movie_writer
from understudy.plate.movies.movie_writer import write_movie
from understudy.plate.reader import probe, read_frame
from understudy.plate.sequence import open_plate

LEFT, RIGHT = (200, 60, 30), (40, 120, 220)


def pictures(count: int, height: int = 91, width: int = 161):
    """Two flat halves; the right one grows darker."""
    for index in range(count):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[:, : width // 2] = LEFT
        picture[:, width // 2 :] = np.array(RIGHT) - 10 * index
        yield picture


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".MKV"])
@pytest.mark.parametrize("codecs", [slice(0, 1), slice(1, 2)])
def test_every_codec_keeps_colours_order_and_rate(tmp_path, monkeypatch, suffix, codecs):
    monkeypatch.setattr(movie_writer, "_CODECS", movie_writer._CODECS[codecs])
    path = tmp_path / f"movie{suffix}"
    write_movie(path, pictures(5), 12)
    plate = open_plate(str(path))
    assert plate.frames == (1, 2, 3, 4, 5)
    assert probe(plate).fps == (12, 1)
    for number in (1, 3, 5):
        rgb = read_frame(plate, number).rgb * 255
        assert rgb.shape == (92, 162, 3)  # even, as chroma wants it
        assert np.abs(rgb[45, 40] - LEFT).max() < 4
        assert np.abs(rgb[45, 120] - (np.array(RIGHT) - 10 * (number - 1))).max() < 4


def test_a_picture_of_another_size_is_scaled(tmp_path):
    write_movie(tmp_path / "m.mp4", [*pictures(1), *pictures(1, 40, 60)], 12)
    with av.open(str(tmp_path / "m.mp4")) as container:
        assert [(frame.height, frame.width) for frame in container.decode(video=0)] == [(92, 162)] * 2


def test_another_kind_of_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no movie that can be written") as raised:
        write_movie(tmp_path / "m.gif", pictures(1), 12)
    assert ".mp4, .mov or .mkv" in raised.value.hint


def test_a_movie_that_breaks_off_leaves_the_one_before(tmp_path):
    path = tmp_path / "m.mp4"
    path.write_bytes(b"before")

    def broken():
        yield from pictures(2)
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="disk is full"):
        write_movie(path, broken(), 12)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_without_a_codec_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"prores"})
    with pytest.raises(OutputError, match="can write no movie"):
        write_movie(tmp_path / "m.mp4", pictures(1), 12)
    assert not list(tmp_path.iterdir())
