"""The loop of a training: steps, schedule, precision, and what is done when it falls apart."""
