"""Frames in and out: sequences, picture files, movies, colour, and the layered EXR that a shot is delivered as.

Nothing is imported here, so that a caller pays only for the part it uses.
"""
