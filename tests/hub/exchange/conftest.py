"""A hub whose in-folder a test fills, with parcels of a played box."""

import json
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from federation.crypto import PublicKey, SigningKey
from federation.exchange import Address, Item, ParcelKind, file_name, make_parcel
from federation.exchange.joining import make_request, read_answer
from federation.messages import Batch, Hello, Lane, Presence, new_id
from federation.testing.ports import reserved
from federation.testing.waiting import until
from hub.config import HubConfig, make_config
from tests.hub.conftest import QUIET, REMEMBERED, remember

WAIT_S = 60.0


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite, unless a test asks for PostgreSQL too: see `on_both_databases`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    server = request.getfixturevalue("postgres")
    return str(server.create_database(f"t{abs(hash(str(tmp_path))):x}"))


@pytest.fixture
def config(database_url: str) -> Iterator[HubConfig]:
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name, reserved(len(REMEMBERED)) as ports:
        folder = Path(name)
        exchange = {"in_folder": "in", "out_folder": "out", "look_every_s": 0.05, "settle_s": 0.2, "answer_s": 0.1}
        values = {"data_folder": "data", "database_url": database_url, "http": {"port": 0}, "exchange": exchange}
        made = make_config({**values, **QUIET}, folder=folder)
        remember(made, ports)
        yield made


@dataclass(kw_only=True)
class PlayedBorder:
    """A box beyond a border, played: it has joined, and puts parcels into the hub's in-folder."""

    node_id: str
    hub_id: str
    hub_key: PublicKey
    key: SigningKey
    hub: Any
    folder: Path
    serial: int = 0
    stream: str = field(default_factory=new_id)
    epoch: str = "epoch-1"

    def parcel(self, *items: Item, kind: ParcelKind = ParcelKind.MESSAGES, **more: Any) -> tuple[str, bytes]:
        """Return name and bytes of the next parcel."""
        self.serial += 1
        values = {"sender": self.node_id, "receiver": self.hub_id, "stream": self.stream, "serial": self.serial}
        address = Address(**{**values, **more})
        content = make_parcel(
            address, items, kind=kind, created_at=datetime.now(UTC), key=self.key, receiver_key=self.hub_key
        )
        return file_name(address.sender, address.receiver, address.serial), content

    def put(self, name: str, content: bytes) -> None:
        """Put a file into the hub's in-folder."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / name).write_bytes(content)

    def rows(self, first: int, rows: Sequence[dict[str, Any]]) -> Item:
        """Return a batch of events as an item."""
        said = tuple(map(json.dumps, rows))
        batch = Batch(node_id=self.node_id, epoch=self.epoch, lane=Lane.EVENTS, first=first, rows=said)
        return Item("u/b/events", batch.to_bytes())

    def hello(self, *, base: int = 1, following: int) -> Item:
        """Return a hello of the lane of events as an item."""
        hello = Hello(node_id=self.node_id, epoch=self.epoch, lane=Lane.EVENTS, base=base, next=following)
        return Item("u/hello", hello.to_bytes())

    def presence(self) -> Item:
        """Return the box's presence as an item."""
        now = datetime.now(UTC)
        presence = Presence(
            node_id=self.node_id, incarnation=1, online=True, profile="analysis", software="0.1", started_at=now
        )
        return Item("s", presence.to_bytes())

    async def state(self) -> dict[str, Any]:
        """Return how file exchange stands."""
        return dict((await self.hub.console.get("/api/v1/exchange")).raise_for_status().json())

    async def node(self) -> dict[str, Any]:
        """Return how it stands with this box."""
        return next(node for node in (await self.state())["nodes"] if node["node_id"] == self.node_id)

    async def taken(self, count: int) -> None:
        """Wait until so many parcels were taken since the hub's start."""

        async def enough() -> bool:
            return bool((await self.state())["taken"] >= count)

        await until(enough, within_s=WAIT_S, what=f"{count} parcels are taken")

    async def refused(self, reason: str) -> None:
        """Wait until a file was refused for this reason."""

        async def so() -> bool:
            return reason in (await self.state())["refused"]

        await until(so, within_s=WAIT_S, what=f"a file is refused as {reason}")

    async def event_ids(self) -> list[str]:
        """Return the ids of all events in the hub."""
        page = (await self.hub.console.get("/api/v1/events", params={"limit": 200})).raise_for_status().json()
        return [row["id"] for row in page["items"]]


def _request(key: SigningKey, *, serial: str = "box-1", two_way: bool = True) -> str:
    return make_request(key, serial=serial, profile="analysis", software="0.1", two_way=two_way)


@pytest.fixture
def request_of() -> Callable[..., str]:
    """Makes the file by which a box asks to be let in."""
    return _request


@pytest.fixture
def join() -> Callable[..., Awaitable[PlayedBorder]]:
    """Lets a played box join a hub."""
    return _join


async def _join(hub: Any, *, name: str = "gate-1", serial: str = "box-1", two_way: bool = True) -> PlayedBorder:
    key = SigningKey.generate()
    request = _request(key, serial=serial, two_way=two_way)
    body = {"request": request, "name": name}
    answered = (await hub.console.post("/api/v1/exchange/nodes", json=body)).raise_for_status().json()
    answer, hub_key = read_answer(answered["answer"], request=request)
    return PlayedBorder(
        node_id=answer.node_id,
        hub_id=answer.hub_id,
        hub_key=hub_key,
        key=key,
        hub=hub,
        folder=hub.config.exchange.in_folder,
    )
