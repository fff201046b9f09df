"""Custody under faults: a short run of what `make chaos` does at length, and proof that the count can fail."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from federation import topics
from federation.cli import main
from federation.identity.enrolment import Applicant, enrol
from federation.identity.key import NodeKey
from federation.identity.member import Member
from federation.messages import Batch, Lane
from federation.testing.played_appliance import made_event
from hil_tests.chaos.box import PROFILE
from hil_tests.chaos.cluster import SCRIPTS
from hil_tests.chaos.faults import ONE_BROKER
from hil_tests.chaos.field import invited, ready
from hil_tests.chaos.hub_side import running_hub_side
from hil_tests.chaos.invariants import judge
from hil_tests.network.cell import DIES_WITH_US, why_not
from hil_tests.network.relayed import relayed_ground

pytestmark = pytest.mark.system

FENGSUI = str(Path(sys.executable).parent / "fengsui")
ROWS = 20


def chaos(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [*DIES_WITH_US, FENGSUI, "chaos", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=550, check=False)


def run_holds(net: str, broker: str, *, events: int, faults: int) -> dict[str, Any]:
    """Make a run, assert that everything held, and return its figures."""
    wanted = ("--events", str(events), "--faults", str(faults), "--seed", "20261125", "--boxes", "2")
    done = chaos(*wanted, "--broker", broker, "--net", net)

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    seed, again, *_, last = done.stdout.splitlines()
    assert seed == "seed 20261125"
    assert again == f"again: fengsui chaos {' '.join(wanted)} --broker {broker} --net {net}"
    figures = dict(json.loads(last))
    assert figures["ok"] is True
    assert (figures["net"], figures["broker"]) == (net, broker)
    assert figures["produced"] == figures["hub_rows"] >= events
    assert figures["tasks_restarted"] == 0
    assert sum(figures["faults"].values()) == faults
    assert figures["pictures"] >= events // 50
    return figures


async def test_nothing_is_lost_doubled_or_out_of_order_whatever_fails() -> None:
    if reason := await why_not():
        pytest.skip(f"no namespaces here: {reason}")

    figures = await asyncio.to_thread(run_holds, "namespaces", "mosquitto", events=2000, faults=len(ONE_BROKER) + 3)

    assert figures["faults"].keys() == set(ONE_BROKER)


async def test_nothing_is_lost_over_relays_where_namespaces_are_not_permitted() -> None:
    await asyncio.to_thread(run_holds, "relay", "mosquitto", events=200, faults=2)


async def test_nothing_is_lost_over_a_broker_cluster_of_somebody_else_whose_nodes_die() -> None:
    if not SCRIPTS.is_dir():
        pytest.skip("RabbitMQ is not installed: apt-get install rabbitmq-server")
    if reason := await why_not():
        pytest.skip(f"no namespaces here: {reason}")

    figures = await asyncio.to_thread(run_holds, "namespaces", "rabbitmq", events=300, faults=4)

    assert figures["faults"]["kill_cluster_node"] >= 1


async def publish_carelessly(member: Member, rows: list[dict[str, Any]]) -> None:
    """Hand rows over as a box would whose custody ended at the broker's PUBACK."""
    node_id = member.identity.node_id
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=node_id, protocol=paho.MQTTv311)
    client.tls_set_context(member.tls())
    client.connect(**member.identity.brokers[0].model_dump())
    client.loop_start()
    batch = Batch(node_id=node_id, epoch="e1", lane=Lane.EVENTS, first=1, rows=tuple(map(json.dumps, rows)))
    sent = client.publish(topics.batch(node_id, Lane.EVENTS), batch.to_bytes(), qos=1)
    await asyncio.to_thread(sent.wait_for_publish, 60)
    assert sent.is_published()  # the broker has acknowledged it: PUBACK
    client.disconnect()
    await asyncio.to_thread(client.loop_stop)


async def test_the_count_fails_where_custody_ends_at_the_brokers_acknowledgement(tmp_path: Path) -> None:
    async with relayed_ground() as ground, running_hub_side(tmp_path, ground.centre) as side:
        await ready(side)
        key = await asyncio.to_thread(NodeKey.open, tmp_path / "key.pem")
        applicant = Applicant(serial="careless", profile=PROFILE)
        member = await enrol(await invited(side, "careless"), applicant, key, now=datetime.now(UTC))
        node_id = member.identity.node_id
        rows = [made_event(node_id) for _ in range(ROWS)]

        await side.hub.hold()
        await publish_carelessly(member, rows)
        await side.broker.kill()
        side.hub.release()
        await ready(side)

        verdict = judge({node_id: [row["id"] for row in rows]}, await asyncio.to_thread(side.rows))

    assert not verdict.holds
    assert verdict.lost == ROWS


@pytest.mark.parametrize(
    "arguments",
    [
        ["--events", "0"],
        ["--faults", "-1"],
        ["--boxes", "17"],
        ["--seed", "soon"],
        ["--net", "wireless"],
        ["--keep", "/usr"],
        ["--unknown"],
    ],
)
def test_a_wrong_call_gets_one_clear_error_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chaos", *arguments]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("fengsui chaos: ")
    assert said.err.count("\n") == 1
