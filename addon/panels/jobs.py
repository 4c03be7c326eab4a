"""The rows of a panel's jobs: how far they are, what went wrong."""

from __future__ import annotations

from typing import Any

import bpy

from ..jobs.session import session
from ..jobs.task import Task
from .text import draw_text


def draw_jobs(context: bpy.types.Context, layout: bpy.types.UILayout, family: str) -> None:
    """Draw what is under way, and what ended otherwise than well, of one panel."""
    for task in session.tasks(context.scene, family):
        if not task.ended:
            _draw_running(layout, task)
        elif task.state == "failed" or (task.state == "stopped" and task.job) or (task.state == "done" and task.notes):
            _draw_ended(context, layout, task)


def _draw_running(layout: bpy.types.UILayout, task: Task) -> None:
    row = layout.row(align=True)
    what = task.line()
    text = f"{task.title}: {what}" if task.state == "waiting" or not task.progress else what
    if task.state == "waiting" and task.job is None:
        row.label(text=text)
    else:
        row.progress(factor=task.factor, type="BAR", text=text)
    if not task.stopping:
        _number(row.operator("understudy.stop_job", text="", icon="X"), task)
    elif task.job is not None:
        _number(row.operator("understudy.stop_job", text="Stop Now"), task)


def _draw_ended(context: bpy.types.Context, layout: bpy.types.UILayout, task: Task) -> None:
    box = layout.box()
    if task.state == "failed":
        draw_text(context, box, task.problem, icon="ERROR")
        if task.hint:
            draw_text(context, box, task.hint, icon="BLANK1")
    elif task.state == "stopped":
        draw_text(context, box, f"{task.title} was stopped. What was done is kept.", icon="INFO")
    for note in task.notes[-1:] if task.state == "done" else ():
        draw_text(context, box, note, icon="INFO")
    row = box.row()
    row.alignment = "RIGHT"
    if task.state == "failed":
        _number(row.operator("understudy.show_log"), task)
    _number(row.operator("understudy.forget_job"), task)


def _number(button: Any, task: Task) -> None:
    button.number = task.number
