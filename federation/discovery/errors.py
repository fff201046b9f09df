"""Errors of discovery.

DiscoveryError
├── BadService
└── NoMulticast
"""


class DiscoveryError(Exception):
    """Something about the services on the local network."""


class BadService(DiscoveryError):
    """A service is not what RFC 6763 or its kind asks for."""


class NoMulticast(DiscoveryError):
    """Port 5353 cannot be shared with the programs of this machine that use it; the text says why."""
