"""Geometry and pixels that know nothing of faces: affine maps, resampling, rasters, rectangles, half floats."""
