"""Nodes that fall silent, and neighbours that are asked after them. Over a real broker."""

import subprocess

import pytest

from federation import topics
from federation.messages import Ask
from federation.testing.played_appliance import played_appliance
from federation.testing.waiting import until
from hub.config import HubConfig
from tests.hub.conftest import Served, serving
from tests.hub.neighbours import PLACE, beating, fallen_silent, held, row_of


@pytest.fixture
def database_url() -> str:
    """SQLite alone: what is tested here knows no database."""
    return ""


async def test_a_silent_node_that_its_neighbour_reaches_is_cut_off_and_one_that_it_does_not_reach_is_dead(
    watching: Served,
) -> None:
    async with beating(watching, "neighbour", lives=True) as witness:
        await fallen_silent(watching)
        cut_off = await held(watching, "silent", "unknown", "reached")

        witness.lives = False
        dead = await held(watching, "silent", "dead", "denied")

        assert cut_off["witnesses"] == dead["witnesses"] == ["neighbour"]
        assert witness.asks[0].about == "silent"
        assert witness.asks[0].urls == PLACE["probe_urls"]
        await held(watching, "neighbour", "online")


async def test_a_node_that_speaks_again_is_online_at_once_however_dead_it_was(watching: Served) -> None:
    async with beating(watching, "neighbour", lives=False):
        member = await fallen_silent(watching)
        await held(watching, "silent", "dead")

        async with played_appliance(member, **PLACE):
            await held(watching, "silent", "online", "spoke")


async def test_where_a_whole_site_is_silent_nobody_is_dead(watching: Served) -> None:
    async with beating(watching, "elsewhere", site="west", lives=False) as stranger:
        await fallen_silent(watching, "east-1")
        await fallen_silent(watching, "east-2")
        await fallen_silent(watching, "alone", site="south")

        await held(watching, "east-1", "unknown", "site_silent")
        await held(watching, "east-2", "unknown", "site_silent")
        await held(watching, "alone", "unknown", "no_witness")
        assert stranger.asks == []


async def test_an_answer_that_nobody_asked_for_is_counted_and_changes_nothing(watching: Served) -> None:
    async with beating(watching, "neighbour") as witness, beating(watching, "liar", lives=True) as liar:
        witness.lives = True
        await fallen_silent(watching)
        await held(watching, "silent", "unknown")
        asked = witness.asks[-1]
        before = watching.hub.foundation.watch.witnesses.unasked

        liar.testify(Ask(id="guessed", about="silent", urls=PLACE["probe_urls"]), reached=False)
        liar.testify(asked, reached=False)  # another's question
        witness.testify(asked, reached=False, about="liar")  # about somebody else
        liar.session.publish(topics.witness_answer("liar"), b"{}")

        witnesses = watching.hub.foundation.watch.witnesses
        await until(lambda: witnesses.unasked >= before + 3, within_s=60, what="three answers are counted")
        assert watching.hub.foundation.link.malformed == 1
        assert (await row_of(watching, "silent"))["state"] == "unknown"


async def test_an_operator_says_what_no_witness_can_and_never_against_the_node_itself(watching: Served) -> None:
    async with beating(watching, "talks"):
        await fallen_silent(watching, site="south")
        await held(watching, "silent", "unknown", "no_witness")
        where = "/api/v1/nodes/silent/declaration"

        dead = (await watching.console.post(where, json={"alive": False})).json()
        alive = (await watching.console.post(where, json={"alive": True})).json()
        refused = await watching.console.post("/api/v1/nodes/talks/declaration", json={"alive": False})

        assert (dead["state"], dead["cause"], dead["declared_by"]) == ("dead", "operator", "console")
        assert alive["state"] == "unknown"
        assert (refused.status_code, refused.json()["code"]) == (409, "node_online")
        actions = [row["action"] for row in (await watching.console.get("/api/v1/audit")).json()["items"]]
        assert actions.count("node.declare") == 2


async def test_while_the_hub_itself_is_cut_off_nobody_is_suspect(
    watching: Served, broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    joined = await watching.enrol("node")
    async with played_appliance(joined, **PLACE) as node:
        node.beat()
        await held(watching, "node", "online")

        broker.kill()
        link = watching.hub.foundation.link
        await until(lambda: not link.connected, within_s=60, what="the hub has lost its broker")
        watch = watching.hub.foundation.watch
        await until(lambda: watch.silent_s("node") > 3, within_s=60, what="the node was silent for longer than allowed")

        assert (await row_of(watching, "node"))["state"] == "online"


async def test_what_is_held_of_a_node_outlives_a_restart_of_the_hub(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    fleet = config.fleet.model_copy(update={"silence_s": 1.0})
    async with serving(config.model_copy(update={"fleet": fleet})) as hub:
        await until(lambda: hub.hub.foundation.link.connected, within_s=60, what="the hub is connected")
        await fallen_silent(hub)
        before = await held(hub, "silent", "unknown", "no_witness")
    async with serving(config) as hub:
        after = await row_of(hub, "silent")

        names = ("state", "cause", "state_since", "witnesses", "probe_urls")
        assert [after[name] for name in names] == [before[name] for name in names]
