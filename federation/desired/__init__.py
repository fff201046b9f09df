"""How the hub signs what it wants, and how a node finds out whether to believe and to follow it."""

from federation.desired.checking import Refused, Trust, open_document, read_envelope
from federation.desired.signing import HubKey, sealed

__all__ = ["HubKey", "Refused", "Trust", "open_document", "read_envelope", "sealed"]
