"""The backend itself: is it there, what is it, and getting it."""

from __future__ import annotations

import textwrap
import time

import bpy

from .. import preferences
from ..jobs.session import session
from ..jobs.setup import INTERVAL, installation, planned
from ..link.messages import description, failure
from .base import can


class UNDERSTUDY_OT_test_backend(bpy.types.Operator):
    """Start the backend and have it name its device, memory and version"""

    bl_idname = "understudy.test_backend"
    bl_label = "Test"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context):
        """There must be a command."""
        return can(cls, preferences.backend_problem())

    def invoke(self, context, event):
        """Start it; Preferences show what it says."""
        installation.test()
        return {"FINISHED"}

    def execute(self, context):
        """Start it, and in background wait for what it says."""
        backend = installation.test()
        while bpy.app.background and backend.state == "starting":
            session.poll()
            time.sleep(0.02)
        if backend.state in ("lost", "refused"):
            self.report({"ERROR"}, failure(backend))
            return {"CANCELLED"}
        if backend.hello:
            self.report({"INFO"}, description(backend.hello))
        return {"FINISHED"}


class UNDERSTUDY_OT_set_up_backend(bpy.types.Operator):
    """Install the backend with pip into a virtual environment in the folder above"""

    bl_idname = "understudy.set_up_backend"
    bl_label = "Set Up Backend"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context):
        """There must be a folder, a connection, and nothing under way."""
        if installation.is_running:
            return can(cls, "The backend is being set up")
        try:
            planned()
        except ValueError as error:
            return can(cls, str(error))
        if not bpy.app.online_access:
            return can(cls, "Blender is offline: turn on Allow Online Access in Preferences > System > Network")
        return True

    def invoke(self, context, event):
        """Say first what is downloaded, and how much."""
        return context.window_manager.invoke_props_dialog(
            self, width=520, title="Set Up Backend", confirm_text="Download and Install"
        )

    def draw(self, context):
        """What is downloaded, how much, and where to."""
        setup = planned()
        column = self.layout.column()
        for line in (
            *textwrap.wrap(setup.plan.sentence, 80),
            f"Into {setup.folder}",
            f"From {setup.requirement}, with pip",
        ):
            column.label(text=line)
        column.label(text="Blender stays usable meanwhile, and nothing is installed into Blender itself")

    def execute(self, context):
        """Begin, and in background wait for the end."""
        setup = planned()
        installation.begin(setup)
        while bpy.app.background and installation.poll() is not None:
            time.sleep(INTERVAL)
        if setup.state == "failed":
            self.report({"ERROR"}, failure(setup))
            return {"CANCELLED"}
        if setup.state == "done":
            self.report({"INFO"}, f"The backend is installed in {setup.folder}")
        return {"FINISHED"}


class UNDERSTUDY_OT_cancel_set_up(bpy.types.Operator):
    """Cancel the installation; the backend cannot be used until it was set up whole"""

    bl_idname = "understudy.cancel_set_up"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context):
        """There must be something to cancel."""
        return can(cls, "" if installation.is_running else "Nothing is being installed")

    def execute(self, context):
        """End it."""
        installation.current.cancel()
        return {"FINISHED"}


class UNDERSTUDY_OT_show_set_up_log(bpy.types.Operator):
    """Show what the installation, or the backend when it was tested, said"""

    bl_idname = "understudy.show_set_up_log"
    bl_label = "Show Log"
    bl_options = {"REGISTER"}

    def invoke(self, context, event):
        """Show the last lines in a window."""
        return context.window_manager.invoke_popup(self, width=700)

    def execute(self, context):
        """Print them, where there is no window."""
        print("\n".join(installation.log()))
        return {"FINISHED"}

    def draw(self, context):
        """The last lines, and where the rest is."""
        column = self.layout.column(align=True)
        column.scale_y = 0.8
        for line in installation.log()[-20:] or ["Nothing was said"]:
            column.label(text=line[-140:])
        if (setup := installation.current) is not None:
            self.layout.label(text=f"The whole log is {setup.log}", icon="TEXT")


CLASSES = (
    UNDERSTUDY_OT_test_backend,
    UNDERSTUDY_OT_set_up_backend,
    UNDERSTUDY_OT_cancel_set_up,
    UNDERSTUDY_OT_show_set_up_log,
)
