"""Artifacts on this box: those on the disk, those on their way, and where their chunks come from."""
