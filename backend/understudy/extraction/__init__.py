"""From a plate's frames to tracks, and from tracks to crops: what extraction, conversion and measurement share."""
