"""Aligned faces on disk; every face describes itself."""
