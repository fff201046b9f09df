"""Errors of the network of a run."""


class NetworkError(Exception):
    """A part of the network cannot be made or changed; the text says why."""
