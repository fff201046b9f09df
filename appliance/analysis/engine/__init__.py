"""The engine: every model once, in a process of its own, for all cameras and tasks that need it."""
