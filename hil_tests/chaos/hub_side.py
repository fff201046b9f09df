"""The hub and its broker under test, with backups of the hub's database to fall back to."""

import asyncio
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from hil_tests.chaos.brokers import (
    MOSQUITTO,
    RABBITMQ,
    Broker,
    foreign_cluster,
    foreign_settings,
    own_broker,
    own_settings,
)
from hil_tests.chaos.cluster import NODES
from hil_tests.chaos.program import Program, kept_running
from hil_tests.demo.supervision import FENGSUI
from hil_tests.network.ground import Centre, Endpoint
from hil_tests.network.weather import Wire

OLDEST_BACKUP_S = 600.0
ENDPOINTS = 2 + 2 * NODES + 1  # of the hub, of a cluster to the outside and within, of its epmd


@dataclass(kw_only=True)
class HubSide:
    """The running hub and broker, and where boxes find them; made by `running_hub_side`.

    `wire` is the line between the two.
    """

    folder: Path
    hub: Program
    broker: Broker
    hub_at: Endpoint
    wire: Wire
    _backups: deque[tuple[float, Path]] = field(default_factory=deque)
    _taken: int = 0
    _replacing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def console(self) -> Path:
        """The hub's Unix socket for the operator of this machine."""
        return self.folder / "hub" / "run" / "console.sock"

    @property
    def database(self) -> Path:
        """The hub's SQLite file."""
        return self.folder / "hub" / "hub.sqlite"

    def back_up(self) -> None:
        """Copy the database while the hub runs; forget backups of more than ten minutes ago. Blocks."""
        self._taken += 1
        target = self.folder / f"backup-{self._taken}.sqlite"
        with self._replacing, closing(self._opened()) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        self._backups.append((time.monotonic(), target))
        while len(self._backups) > 1 and time.monotonic() - self._backups[1][0] > OLDEST_BACKUP_S:
            self._backups.popleft()[1].unlink()

    def restore(self) -> float:
        """Put the oldest backup in the database's place; return its age in seconds. The hub must not run. Blocks."""
        taken_at, backup = self._backups[0]
        with self._replacing:
            for name in (self.database.name, f"{self.database.name}-wal", f"{self.database.name}-shm"):
                self.database.with_name(name).unlink(missing_ok=True)
            shutil.copyfile(backup, self.database)
        return time.monotonic() - taken_at

    def rows(self) -> list[tuple[str, str]]:
        """Read (node, event id) of every event in the hub's order. Blocks."""
        with closing(self._opened()) as db:
            return db.execute("SELECT node_id, id FROM events ORDER BY cursor").fetchall()

    def delivered(self) -> dict[str, int]:
        """Read up to which event of each node the hub has committed everything. Blocks."""
        query = "SELECT node_id, sum(upto) FROM custody_cursors WHERE lane = 'events' GROUP BY node_id"
        with self._replacing, closing(self._opened()) as db:
            return dict(db.execute(query).fetchall())

    def tombstones(self, lane: str) -> int:
        """Read how many rows of a lane boxes have given up knowingly, and told. Blocks."""
        query = (
            "SELECT coalesce(sum(last - first + 1), 0) FROM custody_gaps"
            " WHERE lane = ? AND reason NOT IN ('unknown', 'expired')"
        )
        with closing(self._opened()) as db:
            return int(db.execute(query, (lane,)).fetchone()[0])

    def results(self) -> int:
        """Read how many things that were done on boxes stand in the audit. Blocks."""
        with closing(self._opened()) as db:
            return int(db.execute("SELECT count(*) FROM audit WHERE node_id != ''").fetchone()[0])

    def pictures(self) -> frozenset[str]:
        """Read the digests of the pictures that the hub holds. Blocks."""
        with closing(self._opened()) as db:
            return frozenset(row[0] for row in db.execute("SELECT digest FROM pictures"))

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)


@asynccontextmanager
async def running_hub_side(
    folder: Path, centre: Centre, *, broker: str = MOSQUITTO, more: str = ""
) -> AsyncIterator[HubSide]:
    """Run a hub and its broker, one of BROKERS, in `folder`; `more` are further sections of their configuration."""
    people_at, hub_at, *others = centre.listening(ENDPOINTS)
    config = folder / "hub.toml"
    async with AsyncExitStack() as stack:
        make = _with_cluster if broker == RABBITMQ else _with_own_broker
        settings = _settings(folder, people_at, hub_at) + more
        running = await stack.enter_async_context(make(config, centre, settings, others))
        words = centre.command(FENGSUI, "hub", "run", "--config", str(config))
        hub = await stack.enter_async_context(kept_running(words, folder / "hub.log"))
        yield HubSide(folder=folder, hub=hub, broker=running, hub_at=hub_at, wire=centre.wire)


@asynccontextmanager
async def _with_own_broker(
    config: Path, centre: Centre, settings: str, others: list[Endpoint]
) -> AsyncIterator[Broker]:
    own_at, nodes_at, bureaus_at, *_ = others
    (found,) = await centre.broker_line(own_at)
    await _write(config, settings + own_settings(found, nodes_at, bureaus_at))
    itself = config.with_name("broker.toml")
    await _write(itself, settings + own_settings(own_at, nodes_at, bureaus_at))
    async with own_broker(itself, centre, nodes_at) as broker:
        yield broker


@asynccontextmanager
async def _with_cluster(config: Path, centre: Centre, settings: str, others: list[Endpoint]) -> AsyncIterator[Broker]:
    mqtt = tuple(others[:NODES])
    found = await centre.broker_line(*mqtt)
    await _write(config, settings + foreign_settings(found, mqtt))
    async with foreign_cluster(config, centre, mqtt, tuple(others[NODES:])) as broker:
        yield broker


async def _write(path: Path, text: str) -> None:
    await asyncio.to_thread(path.write_text, text, encoding="utf-8")


def _settings(folder: Path, people: Endpoint, hub: Endpoint) -> str:
    return (
        f'data_folder = "{folder / "hub"}"\noffer_shipped = false\nname = "chaos"\npublic_host = "{hub.host}"\n'
        f'[http]\nhost = "{people.host}"\nport = {people.port}\n'
        f'[nodes]\nhost = "{hub.host}"\nport = {hub.port}\n[discovery]\nenabled = false\n'
    )
