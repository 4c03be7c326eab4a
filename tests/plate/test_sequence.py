from __future__ import annotations

from pathlib import Path

import pytest
from understudy.errors import MissingInputError, UnreadableError, UsageError
from understudy.plate.sequence import check_output_pattern, open_plate, output_path, output_pattern


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A folder with frames 1001 to 1005 of one sequence."""
    folder = tmp_path / "50% grey" / "shot"
    folder.mkdir(parents=True)
    for frame in range(1001, 1006):
        (folder / f"plate.{frame:04d}.exr").touch()
    return folder


@pytest.mark.parametrize("name", ["plate.####.exr", "plate.%04d.exr", "plate.@@@@.exr", "plate.$F4.exr"])
def test_every_way_to_write_a_pattern_finds_the_same_plate(shot: Path, name: str) -> None:
    plate = open_plate(str(shot / name))
    assert plate.kind == "sequence"
    assert plate.name == "plate"
    assert plate.pattern == (shot / "plate.%04d.exr").as_posix()
    assert plate.frames == (1001, 1002, 1003, 1004, 1005)
    assert plate.path(1003) == shot / "plate.1003.exr"


def test_a_range_chooses_frames_also_inside_the_name(shot: Path) -> None:
    assert open_plate(str(shot / "plate.####.exr"), "1001-1005x2").frames == (1001, 1003, 1005)
    assert open_plate(str(shot / "plate.1002-1003####.exr")).frames == (1002, 1003)


def test_the_number_of_digits_matters_but_numbers_may_outgrow_it(tmp_path: Path) -> None:
    for name in ("a.8.png", "a.9.png", "a.10.png", "a.0009.png", "b.9999.png", "b.10000.png"):
        (tmp_path / name).touch()
    assert open_plate(str(tmp_path / "a.#.png")).frames == (8, 9, 10)
    assert open_plate(str(tmp_path / "a.####.png")).frames == (9,)
    assert open_plate(str(tmp_path / "b.####.png")).frames == (9999, 10000)


def test_negative_frames_and_numbers_in_the_name_do_not_confuse(tmp_path: Path) -> None:
    for frame in (-2, -1, 0, 1):
        (tmp_path / f"sc010_v002.{frame:04d}.exr").touch()
    plate = open_plate(str(tmp_path / "sc010_v002.####.exr"))
    assert plate.frames == (-2, -1, 0, 1)
    assert all(plate.path(frame).is_file() for frame in plate.frames)


def test_a_gap_is_an_error_that_names_the_frames(shot: Path) -> None:
    for frame in (1002, 1003):
        (shot / f"plate.{frame}.exr").unlink()
    with pytest.raises(MissingInputError, match=r"Frames 1002-1003 of .*plate.* are missing"):
        open_plate(str(shot / "plate.####.exr"))
    with pytest.raises(MissingInputError, match=r"Frame 1007 of"):
        open_plate(str(shot / "plate.####.exr"), "1004-1005,1007")
    assert open_plate(str(shot / "plate.####.exr"), missing="skip").frames == (1001, 1004, 1005)
    with pytest.raises(MissingInputError, match="1-2"):
        open_plate(str(shot / "plate.####.exr"), "1-2", missing="skip")


def test_a_folder_with_one_sequence_is_that_sequence(shot: Path) -> None:
    for name in ("plate.truth.json", "thumbnail.jpg", ".plate.1009.exr"):
        (shot / name).touch()
    (shot / "old").mkdir()
    plate = open_plate(str(shot))
    assert plate.pattern == (shot / "plate.%04d.exr").as_posix()
    assert plate.frames == (1001, 1002, 1003, 1004, 1005)


def test_a_folder_with_several_sequences_names_the_candidates(shot: Path) -> None:
    for frame in (1, 2):
        (shot / f"other.{frame:03d}.png").touch()
    with pytest.raises(MissingInputError) as caught:
        open_plate(str(shot))
    assert "other.###.png" in caught.value.message
    assert "plate.####.exr" in caught.value.message


def test_a_folder_with_one_picture_is_a_still(tmp_path: Path) -> None:
    (tmp_path / "face.png").touch()
    assert open_plate(str(tmp_path)).kind == "still"
    (tmp_path / "clip1.mov").touch()
    (tmp_path / "clip2.mov").touch()
    with pytest.raises(MissingInputError, match=r"clip1\.mov, clip2\.mov, face\.png"):
        open_plate(str(tmp_path))


def test_folders_without_pictures_say_so(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="empty"):
        open_plate(str(tmp_path))
    (tmp_path / "notes.0001.txt").touch()
    (tmp_path / "notes.0002.txt").touch()
    with pytest.raises(UnreadableError, match="no pictures"):
        open_plate(str(tmp_path))


@pytest.mark.parametrize(("name", "frame"), [("shot.1042.exr", 1042), ("me.png", 1), ("IMG_0007.JPG", 7)])
def test_one_file_is_a_still_with_the_number_in_its_name(tmp_path: Path, name: str, frame: int) -> None:
    (tmp_path / name).touch()
    plate = open_plate(str(tmp_path / name))
    assert (plate.kind, plate.frames) == ("still", (frame,))
    assert plate.path(frame) == tmp_path / name


@pytest.mark.parametrize("name", ["none.exr", "none.####.exr", "no/where.####.exr"])
def test_what_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingInputError, match=r"none|no.where|no"):
        open_plate(str(tmp_path / name))


def test_a_malformed_range_is_a_usage_error(shot: Path) -> None:
    with pytest.raises(UsageError):
        open_plate(str(shot / "plate.####.exr"), "1001-")


@pytest.mark.parametrize(
    ("pattern", "printf", "file"),
    [
        ("out/OUT.####.exr", "out/OUT.%04d.exr", "out/OUT.0007.exr"),
        ("OUT.%06d.exr", "OUT.%06d.exr", "OUT.000007.exr"),
        ("OUT_@@@.exr", "OUT_%03d.exr", "OUT_007.exr"),
        ("OUT.$F4.exr", "OUT.%04d.exr", "OUT.0007.exr"),
        ("OUT.#.exr", "OUT.%d.exr", "OUT.7.exr"),
        ("OUT.%d.exr", "OUT.%d.exr", "OUT.7.exr"),
        ("100%/a#1.####.exr", "100%/a#1.%04d.exr", "100%/a#1.0007.exr"),
        ("still.exr", "still.exr", "still.exr"),
    ],
)
def test_output_names(pattern: str, printf: str, file: str) -> None:
    assert output_pattern(pattern) == printf
    assert output_path(pattern, 7) == Path(file)
    assert output_path(printf, 7) == Path(file)


def test_several_frames_need_a_frame_number_in_the_output() -> None:
    check_output_pattern("still.exr", 1)
    check_output_pattern("shot.####.exr", 100)
    with pytest.raises(UsageError, match=r"still\.exr has no frame number"):
        check_output_pattern("####/still.exr", 2)
