"""Listens to what nodes say of themselves, and notices those that say nothing any more."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection, update

from federation.messages import Presence, ReportedState
from hub.database import Database
from hub.database.moments import to_us
from hub.fleet.link import Incoming, Link
from hub.fleet.roster import NodeRecord, Roster, utc_now
from hub.fleet.tables import nodes

LOOK_EVERY_S = 1.0
LARGEST_INCARNATION = 2**62  # what a column of 64 bits holds


Heed = Callable[[str, ReportedState], Awaitable[None]]


class Watch:
    """Keeps the roster true: presence and reported state by MQTT, silence by the clock."""

    def __init__(self, *, database: Database, link: Link, roster: Roster, silence_s: float, heed: Heed) -> None:
        """Listen on `link`; a node that says nothing for `silence_s` seconds is offline.

        `heed` is awaited with every report of a node that is there now.
        """
        self._database = database
        self._link = link
        self._roster = roster
        self._silence_s = silence_s
        self._heed = heed
        self._heard_at_s: dict[str, float] = {}
        link.handle(["s"], self._take_presence)
        link.handle(["u/r"], self._take_reports)

    async def run(self) -> None:
        """Look for silent nodes until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            silent = [node for node in self._roster.all() if node.online and self._silent_s(node) > self._silence_s]
            await self._keep([replace(node, online=False) for node in silent])

    def heard(self, node_id: str) -> None:
        """Note that the node has just said something."""
        self._heard_at_s[node_id] = time.monotonic()

    def _silent_s(self, node: NodeRecord) -> float:
        # A node of before this start is given the full time from now on.
        return time.monotonic() - self._heard_at_s.setdefault(node.id, time.monotonic())

    async def _take_presence(self, run: Sequence[Incoming]) -> None:
        changed: dict[str, NodeRecord] = {}
        for incoming in run:
            node = changed.get(incoming.node_id) or self._admitted(incoming.node_id)
            # An empty message is how a removed node's retained one was cleared.
            presence = self._link.read(Presence, incoming) if incoming.payload and node is not None else None
            if node is None or presence is None or presence.incarnation > LARGEST_INCARNATION:
                continue
            if presence.online:
                self.heard(node.id)
            changed[node.id] = node.after_presence(presence, utc_now())
        await self._keep(list(changed.values()))

    async def _take_reports(self, run: Sequence[Incoming]) -> None:
        changed: dict[str, NodeRecord] = {}
        for incoming in run:
            node = changed.get(incoming.node_id) or self._admitted(incoming.node_id)
            reported = self._link.read(ReportedState, incoming) if incoming.payload and node is not None else None
            if node is None or reported is None:
                continue
            if incoming.retained:
                # What the broker kept says nothing about now.
                changed[node.id] = replace(node, reported=reported)
                continue
            self.heard(node.id)
            changed[node.id] = node.after_report(reported, utc_now())
            await self._heed(node.id, reported)
        await self._keep(list(changed.values()))

    def _admitted(self, node_id: str) -> NodeRecord | None:
        return self._roster.get(node_id) if self._roster.admits(node_id) else None

    async def _keep(self, records: list[NodeRecord]) -> None:
        fresh = [record for record in records if record != self._roster.get(record.id)]
        if not fresh:
            return
        await self._database.run(lambda connection: _store(connection, fresh))
        for record in fresh:
            present = self._roster.get(record.id)
            # It may have been removed, changed, revoked or enrolled again while the transaction ran.
            if present is not None and present.enrolled_at == record.enrolled_at:
                decided = {name: getattr(present, name) for name in ("name", "site", "certificate", "revoked_at")}
                self._roster.put(replace(record, **decided))


def _store(connection: Connection, records: list[NodeRecord]) -> None:
    for record in records:
        connection.execute(
            update(nodes)
            .where(nodes.c.id == record.id, nodes.c.enrolled_at_us == to_us(record.enrolled_at))
            .values(
                online=record.online,
                incarnation=record.incarnation,
                software=record.software,
                panel_url=record.panel_url,
                last_seen_at_us=to_us(record.last_seen_at) if record.last_seen_at else None,
                reported=record.reported.model_dump_json() if record.reported else None,
            )
        )
