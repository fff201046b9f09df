"""What the hub wants of each node: stored, versioned, published retained."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from federation import topics
from federation.bus import Congested, NotConnected
from federation.messages import CameraSpec, DesiredState, PackageRef, ReportedState, TaskSpec
from hub.database import Database
from hub.database.moments import from_us, to_us
from hub.errors import UnknownNode
from hub.fleet.link import Link
from hub.fleet.tables import desired_states, hub_identity, nodes

log = logging.getLogger(__name__)

MOST_EPOCHS = 10_000  # how far ahead of this hub's epoch a node's word counts
SHORTEST_EPOCH_S = 10.0


@dataclass(frozen=True, kw_only=True)
class _Document:
    node_id: str
    version: int
    issued_at: datetime
    content: str

    def state(self, epoch: int) -> DesiredState:
        parts = json.loads(self.content)
        return DesiredState.model_validate(
            {**parts, "node_id": self.node_id, "hub_epoch": epoch, "version": self.version, "issued_at": self.issued_at}
        )


class DesiredPublisher:
    """Keeps the desired state of every node and tells it; the version grows only when the content changes."""

    def __init__(self, database: Database, link: Link) -> None:
        """Publish over `link`; everything again after each connection, for the broker has no memory."""
        self._database = database
        self._link = link
        self._epoch = 1
        self._documents: dict[str, _Document] = {}
        self._used: dict[str, Mapping[str, float]] = {}
        self._next_epoch_at_s = 0.0
        link.when_connected(self.republish)

    async def load(self, epoch: int) -> None:
        """Read what was wanted before this start; `epoch` is the hub's."""
        self._epoch = epoch
        present = select(desired_states).join(nodes, nodes.c.id == desired_states.c.node_id)
        rows = await self._database.run(lambda connection: connection.execute(present).all())
        self._documents = {
            row.node_id: _Document(
                node_id=row.node_id, version=row.version, issued_at=from_us(row.issued_at_us), content=row.content
            )
            for row in rows
        }
        self._used = {row.node_id: row.used for row in rows}

    async def set(
        self,
        node_id: str,
        *,
        cameras: tuple[CameraSpec, ...],
        packages: tuple[PackageRef, ...],
        tasks: tuple[TaskSpec, ...],
        used: Mapping[str, float] | None = None,
    ) -> int:
        """Want this of the node and return the version; raise UnknownNode once the node is removed.

        `used` is what the tasks take of each capability, e.g. {"pull": 3, "analyse": 4.5}.
        """
        content = _canonical(cameras, packages, tasks)
        present = self._documents.get(node_id)
        same_use = dict(used or {}) == dict(self._used.get(node_id, {}))
        if present is not None and present.content == content and same_use:
            return present.version
        taken = dict(used or {})
        document = await self._database.run(lambda connection: _store(connection, node_id, content, taken))
        self._documents[node_id] = document
        self._used[node_id] = taken
        self._publish(document)
        return document.version

    def version(self, node_id: str) -> int:
        """Return the newest version wanted of the node, 0 before the first."""
        document = self._documents.get(node_id)
        return document.version if document is not None else 0

    def used(self, node_id: str) -> Mapping[str, float]:
        """Return what the node's tasks take of each capability."""
        return self._used.get(node_id, {})

    def task_count(self, node_id: str) -> int:
        """Return how many tasks the node shall run."""
        document = self._documents.get(node_id)
        return len(json.loads(document.content)["tasks"]) if document is not None else 0

    def forget(self, node_id: str) -> None:
        """Want nothing more of a removed node, and clear what the broker retains for it."""
        self._documents.pop(node_id, None)
        self._used.pop(node_id, None)
        for topic in (topics.desired(node_id), topics.presence(node_id), topics.reported(node_id)):
            self._send(topic, b"")

    async def heed(self, node_id: str, reported: ReportedState) -> None:
        """Begin a new epoch if the node has applied what this hub never wanted.

        That is so after the hub was restored from a backup: the node would ignore its next versions, which are taken.
        """
        document = self._documents.get(node_id)
        applied = (reported.desired_epoch, reported.desired_version)
        own = (self._epoch, self.version(node_id))
        other = document is not None and reported.desired_issued_at not in {None, document.issued_at}
        if applied < own or (applied == own and not other):
            return
        if reported.desired_epoch > self._epoch + MOST_EPOCHS or time.monotonic() < self._next_epoch_at_s:
            return  # no hub was restored so often: it is the node that errs
        self._next_epoch_at_s = time.monotonic() + SHORTEST_EPOCH_S
        epoch = max(self._epoch, reported.desired_epoch) + 1
        await self._database.run(lambda connection: connection.execute(update(hub_identity).values(epoch=epoch)))
        log.warning("node %s has applied a version that this hub never made; epoch %d begins", node_id, epoch)
        self._epoch = epoch
        await self.republish()

    async def republish(self) -> None:
        """Publish every document again."""
        for document in self._documents.values():
            self._publish(document)

    def _publish(self, document: _Document) -> None:
        self._send(topics.desired(document.node_id), document.state(self._epoch).to_bytes())

    def _send(self, topic: str, payload: bytes) -> None:
        try:
            self._link.publish(topic, payload, retain=True)
        except (NotConnected, Congested) as error:
            log.info("desired state waits for the broker: %s: %s", type(error).__name__, topic)


def _canonical(cameras: tuple[CameraSpec, ...], packages: tuple[PackageRef, ...], tasks: tuple[TaskSpec, ...]) -> str:
    content = {
        "cameras": [item.model_dump(mode="json") for item in sorted(cameras, key=lambda item: item.point_id)],
        "packages": [
            item.model_dump(mode="json")
            for item in sorted(packages, key=lambda item: (item.algorithm_id, item.version))
        ],
        "tasks": [item.model_dump(mode="json") for item in sorted(tasks, key=lambda item: item.task_id)],
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _store(connection: Connection, node_id: str, content: str, used: dict[str, float]) -> _Document:
    if connection.execute(select(nodes.c.id).where(nodes.c.id == node_id)).first() is None:
        raise UnknownNode(node_id)
    row = connection.execute(select(desired_states).where(desired_states.c.node_id == node_id)).first()
    now = datetime.now(UTC)
    if row is not None and row.content == content:
        connection.execute(update(desired_states).where(desired_states.c.node_id == node_id).values(used=used))
        return _Document(node_id=node_id, version=row.version, issued_at=from_us(row.issued_at_us), content=content)
    version = 1 if row is None else row.version + 1
    values = {"version": version, "issued_at_us": to_us(now), "content": content, "used": used}
    if row is None:
        connection.execute(insert(desired_states).values(node_id=node_id, **values))
    else:
        connection.execute(update(desired_states).where(desired_states.c.node_id == node_id).values(**values))
    return _Document(node_id=node_id, version=version, issued_at=now, content=content)
