"""What the hub does with its nodes: show, change, revoke, remove."""

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, update

from federation.http import Page
from federation.http.live_feed import LiveFeed
from federation.http.problem import Problem, conflict, not_found
from federation.messages import Shard, new_id
from hub.database import Database
from hub.database.moments import now_us, to_us
from hub.fleet.broker_admission import BrokerAdmission
from hub.fleet.certificates import revoke_all
from hub.fleet.desired import DesiredPublisher
from hub.fleet.liveness import Condition
from hub.fleet.model import Declaration, Node, NodeChange, NodeDetail, NodeQuery, SiteRow
from hub.fleet.roster import NodeRecord, Roster, utc_now
from hub.fleet.signing_key import read_key
from hub.fleet.tables import hub_identity, nodes
from hub.fleet.view import detail_of, row_of
from hub.fleet.watching import Watch
from hub.security.audit import Actor, record


class Fleet:
    """The nodes of this hub."""

    def __init__(
        self,
        *,
        database: Database,
        roster: Roster,
        desired: DesiredPublisher,
        admission: BrokerAdmission,
        live: LiveFeed,
        watch: Watch,
        key_file: Path,
    ) -> None:
        """Speak for the nodes of `roster`; sign by the key in `key_file`."""
        self.roster = roster
        self.desired = desired
        self._database = database
        self._admission = admission
        self._live = live
        self._watch = watch
        self._key_file = key_file
        roster.when_changed(self._tell_viewers)

    async def start(self) -> None:
        """Read what was known before this start."""
        epoch = await self._database.run(_own_epoch)
        await self.roster.load(self._database)
        await self.desired.load(epoch, await asyncio.to_thread(read_key, self._key_file))

    def list_nodes(self, query: NodeQuery) -> Page[Node]:
        """Return one page of the nodes, by id."""
        rows = [row_of(node, self.desired) for node in self.roster.all()]
        found = [row for row in rows if _matches(row, query)]
        page = [row for row in found if query.after is None or row.id > query.after]
        more = len(page) > query.limit
        return Page(items=tuple(page[: query.limit]), next=page[query.limit - 1].id if more else None, total=len(found))

    def list_sites(self) -> Page[SiteRow]:
        """Return the places where nodes stand, by name."""
        records = [node for node in self.roster.all() if node.site]
        standing = Counter(node.site for node in records)
        online = Counter(node.site for node in records if node.online)
        rows = tuple(SiteRow(site=site, nodes=standing[site], online=online[site]) for site in sorted(standing))
        return Page(items=rows, total=len(rows))

    def get_node(self, node_id: str) -> NodeDetail:
        """Return one node with everything it reported."""
        return detail_of(self._known(node_id), self.desired, silent_s=self._watch.silent_s(node_id))

    async def declare(self, node_id: str, declaration: Declaration, actor: Actor) -> NodeDetail:
        """Keep what an operator says of a node that does not speak; raise Problem for one that does."""
        node = self._known(node_id)
        if node.life.condition is Condition.ONLINE:
            raise conflict("node_online", "The node speaks for itself; there is nothing to declare.")
        await self._watch.declare(node, dead=not declaration.alive, by=actor.name)

        def work(connection: Connection) -> None:
            record(connection, actor, "node.declare", f"node:{node_id}", declaration.model_dump())

        await self._database.run(work)
        return self.get_node(node_id)

    async def document(self, node_id: str, shard: Shard, digest: str) -> str:
        """Return the text of the newest document that is wanted of a node; raise Problem if it is another."""
        text = await self.desired.text(node_id, shard, digest)
        if text is None:
            raise Problem(404, "document_superseded", "There is a newer document; its envelope is on its way.")
        return text

    async def change_node(self, node_id: str, change: NodeChange, actor: Actor) -> NodeDetail:
        """Give a node another name or site; its id stays."""
        node = self._known(node_id)
        given = change.model_dump(exclude_none=True)
        before = {name: getattr(node, name) for name in given}
        if given == before:
            return self.get_node(node_id)

        def work(connection: Connection) -> None:
            connection.execute(update(nodes).where(nodes.c.id == node_id).values(**given))
            record(connection, actor, "node.change", f"node:{node_id}", {"from": before, "to": given})

        await self._database.run(work)
        present = self.roster.get(node_id)
        if present is not None:
            self.roster.put(replace(present, **given))
        return self.get_node(node_id)

    async def revoke_node(self, node_id: str, actor: Actor) -> NodeDetail:
        """Shut a node out at once: its certificates count no more, its session ends, its tasks lose their place."""
        node = self._known(node_id)
        if node.revoked_at is None:
            revoked_at = utc_now()

            def work(connection: Connection) -> None:
                change = {"revoked_at_us": to_us(revoked_at)}
                connection.execute(update(nodes).where(nodes.c.id == node_id).values(**change))
                revoke_all(connection, node_id)
                detail = {"name": node.name, "serial": node.serial, "key": node.key_fingerprint}
                record(connection, actor, "node.revoke", f"node:{node_id}", detail)

            await self._database.run(work)
            present = self.roster.get(node_id)
            if present is not None:
                self.roster.put(replace(present, revoked_at=revoked_at))
        await self._admission.apply()
        return self.get_node(node_id)

    async def remove_node(self, node_id: str, actor: Actor) -> None:
        """Shut a node out at once, as `revoke_node` does, and forget it: its serial and key may join anew."""
        node = self._known(node_id)

        def work(connection: Connection) -> None:
            revoke_all(connection, node_id)
            connection.execute(delete(nodes).where(nodes.c.id == node_id))
            record(connection, actor, "node.remove", f"node:{node_id}", {"name": node.name, "serial": node.serial})

        await self._database.run(work)
        self.roster.remove(node_id)
        self.desired.forget(node_id)
        await self._admission.apply()

    def _known(self, node_id: str) -> NodeRecord:
        node = self.roster.get(node_id)
        if node is None:
            raise not_found("node", node_id)
        return node

    def _tell_viewers(self, node_id: str) -> None:
        if not self._live.viewers:
            return
        node = self.roster.get(node_id)
        data = {"id": node_id} if node is None else row_of(node, self.desired).model_dump(mode="json")
        self._live.publish("node.removed" if node is None else "node.changed", data)


def _matches(row: Node, query: NodeQuery) -> bool:
    return (
        (query.state is None or row.state == query.state)
        and (query.site is None or row.site == query.site)
        and (query.profile is None or row.profile == query.profile)
        and (query.text is None or query.text.lower() in f"{row.id} {row.name}".lower())
    )


def _own_epoch(connection: Connection) -> int:
    row = connection.execute(select(hub_identity)).first()
    if row is not None:
        return int(row.epoch)
    # A database made anew must outrank the one it replaces: seconds since 1970 do.
    epoch = now_us() // 1_000_000
    connection.execute(insert(hub_identity).values(id=1, hub_id=new_id(), epoch=epoch))
    return epoch
