"""What Preferences follow: the backend being tested, and being installed. A timer of its own looks at both."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import bpy

from .. import preferences
from ..link.backend import Backend
from ..link.setup import PACKAGE, Setup
from .session import session

INTERVAL = 0.2
"""Seconds between two looks."""

_ROOT = Path(__file__).parents[2]


class Installation:
    """The newest installation and the newest test of the backend. There is one, :data:`installation`."""

    def __init__(self) -> None:
        self.current: Setup | None = None
        """The newest installation of this session, whatever became of it."""
        self._tested: Backend | None = None
        self._shown = ""  # the tested backend's state when Preferences were drawn last
        self.timer = self.poll
        """What Blender's timer calls: one and the same object, for it knows functions by their address."""

    def test(self) -> Backend:
        """Start the backend that the preferences name, unless it runs, and follow it."""
        self._tested = session.backend()
        self._tested.start()
        self._shown = ""
        session.wake()
        self._wake()
        return self._tested

    @property
    def tested(self) -> Backend | None:
        """The backend that was tested last, if the preferences still name it."""
        return self._tested if self._tested is not None and self._tested.argv == preferences.backend_argv() else None

    @property
    def is_running(self) -> bool:
        """Whether the backend is being installed now."""
        return self.current is not None and self.current.state == "running"

    def begin(self, setup: Setup) -> None:
        """Start ``setup`` and follow it."""
        self.current = setup
        setup.start()
        self._wake()

    def poll(self) -> float | None:
        """Take in what is new; seconds until the next call, None when nothing is under way."""
        changed = bool(self.current is not None and self.current.drain())
        if self._tested is not None and self._tested.state != self._shown:
            self._shown, changed = self._tested.state, True
        if changed:
            session.redraw()
        return INTERVAL if self.is_running or self._shown == "starting" else None

    def log(self) -> list[str]:
        """What the newest installation said, else the backend that was tested."""
        if self.current is not None:
            return self.current.log_tail(200)
        return self._tested.log_tail() if self._tested is not None else []

    def begin_anew(self) -> None:
        """Nothing is tested and nothing installed."""
        self.current = self._tested = None

    def close(self) -> None:
        """Cancel what runs; what is there stays marked as incomplete."""
        if bpy.app.timers.is_registered(self.timer):
            bpy.app.timers.unregister(self.timer)
        if self.current is not None and self.is_running:
            self.current.cancel()

    def _wake(self) -> None:
        if not bpy.app.timers.is_registered(self.timer):
            bpy.app.timers.register(self.timer, first_interval=INTERVAL, persistent=True)


installation = Installation()
"""The one of this Blender."""


def planned() -> Setup:
    """The installation that the preferences ask for, not begun. Raises ValueError when they ask for nothing sensible."""
    own = preferences.preferences()
    folder = preferences.environment_folder()
    if folder is None:
        raise ValueError("Choose a folder for the backend first")
    try:
        options = shlex.split(own.pip_options)
    except ValueError:
        raise ValueError("The options for pip have a quotation mark too few") from None
    return Setup(folder, own.package or _fitting(), python=own.python, options=options)


def version() -> str:
    """This add-on's version, which is also that of the backend that fits it."""
    return str(tomllib.loads((_ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"])


def _fitting() -> str:
    """What pip installs unless told otherwise: the checkout around a linked add-on, else the release of its version."""
    return str(_ROOT.resolve()) if (_ROOT / "pyproject.toml").is_file() else f"{PACKAGE}=={version()}"


register, unregister = installation.begin_anew, installation.close
