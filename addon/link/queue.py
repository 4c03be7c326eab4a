"""The jobs of this Blender: those that want the GPU run one at a time, in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .job import Job
from .run_state import Event

GPU_STAGES = frozenset({"extract", "train", "convert", "swap"})


class JobQueue:
    """Starts jobs in their turn and follows them. ``argv`` gives the backend's command when one is started.

    ``jobs`` holds the waiting, the running and the ended ones, oldest first.
    """

    def __init__(self, argv: Callable[[], Sequence[str]]) -> None:
        self.jobs: list[Job] = []
        self._argv = argv
        self._told: list[tuple[Job, Event]] = []

    def add(self, job: Job) -> None:
        """Let a job wait for its turn; one that has ended before goes on from what is saved."""
        job.reset()
        self._enter(job)

    def adopt(self, job: Job) -> None:
        """Follow a job that was found again. One that never began is not started: a file that is opened starts nothing."""
        if job.state == "waiting":
            job.stop()
        job.follow()
        self._enter(job)

    def cancel(self, job: Job) -> None:
        """Take a waiting job out at once; ask a running one to stop, and end it when it was asked before.

        Raises ``OSError`` when it can be neither asked nor ended.
        """
        if job.state == "waiting":
            job.stop()
            self.forget(job)
            self._told += [(job, event) for event in job.drain()]
        elif job.stopping:
            job.kill()
        else:
            job.stop()

    def forget(self, job: Job) -> None:
        """Hold a job no longer; a running one goes on, unfollowed."""
        if job in self.jobs:
            self.jobs.remove(job)
        job.close()

    def tick(self) -> list[tuple[Job, Event]]:
        """Start what can start, and take in what all jobs tell; never blocks. The events of each job in their order."""
        busy = any(job.active and job.stage in GPU_STAGES for job in self.jobs)
        for job in self.jobs:
            if job.state == "waiting" and not (busy and job.stage in GPU_STAGES):
                self._start(job)
                busy |= job.active and job.stage in GPU_STAGES
        told, self._told = self._told, []
        return told + [(job, event) for job in self.jobs for event in job.drain()]

    def _start(self, job: Job) -> None:
        try:
            argv = self._argv()
        except ValueError as error:  # a command that is none
            job.fail(str(error))
        else:
            job.start(argv)

    def _enter(self, job: Job) -> None:
        if job not in self.jobs:
            self.jobs.append(job)
