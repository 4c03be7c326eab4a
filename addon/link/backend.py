"""The backend at Blender's side: one ``understudy serve``, started when it is needed, that answers requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from queue import Empty
from typing import Any

from .command import REMEDY, extended
from .messages import ending, last_sentence
from .pipes import LOG_LINES, Babble, Conversation, Ended
from .run_state import STOPPED

PROTOCOL = 1
"""The wire that this add-on speaks."""

_DIED = 1
_AT_ONCE = 500  # messages a drain takes: the rest waits, so that Blender's window does not
_PATIENCE = 0.5  # seconds that a child has for ending by itself
_BACK = "It starts again with the next request; the log has its last words."

Message = dict[str, Any]


class Backend:
    """The interactive child. Called from one thread; nothing but :meth:`close` takes time, and that 0.5 s at most.

    ``argv`` is the backend's command, with or without ``serve`` at its end. ``state`` is "off", "starting", "ready",
    "lost" (could not be started, or died) or "refused" (another program, or another protocol); ``problem`` says why in
    one sentence and ``hint`` what to do. ``hello`` is the child's first message. ``startup`` and ``silence`` are
    seconds: without a hello the child is given up, without a sign of life during a request it is called silent.
    """

    def __init__(self, argv: Sequence[str], *, startup: float = 120.0, silence: float = 10.0) -> None:
        self.argv = list(argv)
        self.state = "off"
        self.hello: Message | None = None
        self.problem = ""
        self.hint = ""
        self._startup, self._silence = startup, silence
        self._talk: Conversation | None = None
        self._open: dict[int, Message] = {}  # requests without an answer, by number
        self._events: list[Message] = []
        self._last = 0
        self._since = 0.0  # when the start, or the newest request, was sent
        self._told_silent = False

    def start(self) -> None:
        """Start the child, unless it is there. The only way back from "refused"."""
        if self.state in {"starting", "ready"}:
            return
        self.state, self.hello, self.problem, self.hint = "starting", None, "", ""
        self._since, self._told_silent = time.monotonic(), False
        argv = self.argv if not self.argv or self.argv[-1] == "serve" else extended(self.argv, "serve")
        self._talk = Conversation(argv)

    def ask(self, stage: str, settings: Message) -> int:
        """Send a request, or keep it until the child is ready; returns its number. Starts a child that is not there."""
        self._last += 1
        if self.state == "refused":
            self._fail(self._last, _DIED, self.problem, self.hint)
            return self._last
        self.start()
        request = {"id": self._last, "stage": stage, "settings": settings, "version": PROTOCOL}
        self._open[self._last] = request
        if self.state == "ready":
            self._send(request)
        return self._last

    def cancel(self, id: int) -> None:
        """Ask for the end of a request; it still ends by ``failed`` (code 130), or by ``done`` if that came first."""
        if id not in self._open:
            return
        if self.state == "ready":
            self._send({"id": id, "cancel": True})
        else:
            del self._open[id]
            self._fail(id, STOPPED, "Stopped on request.", "")

    def drain(self) -> list[Message]:
        """The events since the last time, oldest first; never blocks.

        Besides the child's own there are ``lost {message, hint}``, followed by one ``failed`` for each request in
        hand, and ``silent {seconds}``, once until it is heard again.
        """
        talk = self._talk
        if talk is not None:
            for _ in range(_AT_ONCE):
                try:
                    heard = talk.heard.get_nowait()
                except Empty:
                    self._watch(talk)
                    break
                self._take(talk, heard)
                if self._talk is not talk:
                    break
        events, self._events = self._events, []
        return events

    def log_tail(self, lines: int = LOG_LINES) -> list[str]:
        """The last lines of the newest child's stderr."""
        return list(self._talk.log)[-lines:] if self._talk else []

    def close(self) -> None:
        """End the child; requests in hand fail with code 130."""
        if self._talk is not None and self.state in {"starting", "ready"}:
            self._talk.close(_PATIENCE)
            self._talk = None
        self.state = "off"
        self._fail_open(STOPPED, "The backend was closed.", "")

    def _send(self, message: Message) -> None:
        assert self._talk
        self._since = time.monotonic()
        self._talk.say(message)

    def _take(self, talk: Conversation, heard: Message | Babble | Ended) -> None:
        if self.state not in {"starting", "ready"}:
            return  # what a child that was given up still says
        if isinstance(heard, Ended):
            self._lose(heard.problem or self._death(talk, heard), REMEDY if self.state == "starting" else _BACK)
        elif self.state == "starting":
            self._greet(talk, heard)
        elif isinstance(heard, Babble):
            talk.log.append(heard.text)
        else:
            self._told_silent = False
            if heard["event"] in {"done", "failed"}:
                self._open.pop(heard.get("id", 0), None)
            self._events.append(heard)

    def _greet(self, talk: Conversation, heard: Message | Babble) -> None:
        """The first thing said decides whether this is Understudy, and one that can be understood."""
        if isinstance(heard, Babble) or heard["event"] != "hello":
            said = heard.text if isinstance(heard, Babble) else heard["event"]
            self._refuse(talk, f'{self.argv[0]} is not Understudy: it said "{said[:80]}".', REMEDY)
        elif heard.get("protocol") != PROTOCOL:
            self._refuse(
                talk,
                f"The backend speaks protocol {heard.get('protocol')} and this add-on protocol {PROTOCOL}.",
                f"Install the same version of both; the backend's is {heard.get('version', 'not known')}.",
            )
        else:
            self.state, self.hello = "ready", heard
            self._events.append(heard)
            for request in self._open.values():
                self._send(request)

    def _watch(self, talk: Conversation) -> None:
        """What only the clock tells: a child that does not come, or does not answer."""
        now = time.monotonic()
        if self.state == "starting" and now - self._since > self._startup:
            talk.kill()
            told = last_sentence(talk.log)
            self._lose(
                f"The backend said nothing for {self._startup:g} seconds" + (f": {told}" if told else "."), REMEDY
            )
        elif self.state == "ready" and self._open and not self._told_silent:
            quiet = now - max(self._since, talk.heard_at)
            if quiet > self._silence:
                self._told_silent = True
                self._events.append({"event": "silent", "time": time.time(), "seconds": round(quiet, 1)})

    def _death(self, talk: Conversation, end: Ended) -> str:
        who = "The backend" if self.state == "ready" else f"The backend ({self.argv[0]})"
        return ending(who, end.code, list(talk.log))

    def _refuse(self, talk: Conversation, message: str, hint: str) -> None:
        talk.kill()
        self._lose(message, hint, "refused")

    def _lose(self, message: str, hint: str, state: str = "lost") -> None:
        self.state, self.problem, self.hint = state, message, hint
        self._events.append({"event": "lost", "time": time.time(), "message": message, "hint": hint})
        self._fail_open(_DIED, message, hint)

    def _fail_open(self, code: int, message: str, hint: str) -> None:
        for id in self._open:
            self._fail(id, code, message, hint)
        self._open.clear()

    def _fail(self, id: int, code: int, message: str, hint: str) -> None:
        told = {"event": "failed", "time": time.time(), "id": id, "code": code, "message": message, "hint": hint}
        self._events.append(told)
