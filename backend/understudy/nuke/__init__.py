"""What is written for Nuke: a composite rebuilt from layers, and tracks as nodes."""
