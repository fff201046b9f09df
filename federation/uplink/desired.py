"""Takes what the hub wants: the newest envelope of every shard is checked, fetched if need be, and followed."""

import asyncio
import logging
from collections import Counter
from typing import Protocol

from federation.desired import Refused, Trust, open_document, read_envelope
from federation.desired.checking import Refusal
from federation.messages import Applied, DesiredDocument, Envelope, Shard

log = logging.getLogger(__name__)

AT_ONCE_BYTES = 64 << 10  # what is larger is read off the event loop
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Follower(Protocol):
    """Who follows the hub's documents."""

    def applied(self) -> Applied:
        """Return which documents are followed now."""

    async def follow(self, document: DesiredDocument) -> None:
        """Store the document durably, and do what it says."""

    async def trust(self, trust: Trust) -> None:
        """Store durably that the hub signs by another key from now on."""

    async def fetch(self, envelope: Envelope) -> bytes | None:
        """Return the text that the envelope names, None if it cannot be had now."""


class DesiredReader:
    """One node's ear for its hub. `refused` counts what was not followed, by the reason why."""

    def __init__(self, follower: Follower, trust: Trust, refused: Counter[str]) -> None:
        """Believe whom `trust` names."""
        self.refused = refused
        self._follower = follower
        self._trust = trust
        self._by_name = {shard.value: shard for shard in Shard}
        self._newest: dict[Shard, bytes] = {}
        self._came = {shard: asyncio.Event() for shard in Shard}

    def take(self, shard: str, payload: bytes) -> None:
        """Note what has come; an older envelope of the shard that still waits is replaced."""
        if shard not in self._by_name:
            self._refuse(Refused(Refusal.MALFORMED, f"there is no shard {shard[:20]!r}"))
            return
        self._newest[self._by_name[shard]] = payload
        self._came[self._by_name[shard]].set()

    async def run(self) -> None:
        """Follow until cancelled; a shard that is hard to fetch does not hold the other up."""
        async with asyncio.TaskGroup() as group:
            for shard in Shard:
                group.create_task(self._follow_shard(shard), name=f"desired {shard}")

    async def _follow_shard(self, shard: Shard) -> None:
        while True:
            await self._came[shard].wait()
            self._came[shard].clear()
            try:
                await self._consider(shard, self._newest.pop(shard))
            except Refused as refused:
                self._refuse(refused)

    async def _consider(self, shard: Shard, payload: bytes) -> None:
        envelope = read_envelope(payload, shard)
        trust = self._trust.following(envelope)
        if trust != self._trust:
            await self._follower.trust(trust)
            self._trust = trust
            log.warning("the hub signs by another key from now on: %s", trust.key.fingerprint)
        content = envelope.text.encode() if envelope.text is not None else await self._fetched(envelope)
        if content is None:
            return  # a newer one has come
        document = await self._opened(envelope, content, trust)
        if document is not None:
            await self._follower.follow(document)

    async def _opened(self, envelope: Envelope, content: bytes, trust: Trust) -> DesiredDocument | None:
        applied = self._follower.applied()
        if len(content) <= AT_ONCE_BYTES:
            return open_document(envelope, content, trust, applied)
        return await asyncio.to_thread(open_document, envelope, content, trust, applied)

    async def _fetched(self, envelope: Envelope) -> bytes | None:
        """Return the text from the hub; None once there is a newer envelope of the shard."""
        pause_s = FIRST_PAUSE_S
        while True:
            content = await self._follower.fetch(envelope)
            if content is not None:
                return content
            self._refuse(Refused(Refusal.UNFETCHED, f"{envelope.digest} cannot be had now"))
            try:
                async with asyncio.timeout(pause_s):
                    await self._came[envelope.shard].wait()
            except TimeoutError:
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            else:
                return None

    def _refuse(self, refused: Refused) -> None:
        self.refused[refused.reason.value] += 1
        count = self.refused[refused.reason.value]
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a flood does not fill the log
            log.warning("a document of the hub is not followed (%d times so far): %s", count, refused)
