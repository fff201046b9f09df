"""What the hub wants of each node: versioned, signed, published retained, and told again until the node follows."""

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import update

from federation import topics
from federation.bus import Congested, NotConnected
from federation.desired import HubKey, sealed
from federation.messages import (
    Applied,
    AppliedVersion,
    CameraSpec,
    Envelope,
    LinkPolicy,
    PackageRef,
    Shard,
    Signed,
    TaskSpec,
)
from hub.database import Database
from hub.fleet.desired_store import (
    Document,
    captures_content,
    policy_content,
    read_documents,
    store_document,
    work_content,
)
from hub.fleet.link import Link
from hub.fleet.tables import hub_identity

log = logging.getLogger(__name__)

MOST_EPOCHS = 10_000  # how far ahead of this hub's epoch a node's word counts
SHORTEST_EPOCH_S = 10.0
TELL_AGAIN_S = 5.0

Place = tuple[str, Shard]


class DesiredPublisher:
    """Keeps what is wanted of every node, by shard; a version grows only when the content changes."""

    def __init__(self, database: Database, link: Link) -> None:
        """Publish over `link`; everything again after each connection, for the broker has no memory."""
        self._database = database
        self._link = link
        self._epoch = 1
        self._key = HubKey.generate()
        self._documents: dict[Place, Document] = {}
        self._signed: dict[Place, tuple[Document, int, Signed]] = {}
        self._told_at_s: dict[Place, float] = {}
        self._next_epoch_at_s = 0.0
        link.when_connected(self.republish)

    async def load(self, epoch: int, key: HubKey) -> None:
        """Read what was wanted before this start; `epoch` is the hub's, `key` signs from now on."""
        self._epoch, self._key = epoch, key
        found = await self._database.run(read_documents)
        self._documents = {(document.node_id, document.shard): document for document in found}

    @property
    def public_key(self) -> str:
        """The PEM by which nodes know what this hub signs."""
        return self._key.key.public.to_pem()

    async def signed(self, text: str) -> Signed:
        """Return a text of the hub's with its signature."""
        return await asyncio.to_thread(self._key.sign, text)

    async def set_work(
        self,
        node_id: str,
        *,
        cameras: tuple[CameraSpec, ...],
        packages: tuple[PackageRef, ...],
        tasks: tuple[TaskSpec, ...],
        used: Mapping[str, float] | None = None,
    ) -> int:
        """Want this work of the node and return the version; raise UnknownNode once the node is removed.

        `used` is what the tasks take of each capability, e.g. {"pull": 3, "analyse": 4.5}.
        """
        return await self._set(node_id, Shard.WORK, work_content(cameras, packages, tasks), used or {})

    async def set_policy(self, node_id: str, policy: LinkPolicy) -> int:
        """Want the node to use its link so, and return the version; raise UnknownNode once the node is removed."""
        return await self._set(node_id, Shard.POLICY, policy_content(policy), {})

    async def set_captures(self, node_id: str, plans: Iterable[Mapping[str, Any]]) -> int | None:
        """Want these snapshot plans of the node and return the version; raise UnknownNode once the node is removed.

        A node that never had any is told nothing of none.
        """
        content = captures_content(plans)
        if (node_id, Shard.CAPTURES) not in self._documents and content == captures_content(()):
            return None
        return await self._set(node_id, Shard.CAPTURES, content, {})

    def wanted(self, node_id: str) -> dict[Shard, tuple[int, int]]:
        """Return the order of what is wanted of the node, by shard."""
        found = {shard: self._documents.get((node_id, shard)) for shard in Shard}
        return {shard: (self._epoch, document.version) for shard, document in found.items() if document is not None}

    def used(self, node_id: str) -> Mapping[str, float]:
        """Return what the node's tasks take of each capability."""
        document = self._documents.get((node_id, Shard.WORK))
        return document.used if document is not None else {}

    def task_count(self, node_id: str) -> int:
        """Return how many tasks the node shall run."""
        document = self._documents.get((node_id, Shard.WORK))
        return len(json.loads(document.content)["tasks"]) if document is not None else 0

    async def text(self, node_id: str, shard: Shard, digest: str) -> str | None:
        """Return the text of the newest document of a node, None unless it has this digest."""
        document = self._documents.get((node_id, shard))
        if document is None:
            return None
        signed = await self._sign(document)
        return signed.text if sealed(shard, signed).digest == digest else None

    async def envelopes(self, node_id: str) -> list[Envelope]:
        """Return the newest document of every shard of a node, each with its text, however long."""
        found = [self._documents.get((node_id, shard)) for shard in Shard]
        wanted = [document for document in found if document is not None]
        return [
            (await self._envelope(document)).model_copy(update={"text": (await self._sign(document)).text})
            for document in wanted
        ]

    def forget(self, node_id: str) -> None:
        """Want nothing more of a removed node, and clear what the broker retains for it."""
        for shard in Shard:
            for kept in (self._documents, self._signed, self._told_at_s):
                kept.pop((node_id, shard), None)
            self._send(topics.desired(node_id, shard), b"")
        for topic in (topics.presence(node_id), topics.reported(node_id)):
            self._send(topic, b"")

    async def compare(self, node_id: str, applied: Applied, *, at_once: bool = False) -> None:
        """Tell the node again what it does not follow, each document every `TELL_AGAIN_S` seconds at most.

        Begin a new epoch if the node follows what this hub never wanted, as after a restore from a backup:
        the node would ignore its next versions, which are taken.
        """
        if any(self._is_strange(node_id, shard, version) for shard, version in applied.items()):
            await self._begin_epoch(node_id, max(version.hub_epoch for version in applied.values()))
            return
        now_s = time.monotonic()
        for shard in Shard:
            place = (node_id, shard)
            document, version = self._documents.get(place), applied.get(shard)
            if document is None or (version is not None and version.order >= (self._epoch, document.version)):
                continue
            if at_once or now_s - self._told_at_s.get(place, 0.0) >= TELL_AGAIN_S:
                await self._publish(document)

    async def republish(self) -> None:
        """Publish every document again."""
        for document in tuple(self._documents.values()):
            await self._publish(document)

    async def _set(self, node_id: str, shard: Shard, content: str, used: Mapping[str, float]) -> int:
        place, taken = (node_id, shard), dict(used)
        present = self._documents.get(place)
        if present is not None and present.content == content and dict(present.used) == taken:
            return present.version
        document = await self._database.run(
            lambda connection: store_document(connection, node_id, shard, content, taken)
        )
        self._documents[place] = document
        if present is None or present.version != document.version:
            await self._publish(document)
        return document.version

    def _is_strange(self, node_id: str, shard: Shard, version: AppliedVersion) -> bool:
        document = self._documents.get((node_id, shard))
        own = (self._epoch, document.version if document is not None else 0)
        if version.order == own:
            return document is not None and version.issued_at != document.issued_at
        return version.order > own

    async def _begin_epoch(self, node_id: str, theirs: int) -> None:
        if theirs > self._epoch + MOST_EPOCHS or time.monotonic() < self._next_epoch_at_s:
            return  # no hub was restored so often: it is the node that errs
        self._next_epoch_at_s = time.monotonic() + SHORTEST_EPOCH_S
        epoch = max(self._epoch, theirs) + 1
        await self._database.run(lambda connection: connection.execute(update(hub_identity).values(epoch=epoch)))
        log.warning("node %s follows a version that this hub never made; epoch %d begins", node_id, epoch)
        self._epoch = epoch
        await self.republish()

    async def _publish(self, document: Document) -> None:
        place = (document.node_id, document.shard)
        self._told_at_s[place] = time.monotonic()
        envelope = await self._envelope(document)
        present = self._documents.get(place)
        if present is not None and present.version == document.version:  # a newer one may have come meanwhile
            self._send(topics.desired(*place), envelope.to_bytes())

    async def _envelope(self, document: Document) -> Envelope:
        return sealed(document.shard, await self._sign(document), self._key.successions)

    async def _sign(self, document: Document) -> Signed:
        """Return the signed document; signing takes a millisecond, so it is done once, off the event loop."""
        place, epoch = (document.node_id, document.shard), self._epoch
        kept = self._signed.get(place)
        if kept is None or kept[:2] != (document, epoch):
            signed = await self.signed(document.text(epoch))
            kept = self._signed.get(place)
            # No two signatures of one text are alike: whoever asked meanwhile gets the one that came first.
            if kept is None or kept[:2] != (document, epoch):
                kept = self._signed[place] = (document, epoch, signed)
        return kept[2]

    def _send(self, topic: str, payload: bytes) -> None:
        try:
            self._link.publish(topic, payload, retain=True)
        except (NotConnected, Congested) as error:
            log.info("desired state waits for the broker: %s: %s", type(error).__name__, topic)
