"""Boxes on the same network and of the same hub, as sources of chunks: one transfer from each at a time."""

import asyncio
import hashlib
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp

from appliance.artifacts.sources import Source
from appliance.errors import SourceAway, SourceFailed, SourceLies, SourceRefuses
from federation.discovery import Service
from federation.discovery.service import LONGEST_NAME_BYTES
from federation.identity.member import Member
from federation.identity.trust import PinnedContext, client_context, node_server_name, show

log = logging.getLogger(__name__)

KIND = "_fsart._tcp"
PATH = "/neighbours/v1/artifacts"
REQUIRED = ("hub", "node")
IDLE_S = 10.0
CHUNK_S = 20.0
ASK_AGAIN_S = 3.0
LEFT_ALONE_S = {SourceRefuses.code: 15.0, SourceAway.code: 60.0, SourceLies.code: 600.0}


Failures = Counter[tuple[str, str]]
"""How often a node, by its id, failed us in a way, by its code."""


class Neighbourly(Protocol):
    """The neighbours as a transfer sees them."""

    @property
    def names(self) -> frozenset[str]:
        """The node ids of those who are there."""

    def leased(self) -> AbstractAsyncContextManager[Source | None]:
        """Give a neighbour to oneself, or None; what it does to us in the context decides when it is asked again."""


class Nobody:
    """A box without neighbours."""

    names: frozenset[str] = frozenset()

    @asynccontextmanager
    async def leased(self) -> AsyncIterator[Source | None]:
        """Give None."""
        yield None


class Neighbours:
    """Those whom `heard` tells of; what they do to us is counted in `failures`."""

    def __init__(
        self,
        member: Member,
        heard: Callable[[], Sequence[Service]],
        failures: Failures,
        *,
        idle_s: float = IDLE_S,
        chunk_s: float = CHUNK_S,
    ) -> None:
        """Speak as `member`. `idle_s` and `chunk_s` bound how slow a neighbour may be."""
        self.failures = failures
        self._member = member
        self._heard = heard
        self._idle_s = idle_s
        self._chunk_s = chunk_s
        self._leased: set[str] = set()
        self._not_before_s: dict[str, float] = {}
        self._chance = random.SystemRandom()

    @property
    def names(self) -> frozenset[str]:
        """The node ids of those who say that they belong to our hub."""
        return frozenset(self._known())

    @asynccontextmanager
    async def leased(self) -> AsyncIterator[Source | None]:
        """Give one that is free, or None. Who failed us is left alone for a while, who lied for ten minutes."""
        service = self._pick()
        if service is None:
            yield None
            return
        name, pause_s = service.properties["node"], ASK_AGAIN_S
        self._leased.add(name)
        try:
            tls = await asyncio.to_thread(_tls, self._member, name)
            async with aiohttp.ClientSession(
                auto_decompress=False, connector=aiohttp.TCPConnector(ssl=tls, limit=1)
            ) as session:
                yield Source(
                    name=name, url=self._url(service), session=session, idle_s=self._idle_s, chunk_s=self._chunk_s
                )
        except SourceFailed as error:
            pause_s = LEFT_ALONE_S[error.code]
            self.failures[name, error.code] += 1
            log.info("neighbour %s is not asked for %.0f s: %s", name, pause_s, error)
            raise
        finally:
            self._leased.discard(name)
            self._not_before_s[name] = time.monotonic() + pause_s

    def _known(self) -> dict[str, Service]:
        hub, own = hub_mark(self._member), self._member.identity.node_id
        return {
            service.properties["node"]: service
            for service in self._heard()
            if service.properties["hub"] == hub and service.properties["node"] != own
        }

    def _pick(self) -> Service | None:
        known, now_s = self._known(), time.monotonic()
        self._not_before_s = {name: at_s for name, at_s in self._not_before_s.items() if at_s > now_s}
        free = sorted(known.keys() - self._leased - self._not_before_s.keys())
        return known[self._chance.choice(free)] if free else None

    def _url(self, service: Service) -> str:
        address = self._chance.choice(service.addresses)
        host = f"[{address}]" if ":" in address else address
        return f"https://{host}:{service.port}{PATH}"


def service_of(member: Member, port: int) -> Service:
    """Return how the network is told that this box passes artifacts on."""
    node_id = member.identity.node_id
    properties = {"hub": hub_mark(member), "node": node_id}
    return Service(kind=KIND, name=node_id[:LONGEST_NAME_BYTES], port=port, properties=properties)


def hub_mark(member: Member) -> str:
    """Return by what boxes of one hub recognise each other, without telling strangers which hub it is."""
    return hashlib.sha256(member.identity.ca.encode()).hexdigest()[:16]


def _tls(member: Member, name: str) -> PinnedContext:
    context = client_context(ca=member.identity.ca, peer_name=node_server_name(name))
    show(context, chain=member.identity.certificate, key_file=member.key.path)
    return context
