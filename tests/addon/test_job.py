"""Jobs in their folders: real extractions of the bundled sample, and programs that end badly."""

import itertools
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest
from link import follow
from link.job import Job
from standins import SAMPLE, UNDERSTUDY, has, kinds, lives, program, until, wait_for, wait_gone

posix = pytest.mark.skipif(os.name == "nt", reason="signals")

RUN = """
folder = sys.argv[sys.argv.index("run") + 1]
record = open(folder + "/events.jsonl", "a")
def tell(**event): record.write(json.dumps({"time": time.time(), **event}) + "\\n"); record.flush()
import socket
HOST = socket.gethostname()
def beat(n, host=HOST, pid=os.getpid()):
    open(folder + "/.alive", "w").write(json.dumps({"pid": pid, "host": host, "beat": n}))
    os.replace(folder + "/.alive", folder + "/alive")
def beats(host=HOST, every=0.02):
    for n in range(round(600 / every)): beat(n, host); yield n; time.sleep(every)
def started(host=HOST): tell(event="started", pid=os.getpid(), host=host, version="9")
def there(name): return os.path.exists(folder + "/" + name)
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    # What is lost is noticed by its process, or not at all.
    monkeypatch.setattr(follow, "HERE", math.inf)
    monkeypatch.setattr(follow, "ELSEWHERE", math.inf)
    made = []

    def make(stage="extract", **settings):
        made.append(Job.create(tmp_path / f"job {len(made)}", stage, settings))
        return made[-1]

    yield make
    for one in made:
        one.kill()
        one.close()


def extraction(tmp_path, frames):
    return {"plate": str(SAMPLE / "plate.%04d.exr"), "frames": frames, "out": str(tmp_path / "faces")}


def pid_of(events):
    return next(event["pid"] for event in events if event["event"] == "started")


def test_a_new_job_is_a_folder_with_a_document_and_never_an_old_folder(tmp_path):
    made = Job.create(tmp_path / "jobs" / "0001-train", "train", {"model": tmp_path / "model", "minutes": 3.5})
    document = json.loads((made.folder / "job.json").read_text())
    assert document == {"stage": "train", "settings": {"model": str(tmp_path / "model"), "minutes": 3.5}, "version": 1}
    assert sorted(file.name for file in made.folder.iterdir()) == ["job.json"]
    with pytest.raises(FileExistsError):
        Job.create(made.folder, "train", {})
    found = Job.open(made.folder)
    assert (found.stage, found.settings, found.state) == ("train", made.settings, "waiting")


@pytest.mark.parametrize("document", ["", "[]", '{"settings": {}}'])
def test_a_folder_without_a_job_is_refused(tmp_path, document):
    with pytest.raises(OSError, match=r"job\.json"):
        Job.open(tmp_path)
    (tmp_path / "job.json").write_text(document)
    with pytest.raises(ValueError):
        Job.open(tmp_path)


@posix
def test_a_real_extraction_is_followed_killed_found_lost_and_brought_to_its_end(tmp_path, job):
    made = job(**extraction(tmp_path, "1001-1008"))
    made.start(UNDERSTUDY)
    assert made.state == "running"
    watcher = Job.open(made.folder)  # another Blender, while the run has not said a word
    assert watcher.state == "running"
    watcher.follow()
    events = until(made.drain, has("progress", done=3))
    os.kill(pid_of(events), signal.SIGKILL)
    until(made.drain, has("lost"))
    until(watcher.drain, has("lost"))
    assert made.problem.startswith("The extract job was killed by signal 9 (SIGKILL)")
    assert "log.txt" in made.hint and watcher.problem.startswith("The extract job is gone")
    assert Job.open(made.folder).state == "lost"

    made.start(UNDERSTUDY)
    assert (made.state, made.problem, made.progress) == ("running", "", None)
    events = until(made.drain, lambda seen: has("done")(seen) and not made.active)
    assert made.state == "done" and made.report["frames"] == 8 and made.progress[:3] == (8, 8, "crops")
    assert made.problem == "" and made.preview.endswith(".png")
    seen = [event for event in events if event["event"] == "progress" and event["unit"] == "frames"]
    assert 0 < len(seen) < 8  # it went on, and did not begin again
    again = Job.open(made.folder)
    assert (again.state, again.report, again.progress) == (made.state, made.report, made.progress)
    assert not again.active and again.drain() == []


def test_a_real_job_stops_on_request_even_when_another_blender_asks(tmp_path, job):
    made = job(**extraction(tmp_path, "1001-1024"))
    made.start(UNDERSTUDY)
    until(made.drain, has("started"))
    watcher = Job.open(made.folder)
    watcher.follow()
    watcher.stop()
    assert watcher.stopping and watcher.state == "running"
    until(made.drain, has("failed", code=130))
    until(watcher.drain, lambda _: not watcher.active)
    for one in (made, watcher, Job.open(made.folder)):
        assert (one.state, one.stopping) == ("stopped", False) and one.problem
    until(made.drain, lambda _: not made.active)
    assert not (made.folder / "stop").exists()


@posix
def test_a_job_outlives_whoever_started_it(tmp_path, job):
    made = job()
    run = program(RUN + "started(); [None for _ in beats()]")
    start = f"import sys, time; sys.path[:0] = {sys.path!r}\nfrom link.job import Job; from pathlib import Path\n"
    start += f"job = Job.open(Path({str(made.folder)!r})); job.start({run!r}); time.sleep(600)"
    owner = subprocess.Popen([sys.executable, "-c", start], start_new_session=True)
    watcher = until_running(made.folder)
    watcher.follow()
    wait_for((made.folder / "alive").exists)
    pid = last_beat(made)["pid"]
    os.killpg(owner.pid, signal.SIGKILL)  # as a closed terminal ends all that was started in it
    owner.wait()
    wait_for_beats(made)
    watcher.drain()
    assert lives(pid) and watcher.state == "running"
    # Found again, it is ended once it was seen to beat; until then it is only asked.
    until(lambda: watcher.kill() or watcher.drain(), has("failed", code=130))
    assert watcher.state == "stopped"
    wait_gone(pid)


def until_running(folder):
    wait_for(lambda: Job.open(folder).state == "running")
    return Job.open(folder)


def last_beat(job):
    return json.loads((job.folder / "alive").read_text())


def wait_for_beats(job, count=3):
    """Wait until the run has shown more life than it had: until then it does whatever it was asked for."""
    now = last_beat(job)["beat"]
    wait_for(lambda: last_beat(job)["beat"] >= now + count)


def test_a_crash_tells_its_last_words(job):
    made = job("train")
    made.start(
        program(
            RUN
            + 'started(); print(\'{"event": "note"}\'); print("W0000 00:01 noise", file=sys.stderr); import no_such_module'
        )
    )
    until(made.drain, has("lost"))
    assert made.problem == "The train job ended with code 1: ModuleNotFoundError: No module named 'no_such_module'"
    assert not any("event" in line for line in made.log_tail())
    assert made.log_tail(1) == ["ModuleNotFoundError: No module named 'no_such_module'"]


def test_the_backends_own_sentence_is_preferred_and_that_of_an_earlier_run_is_not(job):
    made = job("train")
    made.start(
        program("print('understudy: The disk is full.\\nhint: Free some.\\nbye', file=sys.stderr); sys.exit(10)")
    )
    until(made.drain, has("lost"))
    assert made.problem == "The train job ended with code 10: The disk is full."
    made.start(program("sys.exit(4)"))
    until(made.drain, has("lost"))
    assert made.problem == "The train job ended with code 4."


def test_a_command_that_is_not_there_fails_the_job_in_one_sentence(job):
    made = job()
    made.start(["/nowhere/understudy"])
    assert kinds(made.drain()) == ["failed"] and made.state == "failed" and not made.active
    assert made.problem == "/nowhere/understudy was not found."


def test_a_job_whose_folder_was_deleted_is_lost_and_not_stalled(job):
    made = job()
    made.start(
        program(RUN + "started()\nwhile not there('go'): time.sleep(0.01)\nimport shutil; shutil.rmtree(folder)")
    )
    until(made.drain, has("started"))
    (made.folder / "go").touch()
    until(made.drain, has("lost"))
    assert made.state == "lost" and made.log_tail() == []


def test_a_job_whose_folder_is_gone_can_still_be_stopped(job):
    made = job()
    made.start(program(RUN + "started(); hang()"))
    pid = pid_of(until(made.drain, has("started")))
    shutil.rmtree(made.folder)
    made.stop()
    until(made.drain, has("failed", code=130))
    assert made.state == "stopped" and not lives(pid)


@posix
@pytest.mark.parametrize("moment", ["before a word", "half a line", "after the start", "between beats"])
def test_a_kill_at_any_moment_is_told_and_the_next_run_is_read_well(job, moment):
    body = {
        "before a word": "ready(); hang()",
        "half a line": 'started(); record.write(\'{"event": "progr\'); record.flush(); ready(); hang()',
        "after the start": "started(); ready(); hang()",
        "between beats": "started(); [ready() for n in beats(every=0.001) if n == 20]",
    }[moment]
    made = job()
    made.start(program(RUN + "def ready(): open(folder + '/ready', 'w')\n" + body))
    launched = until(made.drain, has("launched"))[0]
    wait_for((made.folder / "ready").exists)
    os.kill(launched["pid"], signal.SIGKILL)
    until(made.drain, has("lost"))
    assert Job.open(made.folder).state == "lost"
    made.start(program(RUN + "started(); tell(event='done', report={'good': True})"))
    until(made.drain, has("done"))
    assert made.report == {"good": True}
    assert Job.open(made.folder).report == {"good": True}


def test_a_second_request_ends_a_run_that_does_not_listen(job):
    made = job()
    made.start(program(RUN + "started(); [None for _ in beats()]"))
    pid = pid_of(until(made.drain, has("started")))
    wait_for((made.folder / "alive").exists)
    made.stop()
    wait_for_beats(made)
    assert lives(pid) and made.stopping
    made.kill()
    until(made.drain, has("failed", code=130))
    assert made.state == "stopped" and not lives(pid)
    assert not (made.folder / "stop").exists()


def elsewhere(made):
    """A job that another machine has begun, under a number that is in use here too: that of these tests."""
    there = {"pid": os.getpid(), "host": "gpu01"}
    (made.folder / "events.jsonl").write_text(json.dumps({"event": "started", "time": 0.0, **there}) + "\n")

    def beat(n):
        (made.folder / "alive").write_text(json.dumps({**there, "beat": n}))

    beat(0)
    return {"event": "started", **there}, beat


def test_a_run_on_another_machine_lives_by_its_beat_and_is_gone_without_it(job, monkeypatch):
    monkeypatch.setattr(follow, "ELSEWHERE", 15.0)
    made = job()
    started, beat = elsewhere(made)
    pulse = follow.Pulse(made.folder)
    pulse.meet(started)
    slow = round(10.0 / follow.LOOK)  # looks between two beats
    for n in range(20 * slow):
        if n % slow == 0:
            beat(n)
        assert not pulse.gone()
    looks = next(n for n in itertools.count(slow) if pulse.gone())
    assert looks * follow.LOOK == pytest.approx(15.0, abs=2 * follow.LOOK)


def test_a_run_on_another_machine_that_is_gone_is_lost_and_its_number_here_is_left_alone(job, monkeypatch):
    monkeypatch.setattr(follow, "ELSEWHERE", 1.0)
    made = job()
    elsewhere(made)
    watcher = until_running(made.folder)
    watcher.follow()
    until(watcher.drain, has("lost"))
    watcher.kill()  # which would end these tests


def test_a_broken_connection_does_not_lose_the_job_behind_it(job, monkeypatch):
    looks = []
    gone = follow.Pulse.gone
    monkeypatch.setattr(follow.Pulse, "gone", lambda pulse: looks.append(gone(pulse)) or looks[-1])
    made = job()
    behind = program(
        RUN + "started('gpu01')\nfor _ in beats('gpu01'):\n    if there('go'): tell(event='done', report={}); break"
    )
    # What is started is a connection, which breaks; the run is another process.
    breaks = f"import subprocess; subprocess.Popen({behind!r} + sys.argv[1:], start_new_session=True)\n"
    breaks += "while not os.path.exists(sys.argv[2] + '/alive'): time.sleep(0.01)\nsys.exit(255)"
    made.start(program(breaks))
    events = until(made.drain, has("started"))
    wait_gone(events[0]["pid"])
    before = len(looks)
    wait_for(lambda: len(looks) >= before + 3)
    assert not any(looks) and made.state == "running"
    (made.folder / "go").touch()
    until(made.drain, has("done"))
    assert made.state == "done"


def test_a_number_that_another_program_has_by_now_does_not_keep_a_job_running_for_ever(job, monkeypatch):
    monkeypatch.setattr(follow, "HERE", 0.8)
    made = job()
    here = {"pid": os.getpid(), "host": socket.gethostname()}  # this test is no job
    (made.folder / "events.jsonl").write_text(json.dumps({"event": "started", "time": 0.0, **here}) + "\n")
    (made.folder / "alive").write_text(json.dumps({**here, "beat": 7}))
    found = Job.open(made.folder)
    assert found.state == "running"
    found.follow()
    found.kill()  # must not end this process: nothing proves that the number is still the job's
    until(found.drain, has("lost"))


def test_a_resumed_training_keeps_its_curve_and_its_stage_and_time_are_known(job):
    made = job("swap")
    lines = [{"event": "started", "pid": 1, "host": "x"}]
    lines += [{"event": "metric", "stage": "train", "name": "loss", "step": n, "value": 1 / n} for n in (20, 40, 60)]
    lines += [
        {"event": "failed", "code": 12, "message": "Out of memory.", "hint": "Less."},
        {"event": "started", "pid": 2, "host": "x"},
    ]
    lines += [{"event": "metric", "stage": "train", "name": "loss", "step": n, "value": 2 / n} for n in (60, 80)]
    lines += [
        {
            "event": "progress",
            "stage": "train",
            "done": 10 * n,
            "total": 1000,
            "unit": "permille",
            "detail": f"step {n}",
            "time": 100.0 + 3 * n,
        }
        for n in range(5)
    ]
    lines += [
        "babble",
        {"event": "progress"},
        {"event": "metric", "name": "loss", "step": "?", "value": None},
        {"no": "event"},
        {"event": "preview", "path": "/m/preview.png"},
        {"event": "note", "text": "Hm."},
    ]
    (made.folder / "events.jsonl").write_text(
        "".join(json.dumps({"time": 0.0, **line} if isinstance(line, dict) else line) + "\n" for line in lines)
    )
    found = Job.open(made.folder)  # on host "x", which is not this one
    assert found.metrics["loss"] == [(20, 1 / 20), (40, 1 / 40), (60, 2 / 60), (80, 2 / 80)]
    assert found.state == "running" and found.problem == "" and found.within == "train"
    assert found.progress == (40, 1000, "permille", "step 4")
    assert found.seconds_left == pytest.approx(960 * 0.3)
    assert (found.preview, found.notes) == ("/m/preview.png", ["Hm."])


def test_a_hundred_thousand_steps_are_found_again_with_little_work_and_held_in_few_points(job):
    made = job("train")
    metric = {"event": "metric", "name": "loss"}
    progress = {"event": "progress", "total": 1000, "unit": "permille", "detail": ""}
    lines = [{"event": "started", "time": 0, "pid": 1, "host": "x"}]
    for step in range(20, 100_001, 20):
        lines.append({**metric, "time": step / 10, "step": step, "value": 1 / step})
        lines.append({**progress, "time": step / 10, "done": step // 100})
    lines.append({"event": "done", "time": 1, "report": {}})
    (made.folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        found = Job.open(made.folder)
    finally:
        sys.setprofile(None)
    assert calls < 60 * len(lines)
    assert len(found.metrics["loss"]) <= 4000 and found.metrics["loss"][-1][0] == 100_000
