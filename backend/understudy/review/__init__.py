"""Figures that judge a result: how near two pictures are, and how steady a sequence is."""
