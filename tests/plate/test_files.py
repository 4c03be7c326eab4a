from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from understudy.errors import OutputError, UnreadableError
from understudy.plate.files import (
    atomic_path,
    check_name,
    check_writable,
    is_leftover,
    remove_leftovers,
    shortened,
    stamp,
    temporary_of,
    write_json,
    write_text,
)


def test_the_new_file_replaces_the_old_one_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "notes.txt"
    write_text(target, "one\n")
    write_text(target, "zwei ü\n")
    assert target.read_bytes() == "zwei ü\n".encode()
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_the_old_file_and_removes_the_temporary(tmp_path: Path) -> None:
    target = tmp_path / "a.exr"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:
        assert temporary.suffix == ".exr"
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_target_appears_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target) as temporary:
        temporary.write_text("x")
        assert not target.exists()
    assert target.read_text() == "x"


def test_two_writers_of_one_file_do_not_share_a_temporary(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as first, atomic_path(tmp_path / "a.txt") as second:
        assert first != second
        first.write_text("1")
        second.write_text("2")
    assert (tmp_path / "a.txt").read_text() == "1"


@pytest.mark.parametrize("in_the_way", ["folder", "file as parent", "nothing written"])
def test_what_cannot_be_written_is_an_output_error_that_names_the_target(tmp_path: Path, in_the_way: str) -> None:
    target = tmp_path / "target" / "a.txt"
    if in_the_way == "folder":
        (target / "full").mkdir(parents=True)
    elif in_the_way == "file as parent":
        (tmp_path / "target").write_text("")
    with pytest.raises(OutputError, match=r"a\.txt"), atomic_path(target) as temporary:
        if in_the_way != "nothing written":
            temporary.write_text("x")
    assert not list(tmp_path.rglob(".*"))


def test_json_is_readable_text(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Zoë", "frames": [1, 2]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "Zoë", "frames": [1, 2]}
    assert "Zoë" in text
    assert text.endswith("}\n")


def test_a_stamp_tells_a_file_from_the_one_that_replaces_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model"
    missing = stamp(path)
    path.write_bytes(b"one")
    os.utime(path, ns=(0, 10))
    first = stamp("model")
    assert first == stamp(path) == (path, 3, 10) != missing
    os.utime(path, ns=(0, 11))
    later = stamp(path)
    path.write_bytes(b"three")
    os.utime(path, ns=(0, 11))
    assert len({missing, first, later, stamp(path)}) == 4


@pytest.mark.parametrize("name", ["a" * 241 + ".1001.exr", "日" * 81 + ".1001.exr", "a" * 251 + ".exr"])
def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path: Path, name: str) -> None:
    check_writable(tmp_path / name)
    with atomic_path(tmp_path / name) as temporary:
        temporary.write_text("x")
        assert is_leftover(temporary) and temporary.suffix == ".exr"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long_is_told_before_anything_is_made_for_it(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="too long"):
        check_writable(tmp_path / ("a" * 252 + ".exr"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "most", "short"), [("abc", 3, "abc"), ("abc", 2, "ab"), ("a日b", 3, "a"), ("日本", 5, "日")]
)
def test_names_are_cut_between_letters(name: str, most: int, short: str) -> None:
    assert shortened(name, most) == short


@pytest.mark.skipif(os.name == "nt", reason="names of Windows are always Unicode")
def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    check_name(tmp_path / "Müller 日本")
    with pytest.raises(UnreadableError, match=r"M\\xfcller is not UTF-8"):
        check_name(os.fsdecode(b"/shots/M\xfcller"))


def test_what_a_killed_writer_left_is_removed_and_nothing_of_others(tmp_path: Path) -> None:
    long = "a" * 251 + ".exr"
    mine = [temporary_of(tmp_path / name) for name in ("out.1001.exr", long, "set")]
    theirs = [temporary_of(tmp_path / name) for name in ("out.1002.exr", "out.1001.png", "other")]
    for path in [*mine[:2], *theirs, tmp_path / "out.1001.exr", tmp_path / ".hidden.exr"]:
        path.touch()
    mine[2].mkdir()
    (mine[2] / "half.exr").touch()
    remove_leftovers(tmp_path, of=["out.1001.exr", long, "set"])
    kept = {*theirs, tmp_path / "out.1001.exr", tmp_path / ".hidden.exr"}
    assert set(tmp_path.iterdir()) == kept
    remove_leftovers(tmp_path, endings={".png"})
    assert set(tmp_path.iterdir()) == kept - {theirs[1]}
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"out.1001.exr", ".hidden.exr"}
    remove_leftovers(tmp_path / "nowhere")
