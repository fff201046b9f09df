"""The hub on the other side of the border, as this box knows it."""

from dataclasses import dataclass, field

from federation.crypto import PublicKey, SigningKey


@dataclass(frozen=True, kw_only=True)
class Partner:
    """Who this box is to the hub, who the hub is, and the keys by which both know and read each other's files."""

    node_id: str
    hub_id: str
    hub_name: str
    hub_key: PublicKey
    key: SigningKey = field(repr=False)
