"""The interactive child: the real one, and programs that are not what they should be."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from link import backend as backend_module
from link import pipes
from link.backend import Backend
from made_clock import Clock
from standins import PATIENCE, ROOT, SAMPLE, UNDERSTUDY, has, kinds, lives, program, until, wait_for, wait_gone

ECHO = """
hello()
for line in sys.stdin:
    request = json.loads(line)
    if "stage" in request:
        say(event="done", id=request["id"], report=request["settings"])
"""
DEAF = "hello()\nhang()\n"
BUSY = """
hello()
import threading
for line in sys.stdin:
    request = json.loads(line)
    if "cancel" in request:
        say(event="failed", id=request["id"], code=130, message="Stopped on request.", hint="")
"""


@pytest.fixture
def clock(monkeypatch):
    """The clock of the backend's side of the wire, which stands still."""
    made = Clock()
    made.put_into(monkeypatch, backend_module, pipes)
    return made


@pytest.fixture
def backend():
    made = []

    def make(argv, **limits):
        made.append(Backend(argv, **{"silence": PATIENCE, **limits}))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_requests_made_before_the_child_is_there_are_answered_in_order(backend):
    child = backend(program(ECHO))
    assert child.state == "off"
    numbers = [child.ask("inspect", {"plate": name}) for name in "abc"]
    assert child.state == "starting"
    events = until(child.drain, has("done", id=numbers[-1]))
    assert child.state == "ready" and child.hello["version"] == "9.9.9"
    assert kinds(events) == ["hello", "done", "done", "done"]
    assert [event["report"]["plate"] for event in events[1:]] == ["a", "b", "c"]


def test_a_command_that_names_serve_itself_is_not_given_it_twice(backend):
    tell = "hello(version=' '.join(sys.argv[1:]))\nsys.stdin.read()\n"
    for argv in (program(tell), [*program(tell), "serve"]):
        child = backend(argv)
        child.start()
        until(child.drain, has("hello"))
        assert child.hello["version"] == "serve"


def test_a_program_that_is_not_there_is_told_in_one_sentence_and_can_be_tried_again(backend):
    child = backend(["/nowhere/understudy"])
    for _ in range(2):
        number = child.ask("inspect", {})
        events = until(child.drain, has("failed", id=number))
        assert kinds(events) == ["lost", "failed"]
        assert child.state == "lost"
        assert child.problem == "/nowhere/understudy was not found."


def test_no_command_at_all_is_told_in_one_sentence(backend):
    child = backend([])
    child.start()
    until(child.drain, has("lost"))
    assert child.problem == "The backend was not found."


def test_another_protocol_is_refused_naming_both_and_not_tried_again(backend):
    child = backend(program("hello(protocol=7, version='0.9')\nhang()\n"))
    number = child.ask("inspect", {})
    events = until(child.drain, has("failed", id=number))
    assert child.state == "refused"
    assert "protocol 7" in child.problem and "protocol 1" in child.problem and "0.9" in child.hint
    assert not has("hello")(events)
    again = child.ask("inspect", {})
    assert kinds(child.drain()) == ["failed"] and child.state == "refused" and again > number


def test_a_program_that_is_not_understudy_is_refused_with_what_it_said(backend):
    child = backend(program("print('Welcome to the calculator', flush=True)\nhang()\n"))
    child.start()
    until(child.drain, has("lost"))
    assert child.state == "refused" and 'is not Understudy: it said "Welcome to the calculator"' in child.problem


def test_an_early_death_tells_the_code_and_the_last_words(backend):
    child = backend(
        program("print('understudy: There is no such command.\\nhint: Look.', file=sys.stderr)\nsys.exit(2)")
    )
    child.start()
    until(child.drain, has("lost"))
    assert child.state == "lost"
    assert child.problem.endswith("ended with code 2: There is no such command.")
    assert child.log_tail()[-1] == "hint: Look."


def test_a_child_that_never_says_hello_is_given_up_and_ended(backend, tmp_path, clock):
    note = tmp_path / "pid"
    child = backend(program(f"print(os.getpid(), file=open({str(note)!r}, 'w'), flush=True)\nhang()\n"), startup=90)
    child.start()
    wait_for(lambda: note.exists() and note.read_text().endswith("\n"))
    clock.sleep(89)
    assert child.drain() == [] and child.state == "starting"
    clock.sleep(2)
    assert kinds(child.drain()) == ["lost"]
    assert "said nothing for 90 seconds" in child.problem
    wait_gone(int(note.read_text()))


def test_babble_on_the_wire_goes_to_the_log_and_harms_nothing(backend):
    child = backend(program(ECHO.replace("request = ", "print('[[[[' * 20000); print('0x1f', '{}', 3); request = ")))
    number = child.ask("inspect", {"plate": "a"})
    events = until(child.drain, has("done", id=number))
    assert kinds(events) == ["hello", "done"]
    assert any("0x1f" in line for line in child.log_tail())


def test_silence_during_a_request_is_told_once_until_the_child_is_heard_again(backend, clock):
    child = backend(program("hello()\nfor n, _ in enumerate(sys.stdin):\n    if n: say(event='alive')\n"), silence=10)
    child.start()
    until(child.drain, has("hello"))
    clock.sleep(100)
    assert child.drain() == []  # nothing was asked, nothing is missed
    number = child.ask("inspect", {})
    clock.sleep(9)
    assert child.drain() == []
    clock.sleep(2)
    (silent,) = child.drain()
    assert (silent["event"], silent["seconds"], child.state) == ("silent", 11.0, "ready")
    clock.sleep(100)
    assert child.drain() == []  # that was told
    child.cancel(number)  # which it answers with a sign of life
    assert kinds(until(child.drain, has("alive"))) == ["alive"]
    clock.sleep(11)
    assert kinds(child.drain()) == ["silent"]


def test_a_request_is_cancelled_before_and_after_it_was_sent(backend):
    child = backend(program(BUSY))
    early, late = child.ask("find", {}), child.ask("find", {})
    child.cancel(early)
    assert has("failed", id=early, code=130)(child.drain())
    until(child.drain, lambda _: child.state == "ready")
    child.cancel(late)
    until(child.drain, has("failed", id=late, code=130))
    child.cancel(late)  # what has ended cannot be cancelled, and that is no error
    assert child.drain() == []


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_killed_child_is_noticed_and_started_again_by_the_next_request(backend):
    child = backend(program(BUSY))
    number = child.ask("find", {})
    until(child.drain, has("hello"))
    os.kill(child.hello["pid"], signal.SIGKILL)
    events = until(child.drain, has("failed", id=number))
    assert kinds(events) == ["lost", "failed"] and child.state == "lost"
    assert child.problem == "The backend was killed by signal 9 (SIGKILL)."
    child.ask("find", {})
    until(child.drain, has("hello"))
    assert child.state == "ready" and child.problem == ""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_death_is_noticed_though_something_else_holds_its_pipes_open(backend):
    body = "import subprocess\nhello(helper=subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid)\n"
    child = backend(program(body + "hang()\n"))
    child.start()
    until(child.drain, has("hello"))
    os.kill(child.hello["pid"], signal.SIGKILL)
    until(child.drain, has("lost"))
    os.kill(child.hello["helper"], signal.SIGKILL)


def test_a_child_that_closes_its_mouth_but_lives_is_ended(backend):
    child = backend(program("hello()\nos.close(1)\nhang()\n"))
    child.start()
    until(child.drain, has("lost"))
    assert not lives(child.hello["pid"])


def test_closing_ends_even_a_deaf_child_and_fails_what_was_asked(backend):
    child = backend(program(DEAF))
    number = child.ask("find", {})
    until(child.drain, has("hello"))
    child.close()
    assert has("failed", id=number, code=130)(child.drain()) and child.state == "off"
    wait_gone(child.hello["pid"])


def test_asking_never_blocks_though_the_child_reads_nothing(backend):
    child = backend(program(DEAF))
    child.start()
    until(child.drain, has("hello"))

    def ask():
        for _ in range(50):
            child.ask("find", {"plate": "x" * 20000})  # a megabyte: more than any pipe holds

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    assert not asking.is_alive()


def test_the_real_backend_says_hello_and_answers_one_plate_after_the_other(backend):
    child = backend(UNDERSTUDY)
    good = child.ask("inspect", {"plate": str(SAMPLE / "plate.%04d.exr")})
    bad = child.ask("inspect", {"plate": "/nowhere/plate.%04d.exr"})
    events = until(child.drain, has("failed", id=bad))
    report = next(event["report"] for event in events if event["event"] == "done" and event["id"] == good)
    assert (report["first"], report["last"], report["count"]) == (1001, 1024, 24)
    failed = next(event for event in events if event["event"] == "failed")
    assert failed["code"] == 3 and "/nowhere" in failed["message"]
    assert child.hello["pid"] and child.hello["device"]
    child.close()
    wait_gone(child.hello["pid"])


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_real_backend_is_gone_when_whoever_started_it_is_killed():
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = [{str(ROOT / 'addon')!r}, {str(ROOT / 'tests' / 'addon')!r}]\n"
            "from link.backend import Backend; from standins import *\n"
            "child = Backend(UNDERSTUDY); child.start(); until(child.drain, has('hello'))\n"
            "print(child.hello['pid'], flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(owner.stdout.readline())
    assert lives(pid)
    owner.kill()
    owner.communicate()
    wait_gone(pid)
