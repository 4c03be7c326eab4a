"""The queue: one job on the GPU at a time, in order, whatever happens to the one before."""

import os
import signal

import pytest
from link.job import Job
from link.queue import JobQueue
from standins import program, until, wait_for
from test_job import RUN

WORK = (
    RUN
    + """
started()
while not os.path.exists(folder + "/stop") and not os.path.exists(folder + "/finish"): time.sleep(0.02)
if os.path.exists(folder + "/stop"):
    os.remove(folder + "/stop"); tell(event="failed", code=130, message="Stopped on request.", hint=""); sys.exit(130)
tell(event="done", report={})
"""
)


@pytest.fixture
def queue(tmp_path):
    made = JobQueue(lambda: program(WORK))
    yield made
    for job in made.jobs:
        job.kill()
        job.close()


@pytest.fixture
def create(tmp_path):
    count = iter(range(100))
    return lambda stage: Job.create(tmp_path / str(next(count)), stage, {})


def states(*jobs):
    return [job.state for job in jobs]


def told(queue, wanted):
    """Tick until ``wanted()``; the events as (job, kind)."""
    seen = []

    def drain():
        got = queue.tick()
        seen.extend((job, event["event"]) for job, event in got)
        return got

    until(drain, lambda _: wanted())
    return seen


def test_gpu_jobs_take_turns_and_others_do_not_wait(queue, create):
    first, second, third, light = create("extract"), create("train"), create("swap"), create("compare")
    for job in (first, second, third, light):
        queue.add(job)
    assert states(first, second, third, light) == ["waiting"] * 4
    queue.tick()
    assert states(first, second, third, light) == ["running", "waiting", "waiting", "running"]
    (first.folder / "finish").touch()
    told(queue, lambda: second.state == "running")
    assert states(first, second, third) == ["done", "running", "waiting"]
    (light.folder / "finish").touch()
    (second.folder / "finish").touch()
    (third.folder / "finish").touch()
    told(queue, lambda: not any(job.active for job in queue.jobs) and third.state == "done")
    assert states(*queue.jobs) == ["done"] * 4


def test_cancelling_a_waiting_job_takes_it_out_at_once_and_is_told(queue, create):
    running, waiting = create("train"), create("train")
    queue.add(running)
    queue.add(waiting)
    queue.tick()
    queue.cancel(waiting)
    assert waiting.state == "stopped" and queue.jobs == [running]
    assert (waiting, "failed") in [(job, event["event"]) for job, event in queue.tick()]
    assert not (waiting.folder / "log.txt").exists()


def test_cancelling_a_running_job_asks_and_the_next_one_begins(queue, create):
    running, waiting = create("train"), create("convert")
    queue.add(running)
    queue.add(waiting)
    told(queue, (running.folder / "events.jsonl").exists)
    queue.cancel(running)
    assert running.stopping
    told(queue, lambda: waiting.state == "running")
    assert running.state == "stopped" and running.problem == "Stopped on request."


def test_cancelling_twice_ends_a_job_that_does_not_listen(create):
    queue = JobQueue(lambda: program(RUN + "started(); hang()"))
    job = create("train")
    queue.add(job)
    queue.tick()
    queue.cancel(job)
    queue.cancel(job)
    told(queue, lambda: not job.active)
    assert job.state == "stopped"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_killed_job_makes_room_for_the_next_and_can_be_added_again(queue, create):
    first, second = create("train"), create("train")
    queue.add(first)
    queue.add(second)
    seen = until(queue.tick, lambda pairs: any(event["event"] == "started" for _, event in pairs))
    os.kill(next(event["pid"] for _, event in seen if event["event"] == "started"), signal.SIGKILL)
    told(queue, lambda: second.state == "running")
    assert first.state == "lost"
    queue.add(first)
    (second.folder / "finish").touch()
    (first.folder / "finish").touch()
    told(queue, lambda: first.state == "done")
    assert queue.jobs == [first, second]


def test_a_job_found_again_counts_as_the_one_on_the_gpu(queue, create):
    owner, waiting = create("train"), create("extract")
    owner.start(program(WORK))
    queue.adopt(Job.open(owner.folder))
    queue.add(waiting)
    queue.tick()
    assert waiting.state == "waiting"
    (owner.folder / "finish").touch()
    told(queue, lambda: waiting.state == "running")


def test_a_job_that_never_began_is_not_started_by_finding_it_again(queue, create):
    found = Job.open(create("train").folder)
    queue.adopt(found)
    queue.tick()
    assert found.state == "stopped" and found.problem and not (found.folder / "log.txt").exists()


def test_a_command_that_is_none_fails_each_job_and_holds_up_nothing(create):
    def none():
        raise ValueError("The backend's command is empty.")

    queue = JobQueue(none)
    jobs = [create("train"), create("convert")]
    for job in jobs:
        queue.add(job)
    told(queue, lambda: states(*jobs) == ["failed", "failed"])
    assert jobs[1].problem == "The backend's command is empty."


def test_a_tick_takes_no_more_than_it_can_at_once_while_jobs_talk(create):
    progress = "tell(event='progress', done=n, total=3000, unit='frames', detail='')"
    queue = JobQueue(lambda: program(RUN + f"started()\nfor n in range(3000): {progress}\nhang()"))
    job = create("extract")
    queue.add(job)
    queue.tick()
    # All is there before anything is taken in, as after a Blender that was held up by a render.
    record = job.folder / "events.jsonl"
    wait_for(lambda: record.read_bytes().count(b"\n") == 3002)  # with "launched" and "started"
    ticks = []
    until(lambda: ticks.append(queue.tick()) or ticks[-1], lambda _: job.progress and job.progress[0] == 2999)
    assert max(len(tick) for tick in ticks) == 1000
    job.kill()
    told(queue, lambda: not job.active)
