"""Talking to the backend: processes, pipes and job folders. No Blender, and nothing beyond the standard library."""
