"""The one state machine that reads a run's events."""

import pytest
from link.job import Job
from link.run_state import NOTES, STOPPED, RunState

PROGRESS = {"event": "progress", "time": 1.0, "done": 3, "total": 8, "unit": "frames", "stage": "convert"}
FAILED = {"event": "failed", "code": 3, "message": "No file matches x.", "hint": "Check the name."}


def _after(*events):
    run = RunState()
    for event in events:
        run.apply(event)
    return run


@pytest.mark.parametrize(
    ("event", "state"),
    [
        ({"event": "launched"}, "running"),
        ({"event": "started"}, "running"),
        (PROGRESS, "running"),
        ({"event": "note", "text": "x"}, "waiting"),
        ({"event": "done", "report": {"frames": 8}}, "done"),
        ({"event": "done"}, "done"),
        (FAILED, "failed"),
        ({**FAILED, "code": STOPPED}, "stopped"),
        ({"event": "lost", "message": "It is gone."}, "lost"),
    ],
)
def test_each_event_leads_to_its_state(event, state):
    run = _after(event)
    assert (run.state, run.ended) == (state, state not in {"waiting", "running"})


def test_the_fields_come_from_the_events():
    run = _after({"event": "started"}, PROGRESS, {"event": "note", "text": "Mind the gap."}, FAILED)
    assert (run.progress, run.within, run.notes) == ((3, 8, "frames", ""), "convert", ["Mind the gap."])
    assert (run.problem, run.hint) == ("No file matches x.", "Check the name.")
    assert _after({"event": "done", "report": None}).report == {}


def test_what_is_said_late_does_not_bring_a_run_back_but_a_new_start_does():
    assert _after(FAILED, PROGRESS).state == "failed"
    again = _after(FAILED, {"event": "started"})
    assert (again.state, again.problem, again.progress) == ("running", "", None)


def test_a_wish_to_stop_outlives_the_start_and_not_the_end():
    run = RunState(stopping=True)
    run.apply({"event": "started"})
    assert run.stopping
    run.apply({**FAILED, "code": STOPPED})
    assert not run.stopping


def test_silence_lasts_until_the_next_word():
    run = _after({"event": "silent", "seconds": 10.0})
    assert run.quiet == 10.0
    run.apply({"event": "alive"})
    assert run.quiet == 0.0


@pytest.mark.parametrize("event", [{}, {"event": "progress"}, {"event": "silent", "seconds": "x"}, {"event": None}])
def test_an_event_that_is_not_what_it_should_be_is_passed_over(event):
    run = _after(PROGRESS, event)
    assert (run.state, run.progress) == ("running", (3, 8, "frames", ""))


def test_old_notes_make_room():
    notes = _after(*({"event": "note", "text": str(number)} for number in range(NOTES + 5))).notes
    assert (len(notes), notes[0], notes[-1]) == (NOTES, "5", str(NOTES + 4))


def test_a_job_reads_its_events_the_same_way(tmp_path):
    events = [{"event": "launched"}, PROGRESS, {"event": "note", "text": "x"}, FAILED]
    job, run = Job(tmp_path, "convert", {}), _after(*events)
    for event in events:
        job.apply(event)
    assert {name: getattr(job, name) for name in vars(run)} == vars(run)
