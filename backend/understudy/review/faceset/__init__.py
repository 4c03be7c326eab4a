"""What a set of faces shows, lacks and leaves in doubt, and its page."""
