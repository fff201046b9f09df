"""A hub played by a test: takes custody of events into SQLite as the real one does, row and cursor together."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from federation import topics
from federation.bus import BrokerAddress, BusError, Connected, Message, Session
from federation.custody.receiver import Gap, Verdict, greet, receive
from federation.desired import HubKey, sealed
from federation.messages import (
    Ack,
    Batch,
    Beat,
    BeatAnswer,
    DesiredDocument,
    Hello,
    Lane,
    Presence,
    ReportedState,
    Shard,
    WireModel,
    WitnessAnswer,
    new_id,
)
from federation.testing.waiting import until

WAIT_S = 60.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS cursors (
  node_id TEXT, epoch TEXT, lane TEXT, upto INTEGER, mark TEXT, PRIMARY KEY (node_id, epoch, lane));
CREATE TABLE IF NOT EXISTS arrivals (place INTEGER PRIMARY KEY, epoch TEXT, event_id TEXT, source TEXT);
"""


@dataclass(kw_only=True)
class PlayedHub:
    """A hub on the broker, its rows in `database`; make it with `played_hub`. `mute` makes it answer nothing."""

    session: Session
    database: sqlite3.Connection
    mute: bool = False
    presences: list[Presence] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    testimonies: list[WitnessAnswer] = field(default_factory=list)
    reports: list[ReportedState] = field(default_factory=list)
    key: HubKey = field(default_factory=HubKey.generate)
    run_id: str = field(default_factory=new_id)
    wanted: dict[Shard, tuple[int, int]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def event_ids(self) -> list[str]:
        """The events in order of arrival, a double one twice."""
        found = self.database.execute("SELECT event_id FROM arrivals ORDER BY place").fetchall()
        return [event_id for (event_id,) in found]

    @property
    def sources(self) -> set[str]:
        """Who sent the events, as they say themselves."""
        return {source for (source,) in self.database.execute("SELECT source FROM arrivals").fetchall()}

    def want(self, document: DesiredDocument) -> None:
        """Sign a document and publish it, retained."""
        self.wanted[document.shard] = document.order
        envelope = sealed(document.shard, self.key.sign(document.to_bytes().decode()), self.key.successions)
        self.publish(topics.desired(document.node_id, document.shard), envelope)

    def publish(self, topic: str, message: WireModel) -> None:
        """Publish anything, retained."""
        self.session.publish(topic, message.to_bytes(), retain=True)

    def speak(self, node_id: str, *, number: int = 0, incarnation: int = 0) -> None:
        """Say that the hub lives, in answer to a beat or by itself."""
        answer = BeatAnswer(
            number=number, incarnation=incarnation, run=self.run_id, at=datetime.now(UTC), wanted=self.wanted
        )
        self.session.publish(topics.beat_answer(node_id), answer.to_bytes())

    def forget_after(self, upto: int) -> None:
        """Become the hub of an older backup: rows and cursors beyond `upto` are gone.

        The fingerprint of the row there is not known any more; nobody asks for it, as the box knows of more rows.
        """
        with self.database:
            self.database.execute("DELETE FROM arrivals WHERE place > ?", (upto,))
            self.database.execute("UPDATE cursors SET mark = '' WHERE upto > ?", (upto,))
            self.database.execute("UPDATE cursors SET upto = min(upto, ?)", (upto,))

    async def serve(self) -> None:
        """Answer until cancelled."""
        while True:
            item = await self.session.next()
            if isinstance(item, Message) and item.payload:
                try:
                    self._take(item)
                except BusError:
                    continue  # the broker is away: whoever waits for this answer asks again

    def _take(self, message: Message) -> None:
        node_id = topics.node_of(message.topic)
        if message.topic == topics.presence(node_id):
            self.presences.append(Presence.model_validate_json(message.payload))
        elif message.topic == topics.reported(node_id):
            self.reports.append(ReportedState.model_validate_json(message.payload))
        elif message.topic == topics.witness_answer(node_id):
            self.testimonies.append(WitnessAnswer.model_validate_json(message.payload))
        elif message.topic == topics.beat(node_id):
            self._hear(Beat.model_validate_json(message.payload))
        elif self.mute:
            return
        elif message.topic == topics.hello(node_id):
            hello = Hello.model_validate_json(message.payload)
            self._answer(hello, greet(self._cursor(hello)[0], hello))
        else:
            batch = Batch.from_bytes(message.payload)
            self._answer(batch, receive(self._cursor(batch)[0], batch))

    def _answer(self, asked: Hello | Batch, verdict: Verdict) -> None:
        key = (asked.node_id, asked.epoch, asked.lane)
        before, mark = self._cursor(asked)
        if verdict.upto != before:
            mark = asked.mark if isinstance(asked, Batch) else ""
        fresh = asked.rows[verdict.skip :] if isinstance(asked, Batch) and verdict.accepted else ()
        with self.database:
            for row in map(json.loads, fresh if asked.lane is Lane.EVENTS else ()):
                values = (asked.epoch, row["id"], row["source"])
                self.database.execute("INSERT INTO arrivals (epoch, event_id, source) VALUES (?, ?, ?)", values)
            self.database.execute("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)", (*key, verdict.upto, mark))
        self.gaps.extend(verdict.gaps)
        ack = Ack(epoch=asked.epoch, lane=asked.lane, upto=verdict.upto, nak=verdict.nak, mark=mark)
        self.session.publish(topics.ack(asked.node_id), ack.to_bytes())

    def _hear(self, beat: Beat) -> None:
        self.beats.append(beat)
        if not self.mute:
            self.speak(beat.node_id, number=beat.number, incarnation=beat.incarnation)

    def _cursor(self, asked: Hello | Batch) -> tuple[int, str]:
        key = (asked.node_id, asked.epoch, asked.lane)
        found = self.database.execute(
            "SELECT upto, mark FROM cursors WHERE node_id = ? AND epoch = ? AND lane = ?", key
        ).fetchone()
        return (0, "") if found is None else (int(found[0]), str(found[1]))


@asynccontextmanager
async def played_hub(address: BrokerAddress, database_file: Path) -> AsyncIterator[PlayedHub]:
    """Connect a hub whose memory is `database_file`; leaving the context is its sudden death."""
    database = sqlite3.connect(database_file)
    database.executescript(SCHEMA)
    subscriptions = tuple(f"{topics.ROOT}/+/{tail}" for tail in ("s", "u/hello", "u/b/+", "u/r", "u/beat", "u/answer"))
    try:
        async with Session(address, client_id="hub", subscriptions=subscriptions) as session:
            async with asyncio.timeout(WAIT_S):
                while not isinstance(await session.next(), Connected):
                    pass
            hub = PlayedHub(session=session, database=database)
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(hub.serve(), name="played hub")
                yield hub
                serving.cancel()
    finally:
        database.close()


async def arrived(hub: PlayedHub, count: int, *, within_s: float = WAIT_S) -> list[str]:
    """Wait until the hub has `count` events, and return their ids in order of arrival."""
    await until(lambda: len(hub.event_ids) >= count, within_s=within_s, what=f"{count} events are at the hub")
    return hub.event_ids
