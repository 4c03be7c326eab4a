"""A result in the compositor, built of ordinary nodes."""
