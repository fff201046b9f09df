"""Whatever comes in the name of the hub, the link goes on: it is counted or ignored, and events still arrive."""

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from appliance.store.database import Database
from federation import topics
from federation.desired import HubKey, sealed
from federation.messages import Ack, Ask, BeatAnswer, DesiredWork, Lane, NodeCall, Shard, WireModel
from federation.testing.broker import Broker
from federation.testing.mutation import mutations
from federation.testing.played_hub import PlayedHub, arrived, played_hub
from federation.testing.waiting import until
from federation.uplink.link import Link
from tests.appliance.uplink.linking import Events, Linked, Node

MUTATIONS = 10_000
AT_ONCE = 500
SEED = 20_261_127
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)


def envelope() -> WireModel:
    document = DesiredWork(node_id="n1", hub_epoch=1, version=1, issued_at=NOW)
    return sealed(Shard.WORK, HubKey.generate().sign(document.to_bytes().decode()))


def ack_of(link: Link, lane: Lane, upto: int) -> Ack:
    return Ack(epoch=link.lanes[lane].sender.epoch, lane=lane, upto=upto, mark="m")


SAID = {
    topics.beat_answer("n1"): BeatAnswer(number=1, incarnation=1, run="r", at=NOW),
    topics.ask("n1"): Ask(id="a", about="n2", urls=("http://127.0.0.1:9",), within_s=0.1),
    topics.call("n1"): NodeCall(ticket="c" * 32, path="/api/v1/status"),
    topics.desired("n1", Shard.WORK): envelope(),
}


async def say_all(hub: PlayedHub, node: Node, topic: str, payloads: list[bytes]) -> None:
    """Say everything, no faster than the box takes it."""
    for start in range(0, len(payloads), AT_ONCE):
        for payload in payloads[start : start + AT_ONCE]:
            hub.session.publish(topic, payload, qos=0)
        mark = NodeCall(ticket=f"{start:032x}", path="/api/v1/status")
        hub.session.publish(topics.call("n1"), mark.to_bytes(), qos=0)
        await until(partial(_was_called, node, mark), within_s=90, what="the box has got them")


def _was_called(node: Node, mark: NodeCall) -> bool:
    return mark in node.calls


async def still_hands_over(hub: PlayedHub, link: Link, recorder: Events) -> None:
    hub.mute = False
    link.lanes[Lane.EVENTS].produced(await recorder.record(3))
    await until(lambda: set(recorder.ids[-3:]) <= set(hub.event_ids), within_s=90, what="new events arrive")
    assert link.connections == 1


@pytest.mark.parametrize("topic", SAID, ids=["beat answer", "question", "call", "document"])
async def test_ten_thousand_mutations_of_what_a_hub_says_do_not_end_the_link(
    topic: str, broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked, node: Node
) -> None:
    async with played_hub(broker.address("hub"), tmp_path / "hub.db") as hub, linked(database) as link:
        hub.mute = True
        await until(lambda: link.connected_since, within_s=90, what="the link stands")
        wrong = list(mutations((SAID[topic].to_bytes(),), count=MUTATIONS, seed=SEED))

        await say_all(hub, node, topic, wrong)

        assert len(node.documents) if "/t/" in topic else link.malformed > MUTATIONS // 2
        await still_hands_over(hub, link, recorder)


async def test_ten_thousand_mutations_of_acknowledgements_do_not_end_the_link(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked, node: Node
) -> None:
    await recorder.record(5)
    async with played_hub(broker.address("hub"), tmp_path / "hub.db") as hub, linked(database) as link:
        hub.mute = True
        await until(lambda: link.connected_since, within_s=90, what="the link stands")
        whole = tuple(ack_of(link, lane, upto).to_bytes() for lane in link.lanes for upto in (0, 3))

        await say_all(hub, node, topics.ack("n1"), list(mutations(whole, count=MUTATIONS, seed=SEED)))

        assert link.malformed > MUTATIONS // 2
        await still_hands_over(hub, link, recorder)


async def test_an_acknowledgement_of_a_lane_that_is_not_handed_over_is_counted_and_the_link_goes_on(
    broker: Broker, tmp_path: Path, database: Database, recorder: Events, linked: Linked, node: Node
) -> None:
    async with played_hub(broker.address("hub"), tmp_path / "hub.db") as hub, linked(database) as link:
        hub.mute = True
        await until(lambda: link.connected_since, within_s=90, what="the link stands")
        ack = ack_of(link, Lane.EVIDENCE, 1)
        del link.lanes[Lane.EVIDENCE]  # as of a hub below a hub, which has no such lane

        await say_all(hub, node, topics.ack("n1"), [ack.to_bytes()])

        assert link.malformed == 1
        await still_hands_over(hub, link, recorder)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"lane": "metrics"}, id="a lane without numbers"),
        pytest.param({"upto": 2**63}, id="a number that no database holds"),
        pytest.param({"upto": 10**9}, id="a number that was never given"),
        pytest.param({"upto": 10**9, "nak": True}, id="a number that was never given, in refusal"),
        pytest.param({"linger_ms": 10**9}, id="a pause of weeks"),
        pytest.param({"credit": -1}, id="less than nothing"),
    ],
)
async def test_an_impossible_acknowledgement_costs_no_event(
    wrong: dict[str, object],
    broker: Broker,
    tmp_path: Path,
    database: Database,
    recorder: Events,
    linked: Linked,
    node: Node,
) -> None:
    async with played_hub(broker.address("hub"), tmp_path / "hub.db") as hub, linked(database) as link:
        link.lanes[Lane.EVENTS].produced(await recorder.record(5))
        await arrived(hub, 5)

        said = {**ack_of(link, Lane.EVENTS, 5).model_dump(mode="json"), **wrong}
        await say_all(hub, node, topics.ack("n1"), [json.dumps(said).encode()])
        link.lanes[Lane.EVENTS].produced(await recorder.record(250))

        # What the box had not stored as acknowledged comes again in a new epoch.
        await until(lambda: set(recorder.ids) <= set(hub.event_ids), within_s=60, what="every event is at the hub")
        assert list(dict.fromkeys(hub.event_ids)) == recorder.ids
