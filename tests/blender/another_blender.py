"""A Blender of its own for :mod:`test_death`: ``python another_blender.py begin|end FILE COMMAND``.

``begin`` opens the file, starts a training and a preview beside the UI, saves, prints both process numbers and works on
until it is killed. ``end`` opens the file, follows the training, stops it, and prints what became of it.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from conftest import MODULE, RESOURCES, install  # first of all: it says where this Blender keeps what is its own

# isort: split
import addon_utils
import bpy


def main(what: str, file: str, command: str) -> None:
    install(RESOURCES / "extensions" / "user_default")
    addon = addon_utils.enable(MODULE, default_set=True).addon
    addon.preferences.preferences().command = command
    addon.jobs.session.session.waits = lambda: False
    bpy.ops.wm.open_mainfile(filepath=file)
    {"begin": begin, "end": end}[what](addon.jobs.session.session, bpy.context.scene)


def begin(session: Any, scene: Any) -> None:
    scene.understudy.training.iterations = 100000
    bpy.ops.understudy.train()
    [training] = session.tasks(scene, "model", "train")
    bpy.ops.wm.save_mainfile()
    poll_until(session, lambda: training.notes)
    bpy.ops.understudy.preview_frame()
    poll_until(session, lambda: session.backend().state == "ready")
    beat = json.loads((training.job.folder / "alive").read_text())
    tell(serve=session.backend().hello["pid"], training=beat["pid"], folder=str(training.job.folder))
    poll_until(session, lambda: False)


def end(session: Any, scene: Any) -> None:
    poll_until(session, lambda: session.tasks(scene, "model", "train"))
    [training] = session.tasks(scene, "model", "train")
    found = training.title, training.job.state, str(training.job.folder)
    bpy.ops.understudy.stop_job(number=training.number)
    said = training.line()
    poll_until(session, lambda: training.ended)
    tell(found=found, said=said, state=training.state, jobs=len(scene.understudy.jobs))


def poll_until(session: Any, done: Any) -> None:
    while not done():
        session.poll()
        time.sleep(0.02)


def tell(**what: Any) -> None:
    print("told " + json.dumps(what), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
