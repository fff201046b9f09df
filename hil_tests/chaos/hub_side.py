"""The hub and its broker under test, with backups of the hub's database to fall back to."""

import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from hil_tests.chaos.program import Program, kept_running
from hil_tests.demo.supervision import FENGSUI
from hil_tests.network.ground import Centre, Endpoint
from hil_tests.network.weather import Wire

OLDEST_BACKUP_S = 600.0


@dataclass(kw_only=True)
class HubSide:
    """The running hub and broker, and where boxes find them; made by `running_hub_side`.

    `wire` is the line between the two.
    """

    folder: Path
    hub: Program
    broker: Program
    hub_at: Endpoint
    broker_at: Endpoint
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

    def tombstones(self) -> int:
        """Read how many events boxes have dropped knowingly, and told. Blocks."""
        query = (
            "SELECT coalesce(sum(last - first + 1), 0) FROM custody_gaps"
            " WHERE lane = 'events' AND reason NOT IN ('unknown', 'expired')"
        )
        with closing(self._opened()) as db:
            return int(db.execute(query).fetchone()[0])

    def pictures(self) -> frozenset[str]:
        """Read the digests of the pictures that the hub holds. Blocks."""
        with closing(self._opened()) as db:
            return frozenset(row[0] for row in db.execute("SELECT digest FROM pictures"))

    def _opened(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)


@asynccontextmanager
async def running_hub_side(folder: Path, centre: Centre) -> AsyncIterator[HubSide]:
    """Run a hub and its broker in `folder`."""
    people_at, hub_at, broker_at, bureaus_at, own_at = centre.listening(5)
    (found,) = await centre.broker_line(own_at)
    for name, own in (("hub", found), ("broker", own_at)):
        settings = _settings(folder, people_at, hub_at, (broker_at, bureaus_at, own))
        (folder / f"{name}.toml").write_text(settings, encoding="utf-8")
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(_kept(folder, centre, "broker", "broker"))
        hub = await stack.enter_async_context(_kept(folder, centre, "hub", "run"))
        yield HubSide(folder=folder, hub=hub, broker=broker, hub_at=hub_at, broker_at=broker_at, wire=centre.wire)


def _kept(folder: Path, centre: Centre, name: str, command: str) -> AbstractAsyncContextManager[Program]:
    words = centre.command(FENGSUI, "hub", command, "--config", str(folder / f"{name}.toml"))
    return kept_running(words, folder / f"{name}.log")


def _settings(folder: Path, people: Endpoint, hub: Endpoint, broker: tuple[Endpoint, Endpoint, Endpoint]) -> str:
    """Return the settings of both programs; the last of the broker's endpoints is where the hub finds it."""
    nodes, bureaus, own = broker
    return (
        f'data_folder = "{folder / "hub"}"\nname = "chaos"\npublic_host = "{hub.host}"\n'
        f'[http]\nhost = "{people.host}"\nport = {people.port}\n'
        f'[nodes]\nhost = "{hub.host}"\nport = {hub.port}\n'
        f'[broker]\nhost = "{own.host}"\nport = {nodes.port}\n'
        f"subscriber_port = {bureaus.port}\nhub_port = {own.port}\n[discovery]\nenabled = false\n"
    )
