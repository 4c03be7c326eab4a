from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from understudy.errors import ModelError, OutputError
from understudy.training.hold import FILE, hold, is_held

HOLD = """
import sys, time
from pathlib import Path
from understudy.training.hold import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def another_process(folder: Path) -> subprocess.Popen[str]:
    """A process that holds ``folder`` and sleeps."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_a_second_holder_is_told_who_the_first_is_until_that_one_is_killed(tmp_path):
    holder = another_process(tmp_path)
    try:
        assert is_held(tmp_path)
        with pytest.raises(ModelError, match=rf"is in use by process {holder.pid} on "), hold(tmp_path):
            pass
    finally:
        os.kill(holder.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        holder.communicate()
    assert (tmp_path / FILE).exists()
    assert not is_held(tmp_path)
    with hold(tmp_path):
        assert is_held(tmp_path)


def test_two_threads_of_one_process_do_not_hold_the_same_folder(tmp_path):
    refused = []

    def second() -> None:
        try:
            with hold(tmp_path):
                pass
        except ModelError as error:
            refused.append(error)

    with hold(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert len(refused) == 1
    second()
    assert len(refused) == 1


def test_an_error_inside_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "new"):
        raise ZeroDivisionError
    assert not is_held(tmp_path / "new")
    assert not is_held(tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="could not be written"), hold(tmp_path / "file"):
        pass
