"""A broker of somebody else: what its operator is told, and a hub and a node that work over it."""

import asyncio
import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from federation.cli import main
from federation.testing.broker import mosquitto
from federation.testing.played_appliance import made_event, played_appliance
from federation.testing.ports import reserved
from federation.testing.waiting import until
from hub.config import HubConfig
from hub.errors import ConfigInvalid
from hub.fleet.broker_endpoints import broker_endpoints
from hub.fleet.broker_files import Admitted, SubscriberAccount
from hub.fleet.enrolment import spread
from hub.fleet.rabbitmq import hash_password, render_definitions
from hub.supervision import programs
from tests.hub.conftest import Served, hub_config, serving

FENGSUI = str(Path(sys.executable).with_name("fengsui"))
TRAFFIC = SubscriberAccount(
    username="feed-traffic.a", bureau="traffic.a", password_hash="", rabbitmq_hash=hash_password("secret", b"salt")
)
EVERYBODY = Admitted(node_ids=["box-1", "box-1.b"], subscribers=[TRAFFIC])
# What an operator writes who has no RabbitMQ but a Mosquitto, from the rules in docs/operator.md.
MOSQUITTO = """\
per_listener_settings false
listener {port} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/server.pem
keyfile {folder}/server.pem
require_certificate true
use_identity_as_username true
allow_anonymous false
acl_file {folder}/acl
user root
"""
RULES = """\
pattern write fs/1/%u/u/#
pattern write fs/1/%u/s
pattern read fs/1/%u/d/#

user @hub
topic readwrite fs/1/#
topic readwrite feed/1/#
"""


def rules(user: str, table: str = "topic_permissions") -> dict[str, Any]:
    found = json.loads(render_definitions(EVERYBODY))[table]
    (rule,) = [each for each in found if each["user"] == user]
    return dict(rule)


def permits(user: str, action: str, topic: str) -> bool:
    """Tell whether RabbitMQ lets the user do that with the topic, which becomes a routing key there."""
    key = topic.translate({ord("/"): ".", ord("."): "/", ord("+"): "*"})
    return re.search(rules(user)[action], key) is not None


@pytest.mark.parametrize(
    ("user", "action", "topic"),
    [
        ("box-1", "write", "fs/1/box-1/s"),
        ("box-1", "write", "fs/1/box-1/u/b/events"),
        ("box-1", "read", "fs/1/box-1/d/ack"),
        ("box-1.b", "read", "fs/1/box-1.b/d/t"),
        ("feed-traffic.a", "read", "feed/1/traffic.a/events"),
        ("feed-traffic.a", "read", "feed/1/traffic.a/#"),
        ("@hub", "read", "fs/1/+/u/#"),
        ("@hub", "read", "fs/1/+/s"),
        ("@hub", "write", "fs/1/box-1/d/t"),
        ("@hub", "write", "feed/1/traffic.a/events"),
    ],
)
def test_everybody_may_do_what_is_theirs(user: str, action: str, topic: str) -> None:
    assert permits(user, action, topic)


@pytest.mark.parametrize(
    ("user", "action", "topic"),
    [
        ("box-1", "write", "fs/1/box-1/d/t"),
        ("box-1", "write", "fs/1/box-1.b/s"),
        ("box-1", "write", "fs/1/box-2/u/hello"),
        ("box-1", "read", "fs/1/+/d/ack"),
        ("box-1", "read", "fs/1/box-1/u/hello"),
        ("box-1.b", "read", "fs/1/box-1/b/d/t"),
        ("box-1", "read", "#"),
        ("feed-traffic.a", "read", "feed/1/trafficXa/events"),
        ("feed-traffic.a", "read", "fs/1/box-1/u/b/events"),
        ("feed-traffic.a", "write", "feed/1/traffic.a/events"),
        ("@hub", "read", "other/1/x"),
    ],
)
def test_nobody_may_do_what_is_anothers(user: str, action: str, topic: str) -> None:
    assert not permits(user, action, topic)


@pytest.mark.parametrize(("user", "other"), [("box-1", "box-1.b"), ("feed-traffic.a", "feed-trafficXa")])
def test_a_session_has_the_queue_of_its_own_client_id_only(user: str, other: str) -> None:
    configure = rules(user, "permissions")["configure"]

    assert re.search(configure, f"mqtt-subscription-{user}qos1")
    assert not re.search(configure, f"mqtt-subscription-{other}qos1")


def test_only_a_bureau_has_a_password() -> None:
    users = {user["name"]: user["password_hash"] for user in json.loads(render_definitions(EVERYBODY))["users"]}

    assert users.keys() == {"@hub", "box-1", "box-1.b", "feed-traffic.a"}
    assert base64.b64decode(users.pop("feed-traffic.a")) == b"salt" + hashlib.sha512(b"saltsecret").digest()
    assert set(users.values()) == {""}


def test_nodes_begin_at_different_endpoints_and_know_all(tmp_path: Path) -> None:
    config = foreign(tmp_path, "mq1:8883", "mq2:8883", "[::1]:8883")
    endpoints = broker_endpoints(config).nodes
    orders = {tuple(map(str, spread(endpoints, f"box-{number}"))) for number in range(20)}

    assert len(orders) == 3
    assert {frozenset(order) for order in orders} == {frozenset({"mq1:8883", "mq2:8883", "[::1]:8883"})}


def foreign(folder: Path, *addresses: str, **more: Any) -> HubConfig:
    return hub_config(folder, broker={"managed": False, "addresses": addresses, **more})


@pytest.mark.parametrize(
    ("broker", "says"),
    [
        ({"managed": False}, "managed = false needs addresses"),
        ({"addresses": ["mq:8883"]}, "need managed = false"),
        ({"public_addresses": ["mq:8883"]}, "need managed = false"),
        ({"managed": False, "addresses": ["mq"]}, "broker.addresses.0"),
        ({"managed": False, "addresses": ["mq:0"]}, "broker.addresses.0"),
        ({"managed": False, "addresses": ["mq:70000"]}, "broker.addresses.0"),
        ({"managed": False, "addresses": [":8883"]}, "broker.addresses.0"),
        ({"managed": False, "addresses": ["mq:8883"] * 17}, "broker.addresses"),
    ],
)
def test_a_broker_that_cannot_be_is_one_clear_error(broker: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=re.escape(says)):
        hub_config(tmp_path, broker=broker)


def test_nodes_may_know_the_broker_by_other_names(tmp_path: Path) -> None:
    found = broker_endpoints(foreign(tmp_path, "10.0.0.1:8883", public_addresses=["mq.example.org:443"]))

    assert [str(each) for each in (*found.hub, *found.nodes, *found.subscribers)] == [
        "10.0.0.1:8883",
        "mq.example.org:443",
        "mq.example.org:443",
    ]


def test_supervision_starts_no_broker_of_somebody_else() -> None:
    assert "broker" not in programs(Path("hub.toml"), managed=False)
    assert "broker" in programs(Path("hub.toml"))


def called(config: HubConfig, *words: str) -> list[str]:
    """Return the words of a command of the hub, having written its configuration."""
    path = config.data_folder.parent / "hub.toml"
    addresses = json.dumps(config.broker.addresses)
    managed = "true" if config.broker.managed else f"false\naddresses = {addresses}"
    path.write_text(f'data_folder = "{config.data_folder}"\n[broker]\nmanaged = {managed}\n')
    return ["hub", *words, "--config", str(path)]


def command(config: HubConfig, *words: str) -> "subprocess.CompletedProcess[str]":
    done = [FENGSUI, *called(config, *words)]
    return subprocess.run(done, capture_output=True, text=True, timeout=300, check=False)


def test_the_operator_is_told_everything_and_certificates_stay_from_call_to_call(tmp_path: Path) -> None:
    config, out = foreign(tmp_path, "mq1.example.org:8883", "10.0.0.7:8883"), tmp_path / "out"

    first = command(config, "broker-access", "--out", str(out), "--installed-in", "/etc/rabbitmq/fengsui")
    server = (out / "server.pem").read_text()
    again = command(config, "broker-access", "--out", str(out))

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert first.stdout == "rabbitmqctl import_definitions /etc/rabbitmq/fengsui/definitions.json\n"
    assert again.stdout == f"rabbitmqctl import_definitions {out}/definitions.json\n"
    assert (out / "server.pem").read_text() == server
    names = x509.load_pem_x509_certificate(server.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert set(names.value.get_values_for_type(x509.DNSName)) == {"hub.fengsui", "mq1.example.org"}
    assert {path.name for path in out.iterdir()} == {"ca.pem", "definitions.json", "rabbitmq.conf", "server.pem"}
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("managed", "words", "says"),
    [
        (True, ("broker-access", "--out", "out"), "broker.managed is true"),
        (False, ("broker-access", "--out", "/proc/nowhere"), "cannot write to /proc/nowhere"),
        (False, ("broker",), "broker.managed is false"),
    ],
)
def test_a_wrong_call_is_one_clear_line(
    *, managed: bool, words: tuple[str, ...], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = hub_config(tmp_path) if managed else foreign(tmp_path, "mq:8883")

    assert main(called(config, *words)) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("fengsui hub: ")
    assert says in said.err
    assert said.err.count("\n") == 1


@asynccontextmanager
async def foreign_mosquitto(config: HubConfig, port: int) -> AsyncIterator[None]:
    """Run a Mosquitto as its operator would set it up with what the hub writes down."""
    program, out = mosquitto(), config.data_folder.parent / "out"
    if program is None:
        pytest.skip("Mosquitto is not installed")
    done = await asyncio.to_thread(command, config, "broker-access", "--out", str(out))
    assert done.returncode == 0, done.stderr
    (out / "acl").write_text(RULES)
    (out / "mosquitto.conf").write_text(MOSQUITTO.format(port=port, folder=out))
    process = await asyncio.create_subprocess_exec(program, "-c", str(out / "mosquitto.conf"))
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def handed_over(hub: Served) -> int:
    """Let a node join and hand events over; return how many the hub has acknowledged."""
    member = await hub.enrol()
    async with played_appliance(member) as node:
        await node.hello()
        return (await node.hand_over(1, [made_event(node.node_id) for _ in range(3)])).upto


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name:
        yield Path(name)


async def test_hub_and_node_work_over_a_broker_of_somebody_else_whichever_endpoint_answers(short_path: Path) -> None:
    with reserved(2) as (nobody, port):
        config = await asyncio.to_thread(foreign, short_path, f"127.0.0.1:{nobody}", f"127.0.0.1:{port}")
        async with foreign_mosquitto(config, port), serving(config) as hub:
            link = hub.hub.foundation.link
            await until(lambda: link.connected, within_s=60, what="the hub is connected to the broker")

            assert await handed_over(hub) == 3

        written = await asyncio.to_thread((config.broker_folder / "definitions.json").read_text)
        assert "analysis-1" in {user["name"] for user in json.loads(written)["users"]}
        assert not (config.broker_folder / "mosquitto.conf").exists()
