"""Movies as plates and as pictures of a run: read, written, and what their files tell of colour and time."""
