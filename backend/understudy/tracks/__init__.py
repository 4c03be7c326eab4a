"""Faces over time: who is who through a shot, where each head is on every frame, and what the artist says of it."""
