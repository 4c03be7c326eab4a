"""What a training leaves behind: state, backups, figures, pictures."""
