from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image
from understudy.errors import ModelError
from understudy.events import Events, Recorder
from understudy.training.output import timelapse
from understudy.training.output.timelapse import FOLDER, keep_frame, write_timelapse

GREY = np.full((8, 16, 3), 128, np.uint8)


def steps(folder) -> list[int]:
    return sorted(int(path.stem) for path in (folder / FOLDER).iterdir())


def test_pictures_are_kept_as_they_are_and_named_by_step(tmp_path):
    picture = np.arange(8 * 16 * 3, dtype=np.uint8).reshape(8, 16, 3)
    keep_frame(tmp_path, 200, picture)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "timelapse" / "000200.png")), picture)


def test_a_long_training_is_thinned_evenly_and_keeps_its_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(timelapse, "MOST", 12)
    for step in range(200, 200 * 101, 200):
        keep_frame(tmp_path, step, GREY)
    left = steps(tmp_path)
    gaps = np.diff(left)
    assert len(left) == 12 and (left[0], left[-1]) == (200, 20000)
    assert gaps[:-1].max() <= 2 * gaps[:-1].min()  # the newest is not yet as far from its neighbour
    assert gaps.max() <= 2 * 19800 / 11


def test_pictures_of_a_training_that_was_taken_back_go(tmp_path):
    for step in (200, 400, 600):
        keep_frame(tmp_path, step, GREY)
    keep_frame(tmp_path, 300, GREY)
    assert steps(tmp_path) == [200, 300]


def test_the_movie_shows_the_pictures_in_order_under_their_step(tmp_path):
    shades = {200: 40, 1000000: 200, 400: 120}
    for step in sorted(shades):
        keep_frame(tmp_path, step, np.full((160, 320, 3), shades[step], np.uint8))
    recorder = Recorder()
    assert write_timelapse(tmp_path, tmp_path / "out" / "film.mp4", Events(recorder)) == 3
    with av.open(str(tmp_path / "out" / "film.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 3 == recorder.of("progress")[-1]["done"]
    for frame, shade in zip(frames, (40, 120, 200), strict=True):
        assert frame.shape[0] > 160 and frame.shape[0] % 2 == 0
        assert abs(int(frame[-80, 160, 1]) - shade) < 4  # the picture
        assert frame[:40].max() > 150  # ink of the title
    assert np.abs(frames[0][:30].astype(int) - frames[1][:30]).max() > 50


def test_without_pictures_it_is_said(tmp_path):
    with pytest.raises(ModelError, match="no time-lapse"):
        write_timelapse(tmp_path, tmp_path / "film.mp4", Events())
    assert not (tmp_path / "film.mp4").exists()
