"""What belongs to the machine and not to a shot: where the backend is, and where models are kept."""

from __future__ import annotations

from pathlib import Path

import bpy

from .images import disk_cache
from .link import command
from .link.setup import Setup
from .scene.properties import absolute

ADDON = __package__.rpartition(".")[0]
"""What Blender calls the extension."""

NO_BACKEND = "There is no backend yet: set it up, or name its command, in Preferences > Add-ons > Understudy"


def preferences() -> bpy.types.AddonPreferences:
    """The preferences as they stand; ``panels.preferences`` declares and draws them."""
    return bpy.context.preferences.addons[ADDON].preferences


def backend_argv() -> list[str]:
    """The backend's command in words, empty when there is none; :func:`backend_problem` says why."""
    return _resolve()[0]


def backend_problem() -> str:
    """Why the backend cannot be started at all, in one sentence, or ``""``."""
    return _resolve()[1]


def models_folder() -> Path | None:
    """The folder for new models, None when they belong with the shot."""
    chosen = preferences().models
    return Path(absolute(chosen)) if chosen else None


def environment_folder() -> Path | None:
    """The folder for the backend's environment, None when there is none."""
    chosen = preferences().environment
    return Path(absolute(chosen)) if chosen else None


def _resolve() -> tuple[list[str], str]:
    """The command that the artist named, else the environment's when it is whole, else nothing and the reason."""
    if named := preferences().command.strip():
        try:
            return command.split(named), ""
        except ValueError as error:
            return [], str(error)
    folder = environment_folder()
    if folder is not None and disk_cache.told(Setup.installed, folder):
        return [str(Setup.command(folder))], ""
    return [], NO_BACKEND
