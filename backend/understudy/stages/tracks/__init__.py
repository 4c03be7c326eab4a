"""Stages that exchange tracks with other programs."""
