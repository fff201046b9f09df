"""Feeds of bureaus: filters, durable sequences, credentials, and the example of the documentation."""

import asyncio
import json
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from federation import topics
from federation.messages import Event
from federation.testing.played_appliance import made_event, played_appliance
from federation.testing.waiting import until
from hub.events.recorded import Recorded
from hub.opening.feed import Filter, share_out
from tests.hub.conftest import ON_SQLITE

GUIDE = Path(__file__).parents[3] / "docs" / "integrator.md"


async def subscribe(hub: Any, bureau: str = "traffic", **more: Any) -> dict[str, Any]:
    answer = await hub.console.post("/api/v1/subscriptions", json={"bureau": bureau, "name": "交通局", **more})
    return dict(answer.raise_for_status().json())


async def missed(hub: Any, credentials: dict[str, Any], bureau: str = "traffic", **query: Any) -> Any:
    auth = (credentials["username"], credentials["password"])
    return await hub.anonymous.get(f"/api/v1/feed/{bureau}/events", params=query, auth=auth)


@dataclass(kw_only=True)
class Bureau:
    """A bureau's client at the broker: what it got, and why it was let in or not, in order."""

    got: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@asynccontextmanager
async def bureau(credentials: dict[str, Any], topic: str, *, client_id: str = "") -> AsyncIterator[Bureau]:
    """Connect as the bureau, by TLS, with its user name and password, and follow a topic."""
    seen = Bureau()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
    client.tls_set_context(ssl.create_default_context(cadata=credentials["ca"]))
    client.username_pw_set(credentials["username"], credentials["password"])
    client.on_connect = lambda connected, *_: connected.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: seen.answers.append("subscribed")
    client.on_disconnect = lambda *_: seen.answers.append("lost")
    client.on_message = lambda _c, _u, message: seen.got.append(bytes(message.payload))
    await asyncio.to_thread(client.connect, **credentials["brokers"][0])
    client.loop_start()
    try:
        await until(lambda: seen.answers, within_s=60, what="the broker answers the bureau")
        yield seen
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)


def wanted(**more: Any) -> Filter:
    return Filter(**{"bureau": "b", "types": frozenset(), "point_ids": frozenset(), "only_true": False, **more})


@pytest.mark.parametrize(
    ("filters", "judged_true", "given"),
    [
        (wanted(), False, 2),
        (wanted(), True, 0),
        (wanted(only_true=True), False, 0),
        (wanted(only_true=True), True, 2),
        (wanted(types=frozenset({"bin/overflow"})), False, 1),
        (wanted(types=frozenset({"bin"})), False, 1),
        (wanted(types=frozenset({"bi", "bin/over"})), False, 0),
        (wanted(point_ids=frozenset({"gate"})), False, 1),
        (wanted(point_ids=frozenset({"gate"}), types=frozenset({"bin/overflow"})), False, 0),
        (wanted(types=frozenset({"05/12"})), False, 1),
        (wanted(types=frozenset({"05"})), False, 1),
        (wanted(types=frozenset({"05/12", "bin/overflow"})), False, 1),
        (wanted(types=frozenset({"05/1", "12"})), False, 0),
        (wanted(types=frozenset({"05/12"}), only_true=True), True, 1),
    ],
)
def test_a_feed_gets_what_it_asked_for_when_it_asked_for_it(*, filters: Filter, judged_true: bool, given: int) -> None:
    events = [
        Recorded(event=Event.model_validate(made_event("n", point_id="gate"))),
        Recorded(
            event=Event.model_validate(made_event("n", point_id="quay", type="bin/overflow")), mapped_code="05/12"
        ),
    ]

    shares = share_out([filters], events, judged_true=judged_true)

    assert len(shares.get("b", [])) == given


async def test_a_bureau_gets_its_events_by_mqtt_in_sequence(linked_hub: Any) -> None:
    credentials = await subscribe(linked_hub, types=["area_intrusion/object"])
    async with (
        bureau(credentials, topics.feed_events("traffic")) as client,
        played_appliance(await linked_hub.enrol()) as node,
    ):
        rows = [made_event(node.node_id), made_event(node.node_id, type="other/thing"), made_event(node.node_id)]
        await node.hand_over(1, rows)

        await until(lambda: len(client.got) == 2, within_s=60, what="two feed items arrive")

    items = [json.loads(payload) for payload in client.got]
    assert [(item["sequence"], item["event"]["id"]) for item in items] == [(1, rows[0]["id"]), (2, rows[2]["id"])]
    shown = (await linked_hub.console.get("/api/v1/subscriptions")).json()["items"][0]
    assert shown["delivered"] == 2


@ON_SQLITE
async def test_a_bureau_takes_no_nodes_place_by_its_client_id(linked_hub: Any) -> None:
    credentials = await subscribe(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hand_over(1, [made_event(node.node_id)])
        async with bureau(credentials, topics.feed_events("traffic"), client_id=node.node_id):
            ack = await node.hand_over(2, [made_event(node.node_id)])

    assert ack.upto == 2


@ON_SQLITE
async def test_a_bureau_whose_feed_is_closed_is_cut_off_at_once(linked_hub: Any) -> None:
    credentials = await subscribe(linked_hub)
    async with bureau(credentials, topics.feed_events("traffic")) as client:
        (await linked_hub.console.delete("/api/v1/subscriptions/traffic")).raise_for_status()

        await until(lambda: client.answers.count("lost") >= 2, within_s=60, what="it is cut off, and refused")


async def test_what_was_missed_is_fetched_after_a_sequence_number(linked_hub: Any) -> None:
    credentials = await subscribe(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        await node.hand_over(1, [made_event(node.node_id) for _ in range(5)])

    page = (await missed(linked_hub, credentials, after="2", limit=2)).raise_for_status().json()
    rest = (await missed(linked_hub, credentials, after=page["next"])).raise_for_status().json()

    assert [item["sequence"] for item in page["items"] + rest["items"]] == [3, 4, 5]
    assert rest["next"] is None


async def test_a_feed_of_true_events_waits_for_the_verdict_and_gives_each_once(linked_hub: Any) -> None:
    credentials = await subscribe(linked_hub, only_true=True)
    async with played_appliance(await linked_hub.enrol()) as node:
        row = made_event(node.node_id)
        await node.hand_over(1, [row, made_event(node.node_id)])
    before = (await missed(linked_hub, credentials)).json()["items"]

    for verdict in ("true", "pending", "true"):
        await linked_hub.console.put(f"/api/v1/events/{row['id']}/verdict", json={"verdict": verdict})

    after = (await missed(linked_hub, credentials)).json()["items"]
    assert before == []
    assert [(item["sequence"], item["event"]["id"]) for item in after] == [(1, row["id"])]


@ON_SQLITE
async def test_a_bureau_reads_no_other_feed_and_nothing_else(hub: Any) -> None:
    credentials = await subscribe(hub)
    await subscribe(hub, "parks")
    auth = (credentials["username"], credentials["password"])

    other = await missed(hub, credentials, bureau="parks")
    events = await hub.anonymous.get("/api/v1/events", auth=auth)
    by_token = await hub.anonymous.get(
        "/api/v1/feed/traffic/events", headers={"Authorization": f"Bearer {credentials['password']}"}
    )

    assert (other.status_code, events.status_code, by_token.status_code) == (403, 403, 200)


async def test_a_new_password_ends_the_earlier_one_and_removal_ends_both(hub: Any) -> None:
    old = await subscribe(hub)
    new = (await hub.console.post("/api/v1/subscriptions/traffic/credentials")).raise_for_status().json()

    with_old, with_new = await missed(hub, old), await missed(hub, new)
    (await hub.console.delete("/api/v1/subscriptions/traffic")).raise_for_status()
    removed = await missed(hub, new)

    assert (with_old.status_code, with_new.status_code, removed.status_code) == (401, 200, 401)


@ON_SQLITE
async def test_a_feed_that_is_off_gains_nothing(linked_hub: Any) -> None:
    credentials = await subscribe(linked_hub)
    async with played_appliance(await linked_hub.enrol()) as node:
        await linked_hub.console.patch("/api/v1/subscriptions/traffic", json={"enabled": False})
        await node.hand_over(1, [made_event(node.node_id)])
        await linked_hub.console.patch("/api/v1/subscriptions/traffic", json={"enabled": True})
        last = made_event(node.node_id)
        await node.hand_over(2, [last])

    items = (await missed(linked_hub, credentials)).json()["items"]
    assert [(item["sequence"], item["event"]["id"]) for item in items] == [(1, last["id"])]


@ON_SQLITE
async def test_the_example_of_the_integrator_guide_prints_the_events(linked_hub: Any, tmp_path: Path) -> None:
    example = tmp_path / "example.py"
    text = await asyncio.to_thread(GUIDE.read_text, "utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    await asyncio.to_thread(example.write_text, found[1])
    credentials = await subscribe(linked_hub)
    (tmp_path / "hub-ca.pem").write_text(credentials["ca"])
    credentials["ca"] = str(tmp_path / "hub-ca.pem")
    broker = credentials["brokers"][0]
    arguments = [broker["host"], str(broker["port"]), *(credentials[name] for name in ("ca", "username", "password"))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(example), *arguments, "traffic", stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with played_appliance(await linked_hub.enrol()) as node, asyncio.timeout(120):
            sent: list[str] = []
            line = asyncio.ensure_future(process.stdout.readline())  # noqa: TID251 - a test's own wait
            while not line.done():  # the example subscribes at a moment of its own
                row = made_event(node.node_id)
                sent.append(row["id"])
                await node.hand_over(len(sent), [row])
                await asyncio.wait([line], timeout=0.3)
            printed = json.loads(await line)
    finally:
        process.kill()
        await process.wait()

    assert printed["event"]["id"] == sent[printed["sequence"] - 1]


async def test_a_bureau_has_one_feed(hub: Any) -> None:
    await subscribe(hub)

    with pytest.raises(httpx.HTTPStatusError) as refused:
        await subscribe(hub)

    assert refused.value.response.json()["code"] == "subscription_exists"
