"""The new face laid into the plate: predicted, placed, composited, described as layers."""
