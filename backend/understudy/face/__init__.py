"""Faces in a frame: found, aligned, followed."""
