"""Databases of boxes that are replaced or restored, hubs that are restored: what is lost is a gap, never silence."""

import json
import sqlite3
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlite_utils import Database as SchemaDatabase

from appliance.store import epochs, outbox
from appliance.store.batches import next_batch
from appliance.store.kept_lanes import KeptLanes, found_lanes, has_room, kept_anew, tell, with_room
from appliance.store.schema import migrations
from federation.custody.any_order import Standing
from federation.messages import PAST_EPOCHS, Ack, Batch, Hello, Lane
from hub.custody.intake import LaneKey, Message, take_in

NODE, LANE = "n1", Lane.EVENTS

Place = tuple[str, int]
"""Epoch and number of a row."""


@dataclass(frozen=True, kw_only=True)
class PlayedLedger:
    """What a hub has committed: where each lane stands, which row is at which place, and which places are gaps."""

    cursors: dict[LaneKey, Standing] = field(default_factory=dict)
    rows: dict[Place, int] = field(default_factory=dict)
    gaps: frozenset[Place] = frozenset()

    def after(self, message: Message) -> tuple["PlayedLedger", Ack]:
        intake = take_in(self.cursors, [message])
        rows = {(row.key.epoch, row.sequence): json.loads(row.text)["id"] for row in intake.rows.get(LANE, [])}
        lost = {(lost.key.epoch, number) for lost in intake.losses for number in range(lost.first, lost.last + 1)}
        assert not lost & self.gaps, "a gap is recorded once"
        ledger = replace(
            self, cursors={**self.cursors, **intake.cursors}, rows={**self.rows, **rows}, gaps=self.gaps | lost
        )
        return ledger, intake.acks[LaneKey.of(message)]


@cache
def empty_database() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.apply(SchemaDatabase(connection))
    return connection.serialize()


def database_of(content: bytes) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(content)
    return connection


class Restores(RuleBasedStateMachine):
    """A box and a hub, backups of both, and every place that each row was ever given."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = PlayedLedger()
        self.hub_backup = self.hub
        self.kept = KeptLanes(lanes={})
        self.made: dict[int, set[Place]] = {}
        self.epochs = 0

    @initialize()
    def begin(self) -> None:
        self.box = self.new_database()
        self.box_backup = self.box.serialize()
        self.keep()

    @rule(count=st.integers(1, 4))
    def produce(self, count: int) -> None:
        for _ in range(count):
            number = len(self.made) + 1
            self.made[number] = set()
            outbox.append(self.box, LANE, body=json.dumps({"id": number}))
        self.commit()

    @rule(count=st.integers(0, 3))
    def talk(self, count: int) -> None:
        """Greet, come to terms, and hand a few batches over, as the sender of a lane does."""
        ack = self.ask(self.hello())
        state = outbox.state_of(self.box, LANE)
        if ack.upto > state.acknowledged and not self.believes(ack, state.base):
            epochs.begin(self.box, LANE, self.new_epoch(), ack.upto)
            self.commit()
            ack = self.ask(self.hello())
        for _ in range(count):
            said = next_batch(self.box, NODE, LANE, ack.upto + 1, 3)
            if said is None:
                break
            ack = self.ask(Batch.from_bytes(said.payload))
            assert not ack.nak
        outbox.acknowledge(self.box, LANE, ack.epoch, ack.upto)

    @rule()
    def keep(self) -> None:
        """Write the file that lies beside the database, as the box does each second; it is never told of a fault."""
        self.kept = kept_anew(self.kept, found_lanes(self.box), {})

    @rule()
    def prune(self) -> None:
        outbox.forget(self.box, LANE, outbox.state_of(self.box, LANE).acknowledged)

    @rule()
    def back_up_box(self) -> None:
        self.box_backup = self.box.serialize()

    @rule()
    def restore_box(self) -> None:
        """Begin with a database that is older, be it from a backup or for want of its log."""
        self.box = database_of(self.box_backup)
        self.recall(log_gone=True)

    @precondition(lambda self: self.epochs < PAST_EPOCHS)
    @rule()
    def replace_box(self) -> None:
        self.box = self.new_database()
        self.recall()

    @rule()
    def back_up_hub(self) -> None:
        self.hub_backup = deepcopy(self.hub)

    @rule()
    def restore_hub(self) -> None:
        self.hub = self.hub_backup

    @rule()
    def all_is_handed_over_or_a_gap(self) -> None:
        self.talk(1000)
        assert not self.hub.gaps & self.hub.rows.keys(), "what the hub has is no gap"
        has = set(self.hub.rows.values())
        silent = [number for number, places in self.made.items() if number not in has and not places & self.hub.gaps]
        assert not silent

    def teardown(self) -> None:
        self.all_is_handed_over_or_a_gap()

    def hello(self) -> Hello:
        state = outbox.state_of(self.box, LANE)
        return Hello(
            node_id=NODE,
            epoch=state.epoch,
            lane=LANE,
            base=state.base,
            next=state.produced + 1,
            acknowledged=state.acknowledged,
            past=epochs.past(self.box, LANE),
        )

    def ask(self, message: Message) -> Ack:
        self.hub, ack = self.hub.after(message)
        return ack

    def believes(self, ack: Ack, base: int) -> bool:
        return ack.upto < base or outbox.matches(self.box, LANE, ack.upto, ack.mark)

    def new_epoch(self) -> str:
        self.epochs += 1
        return f"e{self.epochs}"

    def new_database(self) -> sqlite3.Connection:
        made = database_of(empty_database())
        made.execute("UPDATE lanes SET epoch = ?", (self.new_epoch(),))
        return made

    def recall(self, *, log_gone: bool = False) -> None:
        tell(self.box, self.kept.lanes, 0, log_gone=log_gone)
        self.keep()

    def commit(self) -> None:
        """Name what is about to be given in the file, where it is not named yet; then it is given."""
        found = found_lanes(self.box)
        if not has_room(
            self.kept, {lane: (each.present.epoch, each.present.produced) for lane, each in found.lanes.items()}
        ):
            self.kept = with_room(self.kept, found)
        epoch = outbox.state_of(self.box, LANE).epoch
        for sequence, body in self.box.execute("SELECT sequence, body FROM outbox WHERE lane = ?", (LANE,)):
            self.made[json.loads(body)["id"]].add((epoch, sequence))


TestRestores = Restores.TestCase
TestRestores.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
