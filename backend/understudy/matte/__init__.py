"""Where the new face goes."""
