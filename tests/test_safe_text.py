"""What comes from data is shown as text and nothing else."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser

import pytest
from rich.console import Console
from understudy.cli.console import ConsoleSink, Terminal
from understudy.cli.tables import general, shown
from understudy.errors import UsageError
from understudy.events import Events, Recorder
from understudy.failure import Failure
from understudy.safe_text import markup, one_line, printable

TRIES = "a\nb\r\n\x1b[31mred\x1b]0;title\x07\u202egpj.exe\u2028\x9b2J\x00\udce9"
"""Line breaks, a colour and a title for a terminal, writing backwards, a bell, a byte that is no UTF-8."""


def test_a_sentence_is_one_line_without_what_a_terminal_obeys() -> None:
    told = one_line(TRIES)
    assert told.isprintable() and told.isascii()
    assert told == r"a b \x1b[31mred\x1b]0;title\x07\u202egpj.exe \x9b2J\x00\udce9"


def test_words_of_any_language_stay_as_they_are() -> None:
    for name in ("Aufnahme für Ä", "撮影 01", "פנים", "two  blanks", "👩‍🎬"):
        assert one_line(name) == printable(name) == name


def test_lines_stay_where_several_are_meant() -> None:
    assert printable("one\ntwo\x1b") == "one\ntwo\\x1b"


@pytest.mark.parametrize("length", [100, 399, 400, 70_000])
def test_a_message_keeps_its_beginning_and_its_end_and_has_less_than_400_letters(length: int) -> None:
    error = UsageError(f"The name {'x' * length} is no name of a layer.", "h" * 5000)
    assert error.message.startswith("The name x") and error.message.endswith("is no name of a layer.")
    assert len(error.message) < 400 and len(error.hint) <= 1000
    assert str(error) == error.message


def test_blanks_without_end_do_not_hold_the_cleaner() -> None:
    assert len(one_line(" " * 1_000_000, 399)) == 399


def test_a_defect_is_told_in_a_bearable_sentence() -> None:
    told = Failure.of(RuntimeError(TRIES * 1000)).message
    assert len(told) < 400 and told.isprintable()


def test_notes_and_reports_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    Events(recorder).note(TRIES)
    Events(recorder).progress(1, 2, "frames", TRIES)
    assert recorder.of("note")[0]["text"].isprintable() and recorder.of("progress")[0]["detail"].isprintable()
    report = shown({"file": TRIES, TRIES: [{"name": TRIES}], "count": 3})
    assert json.dumps(report).count(r"\u001b") == 0 and report["count"] == 3
    general(Terminal(), shown({"file": "[/red] [bold]x :smile: " + TRIES}))
    out = capsys.readouterr().out
    assert "[/red] [bold]x :smile:" in out.replace("\n", " ") and "\x1b" not in out


def test_brackets_in_a_stage_or_unit_are_no_markup_for_the_bars() -> None:
    stream = io.StringIO()
    with ConsoleSink(Console(file=stream, force_terminal=True, width=120, highlight=False)) as sink:
        Events(sink).within("[/x]").progress(1, 2, "[/y]", "[/z]")
    assert "[/x]" in stream.getvalue() and "[/y]" in stream.getvalue()


def test_markup_gives_the_text_back_and_no_element() -> None:
    name = "<script>alert(1)</script>\"'&amp;<img src=x onerror=y>"
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append(f"{tag} {dict(attrs)}")

        def handle_data(self, data: str) -> None:
            seen.append(data)

    reader = Reader()
    reader.feed(f'<p title="{markup(name)}">{markup(name)}</p>')
    reader.close()
    assert seen == [f"p {{'title': {name!r}}}", name]
