"""What is written of a frame: the composite and all that it was made of, as named EXR layers."""
