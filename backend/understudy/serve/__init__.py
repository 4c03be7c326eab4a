"""A host program's way in: job documents come as JSON lines on stdin, their events go as JSON lines to stdout."""

from __future__ import annotations

import os
import sys
from threading import Thread
from typing import NoReturn

from understudy.errors import ExitCode
from understudy.serve.dispatcher import Dispatcher
from understudy.serve.stdio import Wire


def serve() -> NoReturn:
    """Do what the lines on stdin ask for. Ends with them, at once, whatever is being done: the host is gone then."""
    desk = Dispatcher(Wire())
    Thread(target=desk.work, name="work", daemon=True).start()
    try:
        for line in sys.stdin.buffer:
            desk.take(line)
    except KeyboardInterrupt:
        os._exit(ExitCode.INTERRUPTED)
    os._exit(ExitCode.OK)
