"""What the quality check of a delivery looks at, and its page."""
