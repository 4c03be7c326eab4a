"""The commands that tidy a faceset, killed without warning and given again. All commands: killed_commands.py, by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from killing import PATIENCE

RUN = Path(__file__).with_name("killed_commands.py")


@pytest.mark.slow
def test_commands_that_are_killed_and_given_again_end_like_those_that_are_not() -> None:
    light = ["sort", "trash", "restore"]
    done = subprocess.run(
        [sys.executable, str(RUN), "--kills", "3", "--only", *light],
        capture_output=True, text=True, timeout=2 * PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 ended otherwise" in done.stdout
