"""The documents of what is wanted, as the database keeps them: content by node and shard, versions that only grow."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from federation.messages import CameraSpec, LinkPolicy, PackageRef, Shard, TaskSpec
from hub.database.moments import from_us, to_us
from hub.errors import UnknownNode
from hub.fleet.tables import desired_documents, nodes


@dataclass(frozen=True, kw_only=True)
class Document:
    """One version of what is wanted of one node; `content` is a JSON object, `used` what it takes of the node."""

    node_id: str
    shard: Shard
    version: int
    issued_at: datetime
    content: str
    used: Mapping[str, float]

    def text(self, epoch: int) -> str:
        """Return the document as it is signed; always the same for one epoch."""
        head = {
            "shard": self.shard.value,
            "node_id": self.node_id,
            "hub_epoch": epoch,
            "version": self.version,
            "issued_at": self.issued_at.isoformat(),
        }
        return json.dumps(head, ensure_ascii=False)[:-1] + ", " + self.content[1:]


def work_content(cameras: tuple[CameraSpec, ...], packages: tuple[PackageRef, ...], tasks: tuple[TaskSpec, ...]) -> str:
    """Return the content of the shard of work; equal wishes in any order have equal content."""
    content = {
        "cameras": [item.model_dump(mode="json") for item in sorted(cameras, key=lambda item: item.point_id)],
        "packages": [
            item.model_dump(mode="json")
            for item in sorted(packages, key=lambda item: (item.algorithm_id, item.version))
        ],
        "tasks": [item.model_dump(mode="json") for item in sorted(tasks, key=lambda item: item.task_id)],
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def captures_content(plans: Iterable[Mapping[str, Any]]) -> str:
    """Return the content of the shard of captures, of plans as they are stored."""
    content = {"plans": sorted(plans, key=lambda plan: str(plan["plan_id"]))}
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def policy_content(policy: LinkPolicy) -> str:
    """Return the content of the shard of policy."""
    return json.dumps({"link": policy.model_dump(mode="json")}, ensure_ascii=False, sort_keys=True)


def read_documents(connection: Connection) -> list[Document]:
    """Return the newest document of every shard of every enrolled node."""
    present = select(desired_documents).join(nodes, nodes.c.id == desired_documents.c.node_id)
    return [
        Document(
            node_id=row.node_id,
            shard=Shard(row.shard),
            version=row.version,
            issued_at=from_us(row.issued_at_us),
            content=row.content,
            used=row.used,
        )
        for row in connection.execute(present)
    ]


def store_document(
    connection: Connection, node_id: str, shard: Shard, content: str, used: Mapping[str, float]
) -> Document:
    """Store `content` and return its document, of a new version if it differs; raise UnknownNode."""
    if connection.execute(select(nodes.c.id).where(nodes.c.id == node_id)).first() is None:
        raise UnknownNode(node_id)
    place = (desired_documents.c.node_id == node_id) & (desired_documents.c.shard == shard.value)
    row = connection.execute(select(desired_documents).where(place)).first()
    same = row is not None and row.content == content
    version = 1 if row is None else row.version + (not same)
    issued_at = from_us(row.issued_at_us) if row is not None and same else datetime.now(UTC)
    values = {"version": version, "issued_at_us": to_us(issued_at), "content": content, "used": dict(used)}
    if row is None:
        connection.execute(insert(desired_documents).values(node_id=node_id, shard=shard.value, **values))
    else:
        connection.execute(update(desired_documents).where(place).values(**values))
    return Document(
        node_id=node_id, shard=shard, version=version, issued_at=issued_at, content=content, used=dict(used)
    )
