"""What a scene holds of its shot, what of it moves, where its files lie, and what is asked of the backend for it."""
