"""The new face's colours and light, matched to the plate's."""
