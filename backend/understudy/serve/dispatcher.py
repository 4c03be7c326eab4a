"""Requests in hand: taken from the wire by one thread, done in order by another."""

from __future__ import annotations

import os
import threading
import traceback
from dataclasses import dataclass
from queue import SimpleQueue

from understudy import stages
from understudy.errors import ExitCode, Interrupted, UsageError
from understudy.events import Events, beating
from understudy.failure import Failure
from understudy.serve.handshake import hello
from understudy.serve.request import check, read_line
from understudy.serve.stdio import Tagged, Wire
from understudy.settings import Options

BEAT = 1.0
"""Seconds between two signs of life while a request is worked on."""


@dataclass(eq=False)
class _Request:
    number: int
    settings: Options
    running: bool = False
    cancelled: bool = False


class Dispatcher:
    """Answers each request with its events, of which exactly one, the last, is ``done`` or ``failed``."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: SimpleQueue[_Request] = SimpleQueue()
        self._in_hand: dict[int, _Request] = {}
        self._lock = threading.Lock()  # of the above, and of what is said about who is still in it

    def take(self, line: bytes) -> None:
        """Hear one line; never fails, never waits for a stage."""
        number = None
        try:
            number, message = read_line(line)
            if message.get("cancel"):
                self._cancel(number)
            else:
                self._accept(_Request(number, check(number, message)))
        except UsageError as error:
            self._fail(number, error)

    def work(self) -> None:
        """Greet, then do what was accepted, for ever."""
        try:
            self._wire.greet(hello())
            while True:
                self._do(self._waiting.get())
        except BaseException:
            # A thread that dies in silence would leave the host waiting: let the process die aloud.
            traceback.print_exc()
            os._exit(ExitCode.INTERNAL)

    def _accept(self, request: _Request) -> None:
        with self._lock:
            if request.number in self._in_hand:
                # Not told under its own id, whose story has to end with one word only.
                self._fail(None, UsageError(f"Request {request.number} is in hand already.", "Use a new id."))
                return
            self._in_hand[request.number] = request
        self._waiting.put(request)

    def _cancel(self, number: int) -> None:
        with self._lock:
            request = self._in_hand.get(number)
            if request is None:
                return  # it ended while the host was asking
            request.cancelled = True
            if request.running:
                self._events(number).cancelling()
            else:
                del self._in_hand[number]
                self._fail(number, Interrupted("Stopped on request."))

    def _do(self, request: _Request) -> None:
        with self._lock:
            if request.cancelled:
                return
            request.running = True
        events = Events(Tagged(self._wire, request.number), stop=lambda: request.cancelled)
        try:
            with beating(BEAT, events.alive):
                report = stages.run(request.settings, events)
        except Exception as error:
            # The outermost place: whatever comes here ends the request, not the process.
            if Failure.of(error).code == ExitCode.INTERNAL:
                traceback.print_exception(error)
            self._put_away(request)
            self._fail(request.number, error)
        else:
            self._put_away(request)
            events.done(report)

    def _put_away(self, request: _Request) -> None:
        with self._lock:
            del self._in_hand[request.number]

    def _fail(self, number: int | None, error: Exception) -> None:
        failure = Failure.of(error)
        self._events(number).failed(failure.code, failure.message, failure.hint)

    def _events(self, number: int | None) -> Events:
        return Events(Tagged(self._wire, number))
