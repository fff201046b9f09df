"""Errors of the bus.

BusError
├── NotConnected
└── Congested
"""


class BusError(Exception):
    """Something about the broker's link."""


class NotConnected(BusError):
    """There is no connection to the broker; wait for `Connected`."""


class Congested(BusError):
    """The broker takes messages more slowly than they are published; try again later."""
