"""What Preferences follow: the backend being tested, and being installed. A timer of its own looks at both."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

import bpy

from . import preferences, session
from .link.child import Backend
from .link.setup import PACKAGE, Setup

INTERVAL = 0.2
"""Seconds between two looks."""

_ROOT = Path(__file__).parents[1]
_current: Setup | None = None
_tested: Backend | None = None
_shown = ""  # the tested backend's state when Preferences were drawn last


def test() -> Backend:
    """Start the backend that the preferences name, unless it runs, and follow it."""
    global _tested, _shown  # noqa: PLW0603 - the one place that owns them
    _tested = session.backend()
    _tested.start()
    _shown = ""
    session.wake()
    _wake()
    return _tested


def tested() -> Backend | None:
    """The backend that was tested last, if the preferences still name it."""
    return _tested if _tested is not None and _tested.argv == preferences.backend_argv() else None


def current() -> Setup | None:
    """The newest installation of this session, whatever became of it."""
    return _current


def is_running() -> bool:
    """Whether the backend is being installed now."""
    return _current is not None and _current.state == "running"


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


def begin(setup: Setup) -> None:
    """Start ``setup`` and follow it."""
    global _current  # noqa: PLW0603 - the one place that owns it
    _current = setup
    setup.start()
    _wake()


def poll() -> float | None:
    """Take in what is new; seconds until the next call, None when nothing is under way. The timer calls it, and tests."""
    global _shown
    changed = bool(_current is not None and _current.drain())
    if _tested is not None and _tested.state != _shown:
        _shown, changed = _tested.state, True
    if changed:
        session.redraw()
    return INTERVAL if is_running() or _shown == "starting" else None


def log() -> list[str]:
    """What the newest installation said, else the backend that was tested."""
    if _current is not None:
        return _current.log_tail(200)
    return _tested.log_tail() if _tested is not None else []


def version() -> str:
    """This add-on's version, which is also that of the backend that fits it."""
    return str(tomllib.loads((_ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"])


def _wake() -> None:
    if not bpy.app.timers.is_registered(poll):
        bpy.app.timers.register(poll, first_interval=INTERVAL, persistent=True)


def _fitting() -> str:
    """What pip installs unless told otherwise: the checkout around a linked add-on, else the release of its version."""
    return str(_ROOT.resolve()) if (_ROOT / "pyproject.toml").is_file() else f"{PACKAGE}=={version()}"


def register() -> None:
    """Begin with nothing tested and nothing installed."""
    global _current, _tested  # noqa: PLW0603 - the one place that owns them
    _current = _tested = None


def unregister() -> None:
    """Cancel what runs; what is there stays marked as incomplete."""
    if bpy.app.timers.is_registered(poll):
        bpy.app.timers.unregister(poll)
    if _current is not None and is_running():
        _current.cancel()
