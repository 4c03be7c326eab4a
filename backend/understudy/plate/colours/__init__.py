"""The plate's colour spaces: OCIO, and what files tell of theirs."""
