"""Understudy: face replacement on film pixels, for VFX artists."""

__version__ = "0.1.0"
