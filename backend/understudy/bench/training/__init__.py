"""How fast and how well models learn, measured."""
