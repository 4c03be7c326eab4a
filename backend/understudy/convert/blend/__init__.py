"""How the new face's edge goes over into the plate: by gradients and by scales."""
