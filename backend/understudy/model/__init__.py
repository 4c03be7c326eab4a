"""Networks and losses: pure torch, no files but the model's own, no faces, no plates."""
