from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import OpenImageIO as oiio
import pytest
from understudy.errors import ExitCode, MissingInputError, UnderstudyError, UnreadableError, UsageError
from understudy.plate.sequence import check_output_pattern, open_plate, output_path, output_pattern


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A folder with frames 1001 to 1005 of one sequence."""
    folder = tmp_path / "50% grey" / "shot"
    folder.mkdir(parents=True)
    for frame in range(1001, 1006):
        (folder / f"plate.{frame:04d}.exr").write_bytes(b"x")
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


@pytest.mark.parametrize(
    "name", ["GoogleDrive-me@studio.com", "shot#3", "####", "50%done", "%04d", "a$F4", "a@b#c%d", "[x]{y}*"]
)
def test_a_folder_may_be_called_anything(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "in"
    folder.mkdir(parents=True)
    for frame in (1001, 1002):
        (folder / f"s.{frame}.exr").touch()
    for text in (folder / "s.####.exr", folder / "s.%04d.exr", folder / "s.@@@@.exr", folder / "s.$F4.exr", folder):
        plate = open_plate(str(text))
        assert plate.frames == (1001, 1002)
        assert [plate.path(frame) for frame in plate.frames] == [folder / "s.1001.exr", folder / "s.1002.exr"]


@pytest.mark.parametrize("stem", ["shot-", "A001-", "sc-01-", "shot-010-", "2024-05-01-", "shot--", "a - ", "1001-"])
def test_a_dash_before_the_number_belongs_to_the_name(tmp_path: Path, stem: str) -> None:
    for frame in (1001, 1002):
        (tmp_path / f"{stem}{frame}.exr").touch()
    for text in (tmp_path / f"{stem}####.exr", tmp_path):
        plate = open_plate(str(text))
        assert plate.frames == (1001, 1002)
        assert plate.path(1002) == tmp_path / f"{stem}1002.exr"


@pytest.mark.parametrize("name", ["shot.{}.exr", "shot-{}.exr", "shot{}.exr", "{}.exr", "sc-01_{}.exr"])
@pytest.mark.parametrize("width", [3, 4])
def test_negative_frames_have_their_sign_before_or_among_the_digits(tmp_path: Path, name: str, width: int) -> None:
    numbers = [f"{abs(frame):0{width}d}" if frame >= 0 else f"-{-frame:0{width}d}" for frame in range(-12, 3)]
    if width == 3:
        numbers = [f"{frame:04d}" for frame in range(-12, 3)]
    for number in numbers:
        (tmp_path / name.format(number)).touch()
    for text in (tmp_path / name.format("####"), tmp_path):
        plate = open_plate(str(text))
        assert plate.frames == tuple(range(-12, 3))
        assert [plate.path(frame).name for frame in plate.frames] == [name.format(number) for number in numbers]


def test_negative_frames_alone_are_negative_after_a_dot(tmp_path: Path) -> None:
    for number in ("-0003", "-0002", "-0001"):
        (tmp_path / f"shot.{number}.exr").touch()
    assert open_plate(str(tmp_path)).frames == open_plate(str(tmp_path / "shot.####.exr")).frames == (-3, -2, -1)


def test_what_lies_between_photographs_named_by_the_time_of_day_is_told_as_a_range(tmp_path: Path) -> None:
    for time in ("093012345", "173510777"):
        (tmp_path / f"PXL_20240501_{time}.jpg").write_bytes(b"x")
    tracemalloc.start()
    with pytest.raises(MissingInputError, match=r"Frames 93012346-\d+ of .* are missing") as caught:
        open_plate(str(tmp_path))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(caught.value.message) < 400 + len(str(tmp_path))
    assert most < 4e6
    with pytest.raises(MissingInputError, match=r"Frames 93012346-93112345 of"):
        open_plate(str(tmp_path), "93012345-93112345")
    assert open_plate(str(tmp_path), missing="skip").frames == (93012345, 173510777)


def test_of_many_gaps_the_first_are_told(tmp_path: Path) -> None:
    for frame in range(0, 30000, 100):
        (tmp_path / f"a.{frame:05d}.png").touch()
    with pytest.raises(MissingInputError, match=r"Frames 1-99,101-199,.* and 291 more ranges of") as caught:
        open_plate(str(tmp_path))
    assert len(caught.value.message) < 400


def test_links_to_nowhere_and_files_that_are_not_whole_are_missing(tmp_path: Path) -> None:
    for frame in (1001, 1002, 1004):
        oiio.ImageBuf(oiio.ImageSpec(64, 48, 3, "half")).write(str(tmp_path / f"s.{frame}.exr"))
    (tmp_path / "s.1003.exr").symlink_to(tmp_path / "nowhere.exr")
    (tmp_path / "s.1005.exr").touch()
    half = (tmp_path / "s.1004.exr").read_bytes()
    (tmp_path / "s.1004.exr").write_bytes(half[: len(half) // 2])
    for text in (tmp_path, tmp_path / "s.####.exr"):
        assert open_plate(str(text), missing="skip").frames == (1001, 1002)
        assert open_plate(str(text), "1001-1005x2", missing="skip").frames == (1001,)
        with pytest.raises(MissingInputError, match=r"Frame 1003 of"):
            open_plate(str(text))
    with pytest.raises(MissingInputError, match="link"):
        open_plate(str(tmp_path / "s.1003.exr"))


def test_a_folder_of_single_pictures_is_taken_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("Zoe.JPG", "anne 2.jpg", "anne 10.jpeg", "ben.jpg", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    plate = open_plate(str(tmp_path))
    assert (plate.kind, plate.frames) == ("stills", (1, 2, 3, 4))
    order = [plate.path(frame).name for frame in plate.frames]
    assert order == ["anne 2.jpg", "anne 10.jpeg", "ben.jpg", "Zoe.JPG"]
    assert open_plate(str(tmp_path), "2-3").frames == (2, 3)
    (tmp_path / "chart.png").touch()
    with pytest.raises(MissingInputError, match="5 plates"):
        open_plate(str(tmp_path))


def test_a_folder_of_foreign_pictures_says_what_to_make_of_them(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"IMG_{number:04d}.HEIC").touch()
    with pytest.raises(UnreadableError, match=r"holds no pictures, but a HEIC photograph and 2 more") as caught:
        open_plate(str(tmp_path))
    assert "TIFF" in caught.value.hint


@pytest.mark.skipif(os.name == "nt", reason="names of Windows are always Unicode")
def test_a_name_that_is_not_utf8_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller")
    Path(folder).mkdir()
    for name in ("s.1001.exr", "s.1002.exr"):
        (Path(folder) / name).write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(folder)
    for text in (folder, f"{folder}/s.####.exr", f"{folder}/s.1001.exr", str(link)):
        with pytest.raises(UnreadableError, match=r"M\\xfcller.* is not UTF-8"):
            open_plate(text)
    (tmp_path / os.fsdecode(b"\xe9.1001.exr")).touch()
    with pytest.raises(UnreadableError, match="not UTF-8"):
        open_plate(str(tmp_path))


@pytest.mark.parametrize(
    "text", ["a" * 300 + ".####.exr", "a" * 300 + "/b.exr", "a\0b.exr", "a.####\0.exr", "#" * 40 + ".exr"]
)
def test_a_path_that_cannot_be_is_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises((MissingInputError, UsageError)):
        open_plate(f"{tmp_path}/{text}")


def test_links_in_a_circle_are_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(MissingInputError):
        open_plate(str(tmp_path / "a"))


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


@pytest.mark.parametrize(
    "name",
    ["a\0b.exr", "x" * 300 + ".exr", "~nobody-of-this-name/a.exr", "a.%99999999999d.exr", "#" * 5000, "a/" * 5000],
)
def test_a_name_that_no_file_can_have_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnderstudyError) as refused:
        open_plate(name if name[0] == "~" else f"{tmp_path}/{name}")
    assert len(refused.value.message) < 400 and refused.value.code in (ExitCode.USAGE, ExitCode.MISSING_INPUT)
