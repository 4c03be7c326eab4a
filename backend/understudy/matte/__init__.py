"""Where the new face goes, and what stands before it."""
