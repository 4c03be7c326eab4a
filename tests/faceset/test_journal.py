import json

import pytest
from understudy.errors import FacesetError, OutputError
from understudy.faceset.journal import Entry, Journal, Sighting


def entry(frame: int) -> Entry:
    seen = Sighting((1.5, 2.25, 103.1, 99.0), 0.875, 0, f"plate.{frame}.00.exr", (0.1, 0.7071067811865476))
    return Entry("/shots/plate.%04d.exr", frame, (seen, Sighting((0.0, 0.0, 20.0, 20.0), 0.51, 1, None, None)))


def test_entries_come_back_in_order_and_exactly(tmp_path) -> None:
    journal = Journal(tmp_path)
    assert journal.entries() == []
    entries = [entry(1001), Entry("p", 1002, ()), entry(999)]
    for one in entries:
        journal.append(one)
    assert journal.entries() == entries
    assert Journal(tmp_path).entries() == entries


def test_every_entry_is_one_line_of_json(tmp_path) -> None:
    Journal(tmp_path).append(entry(1001))
    Journal(tmp_path).append(entry(1002))
    lines = (tmp_path / "frames.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == [1001, 1002]


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_torn_last_line_is_cut_off_and_the_journal_goes_on(tmp_path, cut) -> None:
    journal = Journal(tmp_path)
    journal.append(entry(1001))
    whole = (tmp_path / "frames.jsonl").read_bytes()
    journal.append(entry(1002))
    path = tmp_path / "frames.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(tmp_path)
    assert path.read_bytes() == whole
    again.append(entry(1003))
    assert [one.frame for one in again.entries()] == [1001, 1003]


def test_a_journal_that_is_only_a_torn_line_is_empty(tmp_path) -> None:
    (tmp_path / "frames.jsonl").write_bytes(b'{"plate": "x", "fra')
    assert Journal(tmp_path).entries() == []


def test_a_damaged_line_is_named(tmp_path) -> None:
    journal = Journal(tmp_path)
    journal.append(entry(1001))
    with (tmp_path / "frames.jsonl").open("a") as file:
        file.write("{}\n")
    journal.append(entry(1002))
    with pytest.raises(FacesetError, match=r"Line 2 of .*frames\.jsonl"):
        journal.entries()


def test_the_line_is_on_the_disk_when_append_returns(tmp_path, monkeypatch) -> None:
    import os

    synced: list[int] = []
    original = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size) or original(handle))
    Journal(tmp_path).append(entry(1001))
    assert synced == [(tmp_path / "frames.jsonl").stat().st_size]


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path) -> None:
    with pytest.raises(OutputError, match=r"frames\.jsonl"):
        Journal(tmp_path / "nowhere").append(entry(1001))
