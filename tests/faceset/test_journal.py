import json
from dataclasses import fields

import numpy as np
import pytest
from understudy.errors import FacesetError, OutputError
from understudy.faceset.journal import Entry, Journal, Sighting

SMALL = np.arange(64, dtype=np.uint8).reshape(8, 8)


def entry(frame: int) -> Entry:
    rng = np.random.default_rng(frame)
    seen = Sighting(
        box=np.array((1.5, 2.25, 103.1, 99.0), np.float32),
        found=True,
        score=0.1 + 0.2,
        landmarks=rng.normal(50, 20, (68, 2)).astype(np.float32),
        dense=rng.normal(50, 20, (478, 2)).astype(np.float32),
        trust=0.875,
        keypoints=rng.normal(50, 20, (6, 2)).astype(np.float32),
        identity=rng.normal(size=512).astype(np.float32),
        appearance=rng.integers(0, 256, 216).astype(np.uint8),
    )
    place = Sighting(np.array((0, 0, 20, 1 / 3), np.float32), False, 0.0, None, None, 0.0, None, None)
    return Entry("/shots/plate.%04d.exr", frame, SMALL + np.uint8(frame % 100), (seen, place))


def same(one: object, other: object) -> bool:
    """Whether two entries, or two things of them, are equal to the last bit."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Entry | Sighting):
        return all(same(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return one == other


def test_entries_come_back_in_order_and_exactly(tmp_path) -> None:
    journal = Journal(tmp_path)
    assert journal.entries() == []
    entries = [entry(1001), Entry("p", 1002, SMALL, ()), entry(999)]
    for one in entries:
        journal.append(one)
    assert same(tuple(journal.entries()), tuple(entries))
    assert same(tuple(Journal(tmp_path).entries()), tuple(entries))


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


def test_a_line_that_is_no_text_is_named(tmp_path) -> None:
    journal = Journal(tmp_path)
    journal.append(entry(1001))
    with (tmp_path / "frames.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\n")
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
