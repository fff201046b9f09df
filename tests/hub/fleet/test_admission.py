"""Whom broker and hub let in; who is shut out is out at once. A real Mosquitto, run by the hub's own command."""

import asyncio
import base64
import hashlib
import shutil
import socket
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from federation.bus import BrokerAddress, Connected, Disconnected, Session
from federation.identity.certificate import read_certificate
from federation.identity.enrolment import Applicant, enrol
from federation.identity.issuing import make_client
from federation.identity.trust import client_context, show
from federation.messages import BrokerEndpoint
from federation.testing.waiting import until
from hub.config import HubConfig
from hub.database import Database
from hub.fleet.broker_admission import reload_broker
from hub.fleet.certificates import revoke_all
from hub.fleet.tables import broker_accounts, nodes
from tests.hub.conftest import Served, running_broker, serving
from tests.hub.fleet.test_link import is_in_state, node_of

NO_PACKAGE = "sha256:" + "0" * 64


@pytest.fixture
def database_url() -> str:
    """One kind of database will do: these tests are about certificates."""
    return ""


async def answer_of(
    endpoints: tuple[BrokerEndpoint, ...], tls: ssl.SSLContext, client_id: str = "x"
) -> Connected | Disconnected:
    """Return what the broker says there to whoever comes with these credentials."""
    async with Session(BrokerAddress(endpoints=endpoints, tls=tls), client_id=client_id) as session:
        item = await until(session.next, within_s=60, what="the broker answers")
    assert isinstance(item, Connected | Disconnected)
    return item


async def test_a_revoked_node_is_cut_off_at_once_by_mqtt_and_https_and_the_others_notice_nothing(
    linked_hub: Any,
) -> None:
    leaving = await linked_hub.enrol("goes")
    async with (
        node_of(await linked_hub.enrol("stays")) as stays,
        node_of(leaving) as goes,
        linked_hub.node(leaving) as http,
    ):
        before = await http.get(f"/api/v1/artifacts/{NO_PACKAGE}")
        revoked = (await linked_hub.console.post("/api/v1/nodes/goes/revocation")).raise_for_status().json()
        after = await http.get(f"/api/v1/artifacts/{NO_PACKAGE}")

        await until(lambda: len(goes.lost) >= 2, within_s=60, what="the revoked node is cut off and refused")
        assert (stays.connects, stays.lost) == (1, [])

    assert (before.status_code, after.status_code, after.json()["code"]) == (404, 403, "node_revoked")
    assert (revoked["state"], bool(revoked["revoked_at"])) == ("revoked", True)
    audit = (await linked_hub.console.get("/api/v1/audit", params={"action": "node.revoke"})).json()["items"]
    assert [entry["subject"] for entry in audit] == ["node:goes"]


async def test_a_node_that_was_revoked_while_the_hub_was_away_is_cut_off_when_it_is_back(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    async with serving(config) as hub:
        await until(lambda: hub.hub.foundation.link.connected, within_s=60, what="linked")
        leaving = await hub.enrol("goes")
    async with node_of(leaving) as goes:
        database = await asyncio.to_thread(Database, config.database)
        await database.run(lambda connection: connection.execute(update(nodes).values(revoked_at_us=1)))
        await database.run(lambda connection: revoke_all(connection, "goes"))
        await database.close()
        async with serving(config):
            await until(lambda: len(goes.lost) >= 2, within_s=60, what="the revoked node is cut off and refused")


async def test_the_authority_outlives_restart_and_backup_of_the_hub(tmp_path: Path, config: HubConfig) -> None:
    async with serving(config) as hub:
        member = await hub.enrol()
    copy = config.model_copy(update={"data_folder": tmp_path / "restored"})
    await asyncio.to_thread(shutil.copytree, config.data_folder, copy.data_folder)
    async with running_broker(copy, tmp_path), serving(copy) as hub:
        await until(lambda: hub.hub.foundation.link.connected, within_s=60, what="linked")
        async with node_of(member), hub.node(member) as http:
            answer = await http.get(f"/api/v1/artifacts/{NO_PACKAGE}")

    assert answer.status_code == 404


async def test_a_node_takes_no_others_place_by_its_client_id(linked_hub: Any) -> None:
    mallory = await linked_hub.enrol("mallory")
    async with node_of(await linked_hub.enrol("victim")) as victim:
        tls = await asyncio.to_thread(mallory.tls)
        address = BrokerAddress(endpoints=mallory.identity.brokers, tls=tls)
        async with Session(address, client_id="victim") as thief:
            assert isinstance(await until(thief.next, within_s=60, what="it is let in as itself"), Connected)
            victim.say()
            await is_in_state(linked_hub, "victim", "online")

        assert (victim.connects, victim.lost) == (1, [])


async def test_who_joins_while_the_broker_still_reads_for_another_may_speak(linked_hub: Served) -> None:
    # Mosquitto forgets a signal that comes while it reads, and reading ends with every bureau's password.
    draft = {"bureau": "slow", "name": "慢"}
    credentials = (await linked_hub.console.post("/api/v1/subscriptions", json=draft)).raise_for_status().json()
    password = credentials["password"]
    slow = update(broker_accounts).values(password_hash=await asyncio.to_thread(slow_hash, password))
    await linked_hub.hub.foundation.database.run(lambda connection: connection.execute(slow))
    await linked_hub.hub.foundation.admission.apply()
    tls = client_context(ca=credentials["ca"])
    endpoints = tuple(BrokerEndpoint(**broker) for broker in credentials["brokers"])
    address = BrokerAddress(endpoints=endpoints, tls=tls, username=credentials["username"], password=password)
    async with Session(address, client_id="x") as bureau:
        assert isinstance(await until(bureau.next, within_s=60, what="the bureau is let in"), Connected)

        bundle, key = await linked_hub.invite(), await linked_hub.key("analysis-1")
        applicant = Applicant(serial="serial-1", profile="analysis", software="0.1")

        assert await asyncio.to_thread(reload_broker, linked_hub.config.broker_folder)
        async with node_of(await enrol(bundle, applicant, key, now=datetime.now(UTC))) as node:
            node.say()

            await is_in_state(linked_hub, node.id, "online")


def slow_hash(password: str) -> str:
    """An entry of mosquitto's password file that takes it about half a second to check."""
    rounds, salt = 500_000, b"salt" * 3
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


async def test_nobody_is_let_in_at_a_listener_that_is_not_his(linked_hub: Served) -> None:
    authority, ports = linked_hub.hub.foundation.authority, linked_hub.hub.foundation.ports.broker
    member = await linked_hub.enrol()
    as_node = await asyncio.to_thread(member.tls)
    without = client_context(ca=authority.ca)
    as_false_hub = client_context(ca=authority.ca)
    show(as_false_hub, chain=make_client("@hub"))

    answers = {
        "nobody at the nodes' port": await answer_of(ports.nodes, without),
        "a false hub at the nodes' port": await answer_of(ports.nodes, as_false_hub),
        "nobody at the hub's port": await answer_of(ports.hub, without),
        "a node at the hub's port": await answer_of(ports.hub, as_node),
        "a false hub at the hub's port": await answer_of(ports.hub, as_false_hub),
        "nobody at the bureaus' port": await answer_of(ports.subscribers, without),
        "a node at the bureaus' port": await answer_of(ports.subscribers, as_node),
    }

    assert {name: getattr(answer, "refused", False) for name, answer in answers.items()} == dict.fromkeys(answers, True)
    assert isinstance(await answer_of(ports.nodes, as_node), Connected)


async def test_the_broker_shows_a_renewed_certificate_and_nobody_notices(linked_hub: Served) -> None:
    foundation = linked_hub.hub.foundation

    def shown() -> str:
        tls = client_context(ca=foundation.authority.ca)
        address = ("127.0.0.1", foundation.ports.broker.subscribers[0].port)
        with socket.create_connection(address, timeout=60) as plain, tls.wrap_socket(plain) as wrapped:
            return read_certificate(wrapped.getpeercert(binary_form=True) or b"").serial

    async with node_of(await linked_hub.enrol("stays")) as stays:
        late = datetime.now(UTC) + timedelta(days=300)
        fresh = await asyncio.to_thread(foundation.authority.refresh_server, late)
        assert fresh is not None
        await foundation.admission.apply()

        async def renewed() -> bool:
            return await asyncio.to_thread(shown) == read_certificate(fresh).serial

        await until(renewed, within_s=60, what="the broker shows the new certificate")
        assert (stays.connects, stays.lost) == (1, [])
