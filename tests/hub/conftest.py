"""A hub over each kind of database, its broker, and callers of its API."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from federation.identity.bundle import Bundle
from federation.identity.enrolment import Applicant, enrol
from federation.identity.key import NodeKey
from federation.identity.member import Member
from federation.identity.trust import client_context
from federation.private_files import write_private
from federation.testing.broker import mosquitto
from federation.testing.ports import reserved
from federation.testing.waiting import until, wait_until
from hub.app import open_hub
from hub.assembly import Hub
from hub.config import HubConfig, make_config
from hub.database import Database
from hub.database.upgrade import upgrade
from hub.fleet.broker_process import broker_command, broker_ports

FENGSUI = str(Path(sys.executable).with_name("fengsui"))
# What other programs on this network say is none of a test's business, and trying the shipped model takes seconds.
QUIET = {"discovery": {"enabled": False}, "offer_shipped": False}
OWN_PASSWORD = "tower-on-the-hill-7"
REMEMBERED = ("port", "subscriber-port", "hub-port", "node-port")  # those that a hub takes once
# Of a server with some hundred databases: nobody tidies them up, and none is kept.
THRIFTY = ["-c", "autovacuum=off", "-c", "jit=off", "-c", "full_page_writes=off"]


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A private PostgreSQL server."""

    port: int
    folder: Path
    environment: tuple[str, ...]

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://fengsui:{self.environment[0]}@127.0.0.1:{self.port}/{name}"

    def create_database(self, name: str, *, like: str = "template1") -> str:
        dsn = f"host=127.0.0.1 port={self.port} user=fengsui password={self.environment[0]} dbname=postgres"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(f'create database "{name}" template "{like}"')
        return self.url(name)


def _postgres_folder() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _unprivileged() -> list[str]:
    # PostgreSQL refuses to run as root.
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a private PostgreSQL on a free loopback port; skip the test where it is not installed."""
    binaries = _postgres_folder()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with tempfile.TemporaryDirectory(prefix="fengsui-pg-") as name, reserved(1) as (port,):
        folder, password = Path(name), "loopback-only"
        (folder / "password").write_text(password)
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(data, nobody.pw_uid, nobody.pw_gid)
        initdb = [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            "fengsui",
            "-A",
            "scram-sha-256",
            "--pwfile",
            folder / "password",
        ]
        options = ["--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run([*_unprivileged(), *map(str, initdb), *options], check=True, capture_output=True, timeout=60)
        command = [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "", "-F", *THRIFTY]
        log = (folder / "log").open("wb")
        process = subprocess.Popen([*_unprivileged(), *map(str, command)], stdout=log, stderr=log)
        try:
            ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            wait_until(lambda: _succeeds(ready), within_s=90, what="PostgreSQL accepts connections")
            yield Postgres(port=port, folder=folder, environment=(password,))
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nobody needs the data any more
            process.wait(60)
            log.close()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, check=False, timeout=10).returncode == 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def upgraded_postgres(postgres: Postgres) -> Postgres:
    """A server whose database `upgraded` has the newest schema: a copy costs less than all migrations."""
    _upgrade(postgres.create_database("upgraded"))
    return postgres


@pytest.fixture(scope="session")
def upgraded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest schema."""
    path = tmp_path_factory.mktemp("upgraded") / "hub.db"
    _upgrade(f"sqlite:///{path}")
    return path


def _upgrade(url: str) -> None:
    async def work() -> None:
        database = Database(url)
        await upgrade(database)
        await database.close()

    asyncio.run(work())


# For a test whose SQL its neighbours speak to both kinds: on the other it would cost a second for nothing.
ON_SQLITE = pytest.mark.parametrize("database_url", [""], ids=["sqlite"])


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind without rows; empty means SQLite in the data folder."""
    if request.param == "sqlite":
        return ""
    server: Postgres = request.getfixturevalue("upgraded_postgres")
    return server.create_database(f"t{abs(hash(str(tmp_path))):x}", like="upgraded")


@pytest.fixture
def config(database_url: str, upgraded_sqlite: Path) -> Iterator[HubConfig]:
    with tempfile.TemporaryDirectory(prefix="fengsui-") as folder, reserved(len(REMEMBERED)) as ports:
        made = hub_config(Path(folder), database_url)
        remember(made, ports)
        if not database_url:
            shutil.copy(upgraded_sqlite, made.database.removeprefix("sqlite:///"))
        yield made


def remember(config: HubConfig, ports: Sequence[int]) -> None:
    """Let a hub have taken these ports, one for each `REMEMBERED`: what it takes itself another may have before it."""
    config.broker_folder.mkdir(parents=True, mode=0o700)
    for name, port in zip(REMEMBERED, ports, strict=True):
        write_private(config.broker_folder / name, f"{port}\n")


def hub_config(folder: Path, database_url: str = "", **more: Any) -> HubConfig:
    values = {"data_folder": "data", "database_url": database_url, "http": {"port": 0}, **QUIET, **more}
    return make_config(values, folder=folder)


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running hub with clients: `console` may do everything, `anonymous` is nobody."""

    hub: Hub
    url: str
    node_url: str
    config: HubConfig
    console: httpx.AsyncClient
    anonymous: httpx.AsyncClient

    @asynccontextmanager
    async def signed_in(self, role: str, *, username: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """A client signed in as a new user of that role, who has chosen a password."""
        name = username or f"some-{role}"
        draft = {"username": name, "display_name": name, "role": role}
        first = (await self.console.post("/api/v1/users", json=draft)).raise_for_status().json()["first_password"]
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            session = await sign_in(client, name, first)
            client.headers["X-CSRF-Token"] = session["csrf_token"]
            change = {"old": first, "new": OWN_PASSWORD}
            (await client.put("/api/v1/session/password", json=change)).raise_for_status()
            yield client

    async def invite(self, name: str = "analysis-1", profile: str = "analysis", **more: Any) -> Bundle:
        """Return a new enrolment bundle."""
        draft = {"name": name, "profile": profile, **more}
        answer = await self.console.post("/api/v1/enrolment-bundles", json=draft)
        return Bundle.model_validate(answer.raise_for_status().json()["bundle"])

    async def key(self, name: str) -> NodeKey:
        """Return the key of the box `name`."""
        return await asyncio.to_thread(NodeKey.open, self.config.data_folder.parent / "boxes" / f"{name}.key")

    async def enrol(self, name: str = "analysis-1", profile: str = "analysis", **more: Any) -> Member:
        """Let a node join."""
        applicant = Applicant(serial=f"serial-{name}", profile=profile, software="0.1")
        bundle = await self.invite(name, profile, **more)
        return await enrol(bundle, applicant, await self.key(name), now=datetime.now(UTC))

    @asynccontextmanager
    async def bearer(self, token: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client with a bearer token."""
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as client:
            yield client

    @asynccontextmanager
    async def node(self, member: Member) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the port for nodes, with the node's certificate."""
        tls = await asyncio.to_thread(member.tls)
        async with httpx.AsyncClient(base_url=self.node_url, verify=tls, timeout=60) as client:
            yield client

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the port for nodes that shows no certificate."""
        tls = client_context(ca=self.hub.foundation.authority.ca)
        async with httpx.AsyncClient(base_url=self.node_url, verify=tls, timeout=60) as client:
            yield client


async def sign_in(client: httpx.AsyncClient, username: str, password: str) -> dict[str, Any]:
    answer = await client.post("/api/v1/session", json={"username": username, "password": password})
    return dict(answer.raise_for_status().json())


@asynccontextmanager
async def serving(config: HubConfig, *, idle: frozenset[str] = frozenset()) -> AsyncIterator[Served]:
    """Run a hub with its clients."""
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(open_hub(config, idle=idle))
        over_socket = httpx.AsyncHTTPTransport(uds=str(config.console_socket))
        console = await stack.enter_async_context(
            httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=60)
        )
        anonymous = await stack.enter_async_context(httpx.AsyncClient(base_url=running.url, timeout=60))
        yield Served(
            hub=running.hub,
            url=running.url,
            node_url=running.node_url,
            config=config,
            console=console,
            anonymous=anonymous,
        )


@pytest.fixture
async def hub(config: HubConfig) -> AsyncIterator[Served]:
    """A hub without a broker."""
    async with serving(config) as served:
        yield served


@asynccontextmanager
async def running_broker(config: HubConfig, folder: Path) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Run the hub's own broker, as `fengsui hub broker` does."""
    if mosquitto() is None:
        pytest.skip("Mosquitto is not installed")
    words = await asyncio.to_thread(broker_command, config)
    with (folder / "broker.log").open("ab") as log:
        command = [
            "sh",
            "-c",
            'trap "" HUP; echo $$ > "$0"; exec "$@"',
            str(config.broker_folder / "mosquitto.pid"),
            *words,
        ]
        process = await asyncio.to_thread(subprocess.Popen, command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, 60)


@pytest.fixture
async def broker(config: HubConfig, tmp_path: Path) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """The hub's broker as a process of its own."""
    async with running_broker(config, tmp_path) as process:
        # A hub that tries before the broker listens pauses for seconds.
        port = (await asyncio.to_thread(broker_ports, config)).hub
        await asyncio.to_thread(wait_until, lambda: _answers(port), within_s=60, what="the broker accepts connections")
        yield process


@pytest.fixture
async def linked_hub(broker: "subprocess.Popen[bytes]", config: HubConfig) -> AsyncIterator[Served]:
    """A hub that is connected to its broker."""
    async with serving(config) as served:
        link = served.hub.foundation.link
        await until(lambda: link.connected, within_s=60, what="the hub is connected to its broker")
        yield served


@pytest.fixture
async def watching(broker: "subprocess.Popen[bytes]", config: HubConfig) -> AsyncIterator[Served]:
    """A hub that suspects nodes after two seconds, ten beats of a neighbour, and looks after them each half second."""
    fleet = config.fleet.model_copy(update={"silence_s": 2.0, "examine_every_s": 0.5})
    async with serving(config.model_copy(update={"fleet": fleet})) as served:
        await until(lambda: served.hub.foundation.link.connected, within_s=60, what="the hub is connected")
        yield served
