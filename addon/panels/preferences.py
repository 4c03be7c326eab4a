"""What Preferences show: the backend's command and how it answers, setting it up, folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from bpy.props import StringProperty

from .. import preferences
from ..images import disk_cache
from ..jobs.setup import installation, version
from ..link.messages import description, failure
from ..link.setup import Setup
from ..preferences import ADDON
from .text import draw_text

if TYPE_CHECKING:
    from bpy.types import AddonPreferences, UILayout


class UNDERSTUDY_AP_preferences(bpy.types.AddonPreferences):
    """Settings of this machine"""

    bl_idname = ADDON

    command: StringProperty(
        name="Backend",
        description=(
            "Command that starts the backend, such as understudy, its full path, or ssh gpu01 understudy where both "
            "machines see the same files. Empty for the one set up below"
        ),
    )
    environment: StringProperty(
        name="Folder",
        description="Folder that the backend is installed in; it takes several gigabytes",
        subtype="DIR_PATH",
        default=str(Path.home() / "understudy-backend"),
    )
    python: StringProperty(
        name="Python",
        description="Python 3.11 or 3.12 that the backend is installed with. Empty to look for one",
        subtype="FILE_PATH",
    )
    package: StringProperty(
        name="Package",
        description="What pip installs: a release, a wheel or a folder. Empty for the release that fits this add-on",
        subtype="FILE_PATH",
    )
    pip_options: StringProperty(
        name="Options",
        description="More options for pip, such as --extra-index-url with the address of PyTorch's CUDA packages",
    )
    models: StringProperty(
        name="Models",
        description="Folder that new models are put in. Empty to keep them with the shot",
        subtype="DIR_PATH",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """The command and its answer, setting up, folders."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column()
        row = column.row()
        row.prop(self, "command")
        button = row.row()
        button.ui_units_x = 5
        button.operator("understudy.test_backend")
        _draw_answer(column, self)
        column.separator()
        _draw_setting_up(column, self)
        column.separator()
        column.prop(self, "models")


def _draw_answer(layout: UILayout, own: AddonPreferences) -> None:
    """How the backend answered, or why it cannot be asked."""
    backend = installation.tested
    if problem := preferences.backend_problem():
        here = "There is no backend yet: set it up below, or name its command"
        draw_text(bpy.context, layout, problem if own.command else here, icon="INFO")
    elif backend is None:
        return
    elif backend.state == "starting":
        layout.label(text="Starting…", icon="SORTTIME")
    elif backend.state == "ready" and backend.hello:
        layout.label(text=description(backend.hello), icon="CHECKMARK")
    elif backend.problem:
        draw_text(bpy.context, layout, failure(backend), icon="ERROR")
        _draw_log(layout)


def _draw_setting_up(layout: UILayout, own: AddonPreferences) -> None:
    """Where and how the backend is installed, how far that is, and how it ended."""
    header, body = layout.panel("understudy_set_up", default_closed=bool(own.command))
    header.label(text="Set Up")
    if body is None:
        return
    running = installation.is_running
    fields = body.column()
    fields.enabled = not running
    for name in ("environment", "python", "package", "pip_options"):
        fields.prop(own, name)
    setup = installation.current
    row = body.row()
    if setup is not None and running:
        row.progress(factor=setup.fraction or 0.0, type="BAR", text=setup.text)
        row.operator("understudy.cancel_set_up", text="", icon="X")
        return
    row.operator("understudy.set_up_backend", text="Set Up Backend…")
    if setup is not None and setup.problem:
        draw_text(bpy.context, body, failure(setup), icon="ERROR")
        _draw_log(body)
    elif (folder := preferences.environment_folder()) and (there := disk_cache.told(Setup.installed, folder)):
        body.label(text=f"Version {there} is installed", icon="CHECKMARK")
        if there != version():
            draw_text(bpy.context, body, f"This add-on fits version {version()}: set it up again", "INFO")


def _draw_log(layout: UILayout) -> None:
    if not installation.log():
        return
    row = layout.row()
    row.alignment = "RIGHT"
    row.operator("understudy.show_set_up_log")


register, unregister = bpy.utils.register_classes_factory((UNDERSTUDY_AP_preferences,))
