"""The backend as the tests start it, and small programs that misbehave in its place."""

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "backend" / "understudy" / "sample"

# The environment that a child is given has no PYTHONPATH: the checkout is named in the program itself.
UNDERSTUDY = [
    sys.executable,
    "-c",
    f"import runpy, sys; sys.path.insert(0, {str(ROOT / 'backend')!r}); runpy.run_module('understudy', run_name='__main__')",
]

PATIENCE = 240.0
"""Seconds that anything may take that is bound to come: the machine may be busy with other things."""

HELLO = {"event": "hello", "protocol": 1, "events": 1, "version": "9.9.9", "device": "none", "memory": 0}

_TALKER = """
import json, os, sys, time
def say(**event): print(json.dumps(event), flush=True)
def hang(): time.sleep(600)  # for longer than any test is patient
def hello(**changes): say(**{**json.loads(%r), "pid": os.getpid(), **changes})
"""


def program(body: str) -> list[str]:
    """A command that runs ``body``, which can ``hello()``, ``say(event=...)`` and ``hang()``."""
    return [sys.executable, "-c", _TALKER % json.dumps(HELLO) + body]


def until(drain, seen):
    """Drain, as Blender's timer does, until ``seen(events)``; all the events. Fails after :data:`PATIENCE`."""
    events = []
    ends = time.monotonic() + PATIENCE
    while not seen(events):
        assert time.monotonic() < ends, f"waited {PATIENCE} s; heard {events[-5:]}"
        time.sleep(0.01)
        events += drain()
    return events


def has(kind, **fields):
    """Whether an event of this kind, with these fields, is among the events."""
    return lambda events: any(
        event["event"] == kind and all(event.get(name) == value for name, value in fields.items()) for event in events
    )


def kinds(events):
    return [event["event"] for event in events]


def lives(pid: int) -> bool:
    """Whether the process runs: asked of the system, and not of the code under test."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return sys.platform != "linux"
    except OSError:
        return False


def wait_for(true):
    """Look until ``true()``."""
    until(lambda: [], lambda _: true())


def wait_gone(pid: int):
    wait_for(lambda: not lives(pid))
