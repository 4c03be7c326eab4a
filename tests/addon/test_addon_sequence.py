"""Names and gaps of numbered sequences, against the names that fileseq gives."""

import pytest
from fileseq import FileSequence
from fileseq.constants import PAD_STYLE_HASH1
from images.sequence import frame_path, frame_ranges, is_sequence, missing_frames, number_in


@pytest.mark.parametrize("pattern", ["sh.####.exr", "sh.%04d.exr", "sh.@@@.exr", "sh_v002.#.exr", "sh.$F4.exr"])
@pytest.mark.parametrize("frame", [7, 1001, 12345])
def test_a_pattern_names_the_file_that_fileseq_names(tmp_path, pattern, frame):
    path = str(tmp_path / pattern)
    assert str(frame_path(path, frame)) == FileSequence(path, pad_style=PAD_STYLE_HASH1).frame(frame)
    assert is_sequence(path)


def test_a_plain_path_is_its_own_file(tmp_path):
    path = str(tmp_path / "v002" / "still.1001.exr")
    assert str(frame_path(path, 5)) == path
    assert not is_sequence(path)


def test_missing_frames_are_those_without_a_file(tmp_path):
    for frame in (1001, 1002, 1004, 1007):
        (tmp_path / f"sh.{frame}.exr").touch()
    (tmp_path / "other.1003.exr").touch()
    assert missing_frames(str(tmp_path / "sh.%04d.exr"), 1001, 1008) == [1003, 1005, 1006, 1008]
    assert missing_frames(str(tmp_path / "sh.####.exr"), 1001, 1002) == []


def test_everything_is_missing_in_a_folder_that_is_not_there(tmp_path):
    assert missing_frames(str(tmp_path / "gone" / "sh.####.exr"), 1, 3) == [1, 2, 3]


@pytest.mark.parametrize(
    ("frames", "text"),
    [([], ""), ([1003], "1003"), ([1010, 1003, 1008, 1009], "1003, 1008-1010"), (range(1, 4), "1-3")],
)
def test_frames_are_written_as_ranges(frames, text):
    assert frame_ranges(frames) == text


@pytest.mark.parametrize(
    ("name", "number"), [("sh_v002.1001.exr", 1001), ("sh.1001.v2.exr", 2), ("sh.exr", None), ("0007.exr", 7)]
)
def test_blender_counts_by_the_last_number_before_the_extension(name, number):
    assert number_in(name) == number
