from __future__ import annotations

import io

from rich.console import Console
from understudy.cli.console import ConsoleSink
from understudy.events import Events


def drawn(terminal: bool, story) -> str:
    stream = io.StringIO()
    with ConsoleSink(Console(file=stream, force_terminal=terminal, width=120, highlight=False)) as sink:
        story(Events(sink))
    return stream.getvalue()


def test_a_log_gets_plain_lines_and_not_one_for_each_step() -> None:
    def story(events: Events) -> None:
        training = events.within("train")
        training.metric("loss", 1, 0.123456)
        for step in range(1, 1001):
            training.progress(step, 1000, "steps")
        events.note("[Not] markup.")

    lines = drawn(False, story).splitlines()
    assert lines == ["train: 1/1000 steps loss 0.1235", "train: 1000/1000 steps loss 0.1235", "[Not] markup."]


def test_a_terminal_gets_a_bar_for_each_stage() -> None:
    def story(events: Events) -> None:
        events.within("extract").progress(5, 10, "frames", "two faces")
        events.within("train").progress(3, None, "steps")

    told = drawn(True, story)
    assert "extract" in told and "5/10" in told and "two faces" in told
    assert "train" in told and "3/?" in told
