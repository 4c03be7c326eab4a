"""Extension entry point; the add-on itself is in addon/."""

from .addon import register, unregister  # noqa: F401
