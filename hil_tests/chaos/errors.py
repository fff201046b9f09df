"""Errors of a chaos run."""


class ChaosError(Exception):
    """The run cannot be made, or did not come to an end; the text says why."""
