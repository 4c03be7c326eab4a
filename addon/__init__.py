"""The Blender extension: its parts are registered in this order, and taken off in the reverse one."""

from . import installation, operators, panels, preferences, properties, session, viewport

_PARTS = (preferences, properties, session, installation, operators, panels, viewport)


def register() -> None:
    """Put every part into Blender."""
    for part in _PARTS:
        part.register()


def unregister() -> None:
    """Take every part out of Blender again."""
    for part in reversed(_PARTS):
        part.unregister()
