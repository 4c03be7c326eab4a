from __future__ import annotations

import json
from pathlib import Path

import pytest
from understudy.errors import FacesetError, OutputError
from understudy.faceset.trash import Trash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abcd":
        (tmp_path / f"{name}.exr").write_text(name)
    return tmp_path


def listing(folder: Path) -> dict[str, str]:
    """Every file but the log, with its content."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "log.json")
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


BEFORE = {f"{name}.exr": name for name in "abcd"}


class Killed(BaseException):
    """Stands for the end of the process."""


def kill_after(monkeypatch, moves: int) -> None:
    """Let ``moves`` renames of crops happen, and die before the next."""
    rename, left = Path.rename, [moves]

    def dying(self: Path, target: Path) -> Path:
        if self.suffix == ".exr":
            if not left[0]:
                raise Killed
            left[0] -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", dying)


def test_what_is_trashed_is_moved_and_comes_back(folder) -> None:
    trash = Trash(folder)
    trash.discard(["b.exr", "d.exr"], "a test")
    assert listing(folder) == {"a.exr": "a", "c.exr": "c", "trash/0001/b.exr": "b", "trash/0001/d.exr": "d"}
    (operation,) = trash.operations()
    assert (operation.kind, operation.why) == ("trash", "a test")
    undone = Trash(folder).undo()
    assert (undone.restored, undone.renamed, undone.left) == (2, 0, ())
    assert listing(folder) == BEFORE
    assert trash.operations() == []
    assert not (folder / "trash" / "0001").exists()


def test_operations_are_undone_one_by_one_the_last_first(folder) -> None:
    trash = Trash(folder)
    trash.discard(["a.exr"], "first")
    trash.rename([("b.exr", "00001_b.exr"), ("c.exr", "00002_c.exr")], "second")
    trash.discard(["00001_b.exr"], "third")
    assert trash.undo().restored == 1
    assert listing(folder) == {"00001_b.exr": "b", "00002_c.exr": "c", "d.exr": "d", "trash/0001/a.exr": "a"}
    assert trash.undo().renamed == 2
    assert trash.undo().restored == 1
    assert listing(folder) == BEFORE
    with pytest.raises(FacesetError, match="nothing to restore"):
        trash.undo()


def test_all_is_undone_at_once(folder) -> None:
    trash = Trash(folder)
    trash.discard(["a.exr"], "first")
    trash.rename([("b.exr", "00001_b.exr")], "second")
    trash.discard(["00001_b.exr", "c.exr"], "third")
    undone = trash.undo(everything=True)
    assert (undone.restored, undone.renamed) == (3, 1)
    assert listing(folder) == BEFORE


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_who_is_killed_while_trashing_can_undo_it(folder, monkeypatch, moves) -> None:
    with monkeypatch.context() as patched:
        kill_after(patched, moves)
        with pytest.raises(Killed):
            Trash(folder).discard(["a.exr", "b.exr", "c.exr"], "a test")
    assert sorted(listing(folder).values()) == list("abcd")
    assert sum(name.startswith("trash/") for name in listing(folder)) == moves
    assert Trash(folder).undo().restored == moves
    assert listing(folder) == BEFORE


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_who_is_killed_while_undoing_can_undo_the_rest(folder, monkeypatch, moves) -> None:
    Trash(folder).discard(["a.exr", "b.exr", "c.exr"], "a test")
    with monkeypatch.context() as patched:
        kill_after(patched, moves)
        with pytest.raises(Killed):
            Trash(folder).undo()
    assert Trash(folder).undo().restored == 3 - moves
    assert listing(folder) == BEFORE


def test_who_is_killed_before_the_log_is_written_has_moved_nothing(folder, monkeypatch) -> None:
    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("understudy.faceset.trash.write_json", killed)
        with pytest.raises(Killed):
            Trash(folder).discard(["a.exr"], "a test")
    assert listing(folder) == BEFORE


def test_half_an_operation_may_be_followed_by_another(folder, monkeypatch) -> None:
    with monkeypatch.context() as patched:
        kill_after(patched, 1)
        with pytest.raises(Killed):
            Trash(folder).discard(["a.exr", "b.exr"], "first")
    Trash(folder).discard(["b.exr", "c.exr"], "second")
    assert Trash(folder).undo(everything=True).restored == 3
    assert listing(folder) == BEFORE


def test_a_file_that_was_made_anew_stays_and_the_old_one_waits_in_the_trash(folder) -> None:
    trash = Trash(folder)
    trash.discard(["a.exr", "b.exr"], "a test")
    (folder / "a.exr").write_text("new")
    undone = trash.undo()
    assert (undone.restored, undone.left) == (1, ("trash/0001/a.exr",))
    assert listing(folder) == BEFORE | {"a.exr": "new", "trash/0001/a.exr": "a"}
    (folder / "a.exr").unlink()
    assert trash.undo().restored == 1
    assert listing(folder) == BEFORE


def test_a_new_name_that_is_taken_is_refused_before_anything_moves(folder) -> None:
    with pytest.raises(FacesetError, match="there already"):
        Trash(folder).rename([("a.exr", "e.exr"), ("b.exr", "c.exr")], "a test")
    assert listing(folder) == BEFORE
    assert Trash(folder).operations() == []


def test_a_file_that_cannot_be_moved_is_named_and_the_others_can_be_restored(folder) -> None:
    with pytest.raises(OutputError, match="nothere"):
        Trash(folder).discard(["a.exr", "nothere.exr"], "a test")
    assert Trash(folder).undo().restored == 1
    assert listing(folder) == BEFORE


def test_a_lost_log_does_not_let_old_trash_be_overwritten(folder) -> None:
    Trash(folder).discard(["a.exr"], "first")
    (folder / "trash" / "log.json").unlink()
    (folder / "a.exr").write_text("new")
    Trash(folder).discard(["a.exr"], "second")
    assert listing(folder)["trash/0001/a.exr"] == "a"
    assert listing(folder)["trash/0002/a.exr"] == "new"


@pytest.mark.parametrize("text", ["{", "[1]", json.dumps([{"number": 1, "kind": "burn", "moves": []}])])
def test_a_damaged_log_is_told(folder, text) -> None:
    (folder / "trash").mkdir()
    (folder / "trash" / "log.json").write_text(text)
    with pytest.raises(FacesetError, match=r"log\.json is damaged"):
        Trash(folder).undo()


@pytest.mark.parametrize(
    "path", ["../../elsewhere.exr", "/etc/passwd", "C:x.exr", "a\\b.exr", "a/../../b.exr", "", "a\0b"]
)
def test_a_log_that_moves_what_lies_outside_the_faceset_is_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "trash").mkdir()
    told = {"number": 1, "kind": "rename", "why": "", "when": "", "moves": [["a.exr", path]]}
    (tmp_path / "trash" / "log.json").write_text(json.dumps([told]), encoding="utf-8")
    with pytest.raises(FacesetError, match="damaged"):
        Trash(tmp_path).undo()
