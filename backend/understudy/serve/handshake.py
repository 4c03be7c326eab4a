"""How the child introduces itself."""

from __future__ import annotations

import os
import platform
import time
from typing import Any

from understudy import __version__
from understudy.events import EVENT_SCHEMA
from understudy.stages.doctor import devices

PROTOCOL = 1
"""Version of the conversation; raised when a host that knows the old one would misunderstand the new one."""


def hello() -> dict[str, Any]:
    """The first line on the wire: versions, the device that ``auto`` means and its ``memory`` in bytes."""
    cpu, *faster = devices()
    best = faster[0] if faster else cpu
    return {
        "event": "hello",
        "time": round(time.time(), 3),
        "protocol": PROTOCOL,
        "events": EVENT_SCHEMA,
        "version": __version__,
        "python": platform.python_version(),
        "device": best["what"] if faster else f"CPU, {cpu['what']}",
        "memory": best["memory"],
        "pid": os.getpid(),
    }
