"""Where the new face shows: what was predicted and drawn combined, and the edge that is made of it."""
