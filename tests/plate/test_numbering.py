from __future__ import annotations

import pytest
from fileseq import FileSequence
from fileseq.constants import PAD_STYLE_HASH1
from hypothesis import given
from hypothesis import strategies as st
from understudy.plate.numbering import files_of, sequences_of


def told(*names: str) -> dict[str, list[int]]:
    return {one.name: sorted(one.files) for one in sequences_of(names)}


@given(
    st.sampled_from(["a.", "sc010_v002.", "plate_", "x"]), st.sets(st.integers(0, 12000), min_size=2), st.integers(1, 6)
)
def test_one_sequence_is_found_as_fileseq_finds_it(before: str, frames: set[int], digits: int) -> None:
    names = [f"{before}{frame:0{digits}d}.exr" for frame in frames]
    (expected,) = FileSequence.findSequencesInList(names, pad_style=PAD_STYLE_HASH1)
    found = sequences_of(names)
    assert sorted(frame for one in found for frame in one.files) == sorted(expected.frameSet())
    assert sorted(name for one in found for name in one.files.values()) == sorted(names)
    if len({len(str(frame)) for frame in frames}) == 1 or digits >= 5:
        assert len(found) == 1
        assert all(f"{before}{frame:0{found[0].digits}d}.exr" == name for frame, name in found[0].files.items())


def test_files_of_different_padding_are_different_sequences() -> None:
    names = ("a.8.png", "a.9.png", "a.10.png", "a.0009.png", "a.0010.png", "b.9999.png", "b.10000.png")
    assert told(*names) == {"a.#.png": [8, 9, 10], "a.####.png": [9, 10], "b.####.png": [9999, 10000]}


@pytest.mark.parametrize(
    ("names", "sequences"),
    [
        (("shot-1001.exr", "shot-1002.exr"), {"shot-####.exr": [1001, 1002]}),
        (("shot-1001.exr", "shot1001.exr"), {"shot####.exr": [1001], "shot-####.exr": [1001]}),
        (("shot-0001.exr", "shot0000.exr", "shot0001.exr"), {"shot####.exr": [-1, 0, 1]}),
        (("s.-002.exr", "s.-001.exr", "s.0000.exr"), {"s.####.exr": [-2, -1, 0]}),
        (("s.-0002.exr", "s.0005.exr"), {"s.####.exr": [-2, 5]}),
        (("-0001.exr", "0001.exr"), {"####.exr": [-1, 1]}),
        (("2024-05-01.jpg", "2024-05-02.jpg"), {"2024-05-##.jpg": [1, 2]}),
        (("a.1001.left.exr", "a.1002.left.exr"), {"a.####.left.exr": [1001, 1002]}),
        (("clip.mp4", "face.exr"), {}),
    ],
)
def test_a_dash_is_a_sign_only_where_the_other_names_say_so(
    names: tuple[str, ...], sequences: dict[str, list[int]]
) -> None:
    assert told(*names) == sequences


@given(st.sets(st.integers(-12000, 12000), min_size=1), st.integers(1, 5), st.booleans())
def test_a_pattern_finds_all_that_was_written_by_it(frames: set[int], digits: int, in_front: bool) -> None:
    def number(frame: int) -> str:
        return f"-{-frame:0{digits}d}" if in_front and frame < 0 else f"{frame:0{digits}d}"

    names = {frame: f"s.{number(frame)}.exr" for frame in frames}
    assert files_of("s.", digits, ".exr", names.values()) == names
