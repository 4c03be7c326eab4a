from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from understudy.errors import BusyError, ExitCode, OutputError
from understudy.plate.lock import NAME, hold, is_held, is_lock, lock_beside

HOLD = """
import sys, time
from pathlib import Path
from understudy.plate.lock import hold
with hold(Path(sys.argv[1]), "extract"):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds ``folder`` and sleeps, killed without warning in the end."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout and process.stdout.readline() == "held\n"
        yield process
    finally:
        os.kill(process.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        process.communicate()


def test_who_holds_a_folder_is_told_and_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    with another_process(folder) as process:
        assert is_held(folder)
        with pytest.raises(BusyError) as caught, hold(folder, "faceset trash"):
            pass
        told = f"{folder} is in use by understudy extract (process {process.pid} on {socket.gethostname()})."
        assert caught.value.message == told and caught.value.hint
        assert caught.value.code == ExitCode.BUSY == 15
    assert all(map(is_lock, folder.iterdir())) and len(list(folder.iterdir())) == 2
    assert not is_held(folder)
    with hold(folder, "faceset sort"):
        assert is_held(folder)
        assert json.loads((folder / f"{NAME}.json").read_text())["pid"] == os.getpid()
    assert not list(folder.iterdir())


def test_threads_of_one_process_hold_a_folder_one_after_the_other(tmp_path: Path) -> None:
    inside, entered, refused = threading.Semaphore(1), [], []

    def often() -> None:
        for _ in range(25):
            try:
                with hold(tmp_path / "faces", "sort"):
                    assert inside.acquire(blocking=False), "two are inside"
                    entered.append(1)
                    inside.release()
            except BusyError:
                refused.append(1)

    threads = [threading.Thread(target=often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entered) + len(refused) == 100 and len(entered) >= 25
    assert inside.acquire(blocking=False)


def test_an_error_inside_lets_go_and_leaves_no_folder_that_was_made_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "new" / "er", "extract"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
    with hold(tmp_path / "new" / "er", "extract"):
        (tmp_path / "new" / "er" / "work").touch()
    assert [path.name for path in (tmp_path / "new" / "er").iterdir()] == ["work"]
    assert not is_held(tmp_path / "never")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="could not be written"), hold(tmp_path / "file", "extract"):
        pass
    with pytest.raises(OutputError, match="too long"), hold(tmp_path / ("a" * 300), "extract"):
        pass


def test_where_the_disk_knows_no_locks_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", no_locks)
    with hold(tmp_path, "extract"):
        (tmp_path / "work").touch()
    assert not is_held(tmp_path)


@pytest.mark.parametrize("who", ["{", '{"pid": 1}'])
def test_whoever_says_not_who_it_is_is_told_as_well(tmp_path: Path, who: str) -> None:
    with another_process(tmp_path):
        (tmp_path / f"{NAME}.json").write_text(who)
        with pytest.raises(BusyError, match=r"is in use\."), hold(tmp_path, "sort"):
            pass


def test_locks_beside_are_hidden_and_no_picture_s(tmp_path: Path) -> None:
    lock = lock_beside(tmp_path / "out.%04d.exr", ".1_5")
    assert lock.name == ".out.%04d.exr.1_5.lock" and lock.parent == tmp_path
