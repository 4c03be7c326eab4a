"""What the backend was asked for and how far it is: tasks, the session that holds them, setting the backend up."""
