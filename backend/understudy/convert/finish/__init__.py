"""What the plate's camera does to a face, done to the new one: sharpness, grain, focus."""
