"""Pictures and sequences: their files, the Image Editor, icons, and what the disk says."""
