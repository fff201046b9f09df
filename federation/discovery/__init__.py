"""Finding boxes on the local network by multicast DNS (RFC 6762, RFC 6763); zeroconf is wrapped here only."""

from federation.discovery.errors import BadService, DiscoveryError, NoMulticast
from federation.discovery.mdns import Advertisement, Browsing, Mdns, open_mdns
from federation.discovery.service import Service

__all__ = [
    "Advertisement",
    "BadService",
    "Browsing",
    "DiscoveryError",
    "Mdns",
    "NoMulticast",
    "Service",
    "open_mdns",
]
