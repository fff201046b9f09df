"""How a node joins: names, single-use tokens and the pace at which anybody may try."""

import hashlib
import re
import secrets
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field

from federation.messages import BrokerEndpoint
from hub.fleet.broker_files import SUBSCRIBER_PREFIX

TOKEN_PREFIX = "fse_"  # noqa: S105 - what tokens begin with, so that scanners and people know them
PEERS = 4096


def new_token(prefix: str) -> str:
    """Return a random token of 256 bits."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return the digest under which a token is stored, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def node_id_for(name: str, taken: Container[str]) -> str:
    """Return a slug made from `name` that is not taken; names in other scripts give `node`."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].strip("-") or "node"
    if plain.startswith(SUBSCRIBER_PREFIX):
        plain = f"node-{plain}"[:48].strip("-")
    number = 1
    candidate = plain
    while candidate in taken:
        number += 1
        candidate = f"{plain}-{number}"
    return candidate


def spread(brokers: Sequence[BrokerEndpoint], node_id: str) -> tuple[BrokerEndpoint, ...]:
    """Return all endpoints in an order of the node's own, so that nodes do not all begin at the first."""
    first = zlib.crc32(node_id.encode()) % len(brokers)
    return (*brokers[first:], *brokers[:first])


@dataclass(kw_only=True)
class Throttle:
    """A bucket of tries per network address: `burst` at once, then `per_minute`; `PEERS` addresses are remembered."""

    per_minute: float
    burst: float = 10.0
    clock_s: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict, init=False)

    def admit(self, peer: str) -> float:
        """Take one try; return 0, or for how many seconds `peer` has to wait."""
        now_s = self.clock_s()
        left, since_s = self._buckets.pop(peer, (self.burst, now_s))
        left = min(self.burst, left + (now_s - since_s) * self.per_minute / 60.0)
        admitted = left >= 1.0
        self._buckets[peer] = (left - 1.0 if admitted else left, now_s)
        while len(self._buckets) > PEERS:
            self._buckets.popitem(last=False)
        return 0.0 if admitted else (1.0 - left) * 60.0 / self.per_minute
