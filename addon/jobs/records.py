"""The jobs that a scene records, so that the .blend finds them again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import bpy

from ..link.job import Job
from ..link.recall import Recall
from .task import Task


class Found(NamedTuple):
    """A recorded job that is there, and which panel of which scene shows it under what title."""

    scene: bpy.types.Scene
    family: str
    title: str
    job: Job


class Records:
    """What the scenes of the open file record. ``due`` says that it has not become tasks again yet."""

    def __init__(self) -> None:
        self.due = False
        self._recall: Recall | None = None

    def expect(self) -> None:
        """Another file was opened."""
        self._recall, self.due = None, True

    def forget(self) -> None:
        """Look no longer."""
        self._recall = None

    def write(self, scene: bpy.types.Scene, tasks: Iterable[Task]) -> None:
        """Record the jobs of the scene's ``tasks``, beside what is still to be found."""
        records = scene.understudy.jobs
        if not self.due:
            records.clear()
        there = {entry.folder for entry in records}
        for task in tasks:
            if task.job is not None and task.state != "done" and str(task.job.folder) not in there:
                entry = records.add()
                entry.name, entry.stage, entry.folder = f"{task.family}/{task.title}", task.stage, str(task.job.folder)

    def holds(self, scene: bpy.types.Scene, family: str, stage: str) -> bool:
        """Whether a job of that panel and stage is still to be found."""
        return self.due and any(_is_of(entry, family, stage) for entry in scene.understudy.jobs)

    def find(self, *, wait: bool = False) -> list[Found] | None:
        """The jobs of the file's records, once a thread has read how far they are; None while it reads.

        A job that never began is left out: whoever wants it still asks again.
        """
        records = [
            (scene, *entry.name.partition("/")[::2], Path(bpy.path.abspath(entry.folder)))
            for scene in bpy.data.scenes
            for entry in scene.understudy.jobs
        ]
        if self._recall is None:
            self._recall = Recall([folder for *_, folder in records])
        if wait or not records:
            self._recall.wait()
        if not self._recall.over:
            return None
        jobs, self._recall, self.due = self._recall.jobs, None, False
        return [
            Found(scene, family, title, job)
            for scene, family, title, folder in records
            if (job := jobs.get(folder)) and job.state != "waiting"
        ]


def _is_of(entry: bpy.types.PropertyGroup, family: str, stage: str) -> bool:
    """Whether a recorded job belongs to that panel and stage."""
    return family in ("", entry.name.partition("/")[0]) and stage in ("", entry.stage)
