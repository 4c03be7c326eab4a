"""The faces that a training learns from, and the batches made of them."""
