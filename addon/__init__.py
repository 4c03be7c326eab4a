"""The Blender extension: its parts are registered in this order, and taken off in the reverse one."""

from . import operators, panels, viewport
from .jobs import session, setup
from .panels import preferences as preferences_page
from .scene import properties

_PARTS = (preferences_page, properties, session, setup, operators, panels, viewport)


def register() -> None:
    """Put every part into Blender."""
    for part in _PARTS:
        part.register()


def unregister() -> None:
    """Take every part out of Blender again."""
    for part in reversed(_PARTS):
        part.unregister()
