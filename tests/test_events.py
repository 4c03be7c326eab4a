from __future__ import annotations

import io
import json
import threading
import time
from itertools import count
from types import SimpleNamespace

import pytest
from understudy import events as events_module
from understudy.errors import Interrupted
from understudy.events import Events, JsonLines, Recorder, beating


def test_every_kind_of_event_is_one_json_line_with_its_fields() -> None:
    stream = io.StringIO()
    events = Events(JsonLines(stream))
    events.progress(1, None, "frames", "so far")
    events.metric("loss", 3, 0.5)
    events.preview("a.png")
    events.note("A word.")
    events.done({"faces": 1})
    events.failed(6, "Nobody.", "Look.")
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert all(abs(event.pop("time") - time.time()) < 60 for event in told)
    assert told == [
        {"event": "progress", "done": 1, "total": None, "unit": "frames", "detail": "so far"},
        {"event": "metric", "name": "loss", "step": 3, "value": 0.5},
        {"event": "preview", "path": "a.png"},
        {"event": "note", "text": "A word."},
        {"event": "done", "report": {"faces": 1}},
        {"event": "failed", "code": 6, "message": "Nobody.", "hint": "Look."},
    ]


def test_a_stage_within_a_stage_is_named_and_heard_by_all() -> None:
    first, second = Recorder(), Recorder()
    Events(first, second).within("swap").within("train").note("A word.")
    assert first.events == second.events
    assert first.of("note")[0]["stage"] == "swap/train"
    assert first.of("done") == []


def test_a_request_to_stop_reaches_the_inner_stage() -> None:
    asked = False
    inner = Events(stop=lambda: asked).within("train")
    inner.raise_if_stopping()
    asked = True
    assert inner.stopping
    with pytest.raises(Interrupted) as raised:
        inner.raise_if_stopping()
    assert raised.value.code == 130


def test_beats_begin_at_once_go_on_beside_the_work_and_end_with_it() -> None:
    beats, enough, threads = count(), threading.Event(), threading.active_count()

    def beat() -> None:
        if next(beats) == 3:
            enough.set()

    with beating(0.01, beat):
        assert next(beats) >= 1
        assert enough.wait(60)
    assert threading.active_count() == threads


def test_beats_keep_their_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    class Ended(threading.Event):
        """Set at the third look, without any time having passed."""

        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return len(waited) == 3

    monkeypatch.setattr(events_module, "threading", SimpleNamespace(Event=Ended, Thread=threading.Thread))
    beats: list[int] = []
    with beating(7.5, lambda: beats.append(1)):
        pass
    assert waited == [7.5] * 3 and len(beats) == 3


def test_beats_end_with_work_that_fails() -> None:
    threads = threading.active_count()
    with pytest.raises(ValueError, match="no"), beating(0.01, lambda: None):
        raise ValueError("no")
    assert threading.active_count() == threads
