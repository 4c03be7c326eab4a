"""What belongs to the machine and not to a shot: where the backend is, and where models are kept."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty
from bpy.types import AddonPreferences

from .. import __package__ as base_package
from . import disk
from .link import command
from .link.setup import Setup
from .properties import absolute

NO_BACKEND = "There is no backend yet: set it up, or name its command, in Preferences > Add-ons > Understudy"


class UNDERSTUDY_AP_preferences(AddonPreferences):
    """Settings of this machine"""

    bl_idname = base_package

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
        from .panels import setup  # which asks the session, which asks this module

        setup.draw(self.layout, self)


def preferences() -> UNDERSTUDY_AP_preferences:
    """The preferences as they stand."""
    return bpy.context.preferences.addons[base_package].preferences


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
    if folder is not None and disk.told(Setup.installed, folder):
        return [str(Setup.command(folder))], ""
    return [], NO_BACKEND


def register() -> None:
    """Show the preferences."""
    bpy.utils.register_class(UNDERSTUDY_AP_preferences)


def unregister() -> None:
    """Take them off; Blender keeps what was set."""
    bpy.utils.unregister_class(UNDERSTUDY_AP_preferences)
