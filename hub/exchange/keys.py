"""The hub's own name and key in file exchange."""

from dataclasses import dataclass, field

from federation.crypto import SigningKey


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Who this hub is in file exchange, and the key by which its files are known and the others' are read."""

    hub_id: str
    hub_name: str
    key: SigningKey = field(repr=False)
