"""Listens to what nodes say of themselves, notices those that fall silent, and has their neighbours look after them."""

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, update

from federation import topics
from federation.bus import BusError
from federation.messages import Applied, Beat, BeatAnswer, Presence, ReportedState
from hub.database import Database
from hub.database.moments import to_us
from hub.fleet.desired import DesiredPublisher
from hub.fleet.link import Incoming, Link
from hub.fleet.liveness import Cause, Condition, Neighbour, summon
from hub.fleet.roster import NodeRecord, Roster, life_columns, utc_now
from hub.fleet.tables import nodes
from hub.fleet.witnesses import Witnesses

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
LARGEST_INCARNATION = 2**62  # what a column of 64 bits holds
MOST_EXAMINED_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Patience:
    """When silence counts: a node that says nothing for `silence_s` is suspect.

    Its neighbours are asked after `hesitate_s` seconds of that, and again every `again_s`.
    """

    silence_s: float
    hesitate_s: float = 2.0
    again_s: float = 30.0


class Watch:
    """Keeps the roster true: presence, beats and reports by MQTT, silence by the clock, verdicts by witnesses."""

    def __init__(
        self, *, database: Database, link: Link, roster: Roster, patience: Patience, desired: DesiredPublisher
    ) -> None:
        """Listen on `link`; who does not follow what is wanted is told so through `desired`."""
        self.run_id = secrets.token_hex(8)
        self.witnesses = Witnesses(link)
        self._database = database
        self._link = link
        self._roster = roster
        self._patience = patience
        self._desired = desired
        self._heard_at_s: dict[str, float] = {}
        self._examined_at_s: dict[str, float] = {}
        self._asked_last: dict[str, tuple[str, ...]] = {}
        self._examining: set[str] = set()
        self._listens = False
        self._one_at_a_time = asyncio.Lock()
        self._file_silence_s: dict[str, float] = {}
        self._heard_by_broker: set[str] = set()
        link.handle(["s"], self._presence_by_broker)
        link.handle(["u/beat"], self._take_beats)
        link.handle(["u/r"], self._reports_by_broker)
        link.when_connected(self._greet_all)

    async def run(self) -> None:
        """Look for silent nodes, and have their neighbours look after them, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                self._listens = self._listens and self._link.connected
                if not self._listens:
                    continue  # it is the hub that is cut off: silence says nothing
                await self._suspect_the_silent()
                due = self._due()
                others = [other.neighbour for other in self._roster.all()] if due else []
                for node in due:
                    self._examining.add(node.id)
                    group.create_task(self._examine(node, others), name=f"examination of {node.id}")

    def silent_s(self, node_id: str) -> float:
        """Return for how long the node has not been heard; one of before this start counts from now on."""
        now_s = time.monotonic()
        return now_s - self._heard_at_s.setdefault(node_id, now_s)

    async def declare(self, node: NodeRecord, *, dead: bool, by: str) -> None:
        """Keep what an operator says of a node that does not speak for itself."""
        await self._keep([node.living(node.life.declared(dead=dead, by=by, now=utc_now()))])

    def _heard(self, node_id: str) -> None:
        self._heard_at_s[node_id] = time.monotonic()

    async def _suspect_the_silent(self) -> None:
        now, now_s, heard_at_s = utc_now(), time.monotonic(), self._heard_at_s
        shortest_s = min((self._patience.silence_s, *self._file_silence_s.values()))
        quiet = [node for node in self._roster.all() if now_s - heard_at_s.setdefault(node.id, now_s) > shortest_s]
        silent = [node for node in quiet if node.online and self.silent_s(node.id) > self._limit_s(node)]
        await self._keep([node.living(node.life.quiet(Cause.SILENT, now)) for node in silent])

    def _limit_s(self, node: NodeRecord) -> float:
        return self._file_silence_s[node.id] if self._speaks_by_files(node) else self._patience.silence_s

    def _speaks_by_files(self, node: NodeRecord) -> bool:
        return node.id in self._file_silence_s and node.id not in self._heard_by_broker

    def _due(self) -> list[NodeRecord]:
        waiting = [node for node in self._roster.all() if node.id not in self._examining and self._is_due(node)]
        return waiting[: max(0, MOST_EXAMINED_AT_ONCE - len(self._examining))]

    def _is_due(self, node: NodeRecord) -> bool:
        life = node.life
        if node.awaited or node.revoked_at is not None or self._speaks_by_files(node):
            return False  # no neighbour reaches a node beyond a border
        if life.condition is Condition.ONLINE or life.cause is Cause.OPERATOR:
            return False
        if life.condition is Condition.SUSPECT:
            return (utc_now() - life.since).total_seconds() >= self._patience.hesitate_s
        since_s = time.monotonic() - self._examined_at_s.get(node.id, float("-inf"))
        return since_s >= self._patience.again_s

    async def _examine(self, node: NodeRecord, others: Sequence[Neighbour]) -> None:
        try:
            summons = summon(node.neighbour, others, self._asked_last.get(node.id, ()))
            self._asked_last[node.id] = summons.witnesses
            findings = await self.witnesses.examine(node.id, summons)
            self._examined_at_s[node.id] = time.monotonic()
            present = self._roster.get(node.id)
            if present is not None:
                await self._keep([present.living(present.life.examined(findings, utc_now()))])
        finally:
            self._examining.discard(node.id)

    async def _greet_all(self) -> None:
        """Say that the hub is there; who was not heard while it was deaf is given the full time."""
        for node in self._roster.all():
            self._heard(node.id)
            self._answer(node)
        self._listens = True

    def expect_files(self, node_id: str, *, silence_s: float) -> None:
        """Let a node be silent for `silence_s` while it speaks by files."""
        self._file_silence_s[node_id] = silence_s

    async def take_from_file(self, run: Sequence[Incoming]) -> None:
        """Take presence and reports that came by file, unless the broker brings the node's own: they are fresher."""
        fresher = {node.id for node in self._roster.all() if node.online} & self._heard_by_broker
        news = [each for each in run if each.node_id not in fresher]
        self._heard_by_broker -= {each.node_id for each in news}
        await self._take_presence([each for each in news if each.kind == "s"])
        await self._take_reports([each for each in news if each.kind == "u/r"])

    async def _presence_by_broker(self, run: Sequence[Incoming]) -> None:
        self._heard_by_broker |= {each.node_id for each in run if not each.retained}
        await self._take_presence(run)

    async def _reports_by_broker(self, run: Sequence[Incoming]) -> None:
        self._heard_by_broker |= {each.node_id for each in run if not each.retained}
        await self._take_reports(run)

    async def _take_presence(self, run: Sequence[Incoming]) -> None:
        changed: list[NodeRecord] = []
        arrived: list[tuple[str, Applied]] = []
        for incoming in run:
            node = self._admitted(incoming.node_id)
            # An empty message is how a removed node's retained one was cleared.
            presence = self._link.read(Presence, incoming) if incoming.payload and node is not None else None
            if node is None or presence is None or presence.incarnation > LARGEST_INCARNATION:
                continue
            if not presence.online:
                after = node.after_will(presence, utc_now())
            else:
                after = node.after_birth(presence, utc_now(), retained=incoming.retained)
            if presence.online and not incoming.retained:
                self._heard(node.id)
                arrived.append((node.id, presence.applied))
            changed += self._put(after)
        await self._store(changed)
        for node_id, applied in arrived:
            await self._desired.compare(node_id, applied, at_once=True)

    async def _take_beats(self, run: Sequence[Incoming]) -> None:
        for incoming in run:
            node = self._admitted(incoming.node_id)
            beat = self._link.read(Beat, incoming) if node is not None else None
            if node is None or beat is None or beat.incarnation > LARGEST_INCARNATION:
                continue
            self._heard(node.id)
            after = node.after_beat(beat, utc_now())
            same = (after.life, after.applied, after.clock) == (node.life, node.applied, node.clock)
            self._roster.put(after, quietly=same)
            self._answer(node, beat)
            if after.life != node.life:
                await self._store([after])
            await self._desired.compare(node.id, beat.applied)

    async def _take_reports(self, run: Sequence[Incoming]) -> None:
        changed: list[NodeRecord] = []
        for incoming in run:
            node = self._admitted(incoming.node_id)
            reported = self._link.read(ReportedState, incoming) if incoming.payload and node is not None else None
            if node is None or reported is None:
                continue
            if incoming.retained:
                # What the broker kept says nothing about now.
                changed += self._put(replace(node, reported=reported))
                continue
            self._heard(node.id)
            changed += self._put(node.after_report(reported, utc_now()))
        await self._store(changed)

    def _admitted(self, node_id: str) -> NodeRecord | None:
        return self._roster.get(node_id) if self._roster.admits(node_id) else None

    def _answer(self, node: NodeRecord, beat: Beat | None = None) -> None:
        answer = BeatAnswer(
            number=beat.number if beat else 0,
            incarnation=beat.incarnation if beat else 0,
            run=self.run_id,
            at=utc_now(),
            wanted=self._desired.wanted(node.id),
        )
        try:
            self._link.publish(topics.beat_answer(node.id), answer.to_bytes(), qos=0)  # the next beat asks anew
        except BusError as error:
            log.debug("node %s is not answered now: %s", node.id, error)

    async def _keep(self, records: Sequence[NodeRecord]) -> None:
        await self._store([changed for record in records for changed in self._put(record)])

    def _put(self, record: NodeRecord) -> list[NodeRecord]:
        """Put a changed record into the roster at once, so that no later word is built on an old one."""
        present = self._roster.get(record.id)
        if present is None or present == record:
            return []
        if present.life.condition is not record.life.condition:
            life = record.life
            log.info("node %s is %s: %s %s", record.id, life.condition, life.cause, ", ".join(life.witnesses))
        self._roster.put(record)
        return [record]

    async def _store(self, records: Sequence[NodeRecord]) -> None:
        if not records:
            return
        async with self._one_at_a_time:
            newest = [found for key in {record.id for record in records} if (found := self._roster.get(key))]
            await self._database.run(lambda connection: _update(connection, newest))


def _update(connection: Connection, records: Sequence[NodeRecord]) -> None:
    if records:
        connection.execute(_UPDATE, [_values(record) for record in records])


def _values(record: NodeRecord) -> dict[str, object]:
    return {
        "known_id": record.id,
        "known_enrolled_at_us": to_us(record.enrolled_at),
        **{f"new_{name}": value for name, value in life_columns(record.life).items()},
        "new_incarnation": record.incarnation,
        "new_software": record.software,
        "new_panel_url": record.panel_url,
        "new_presence": record.presence.model_dump_json() if record.presence else None,
        "new_last_seen_at_us": to_us(record.last_seen_at) if record.last_seen_at else None,
        "new_reported": record.reported.model_dump_json() if record.reported else None,
    }


_WATCHED = (
    *("condition", "cause", "condition_since_us", "witnesses", "declared_by"),
    *("incarnation", "software", "panel_url", "presence", "last_seen_at_us", "reported"),
)
# Built once: a thousand nodes report a hundred times a second.
_UPDATE = (
    update(nodes)
    .where(nodes.c.id == bindparam("known_id"), nodes.c.enrolled_at_us == bindparam("known_enrolled_at_us"))
    .values({name: bindparam(f"new_{name}") for name in _WATCHED})
)
