"""The new face from the performer's own footage, without any training."""
