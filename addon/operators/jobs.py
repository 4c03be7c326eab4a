"""Jobs under way and jobs that failed: stop them, read what they said, forget them."""

from __future__ import annotations

import bpy
from bpy.props import IntProperty

from ..jobs.session import session
from ..link.messages import unusable

LOG = "Understudy Log"


class _OnTask:
    """An operator on one task, named by its number."""

    number: IntProperty(name="Number", description="Number of the task", options={"SKIP_SAVE"})

    def task(self):
        """The task, or None after saying that there is none."""
        found = session.find(self.number)
        if found is None:
            self.report({"ERROR"}, "This task is not there any more")
        return found


class UNDERSTUDY_OT_stop_job(_OnTask, bpy.types.Operator):
    """Stop at the next safe place, or pressed again at once. What is saved is kept"""

    bl_idname = "understudy.stop_job"
    bl_label = "Stop"
    bl_options = {"REGISTER"}

    def execute(self, context):
        """Ask it to stop."""
        if (task := self.task()) is None:
            return {"CANCELLED"}
        try:
            session.stop(task)
        except OSError as error:
            self.report({"ERROR"}, f"It could not be asked to stop: {unusable(task.title, error)}")
            return {"CANCELLED"}
        session.redraw()
        return {"FINISHED"}


class UNDERSTUDY_OT_forget_job(_OnTask, bpy.types.Operator):
    """Remove this message. The job's folder and its log stay on the disk"""

    bl_idname = "understudy.forget_job"
    bl_label = "Dismiss"
    bl_options = {"REGISTER"}

    def execute(self, context):
        """Forget the task."""
        if (task := self.task()) is None:
            return {"CANCELLED"}
        session.dismiss(task)
        session.redraw()
        return {"FINISHED"}


class UNDERSTUDY_OT_show_log(_OnTask, bpy.types.Operator):
    """Show what the backend said. The whole of it is put into a text of the file"""

    bl_idname = "understudy.show_log"
    bl_label = "Show Log"
    bl_options = {"REGISTER"}

    def invoke(self, context, event):
        """Show the last lines in a window."""
        if self.execute(context) == {"CANCELLED"}:
            return {"CANCELLED"}
        return context.window_manager.invoke_popup(self, width=700)

    def execute(self, context):
        """Put the log into a text."""
        if (task := self.task()) is None:
            return {"CANCELLED"}
        text = bpy.data.texts.get(LOG) or bpy.data.texts.new(LOG)
        text.clear()
        text.write("\n".join(session.log_of(task)) or "The backend said nothing.")
        return {"FINISHED"}

    def draw(self, context):
        """The end of the log."""
        column = self.layout.column(align=True)
        column.scale_y = 0.8
        for line in bpy.data.texts[LOG].lines[-20:]:
            column.label(text=line.body[-140:])
        self.layout.label(text=f"The whole log is the text “{LOG}”.", icon="TEXT")


CLASSES = (UNDERSTUDY_OT_stop_job, UNDERSTUDY_OT_forget_job, UNDERSTUDY_OT_show_log)
