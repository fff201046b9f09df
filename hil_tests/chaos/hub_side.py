"""The hub and its broker under test, with backups of the hub's database to fall back to."""

import shutil
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from federation.testing.ports import HOST
from hil_tests.chaos.program import Program, kept_running
from hil_tests.demo.supervision import FENGSUI

OLDEST_BACKUP_S = 600.0


@dataclass(kw_only=True)
class HubSide:
    """The running hub and broker; made by `running_hub_side`."""

    folder: Path
    hub: Program
    broker: Program
    _backups: deque[tuple[float, Path]] = field(default_factory=deque)
    _taken: int = 0

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
        source = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)
        with closing(source), closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
        self._backups.append((time.monotonic(), target))
        while len(self._backups) > 1 and time.monotonic() - self._backups[1][0] > OLDEST_BACKUP_S:
            self._backups.popleft()[1].unlink()

    def restore(self) -> float:
        """Put the oldest backup in the database's place; return its age in seconds. The hub must not run. Blocks."""
        taken_at, backup = self._backups[0]
        for name in (self.database.name, f"{self.database.name}-wal", f"{self.database.name}-shm"):
            self.database.with_name(name).unlink(missing_ok=True)
        shutil.copyfile(backup, self.database)
        return time.monotonic() - taken_at

    def rows(self) -> list[tuple[str, str]]:
        """Read (node, event id) of every event in the hub's order. Blocks."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute("SELECT node_id, id FROM events ORDER BY cursor").fetchall()

    def pictures(self) -> frozenset[str]:
        """Read the digests of the pictures that the hub holds. Blocks."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as db:
            return frozenset(row[0] for row in db.execute("SELECT digest FROM pictures"))


@asynccontextmanager
async def running_hub_side(folder: Path, *, hub_port: int, broker_port: int) -> AsyncIterator[HubSide]:
    """Run a hub and its broker in `folder`."""
    config = folder / "hub.toml"
    config.write_text(
        f'data_folder = "{folder / "hub"}"\nname = "chaos"\n'
        f'[http]\nhost = "{HOST}"\nport = {hub_port}\n'
        f'[broker]\nhost = "{HOST}"\nport = {broker_port}\n',
        encoding="utf-8",
    )
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(
            kept_running([FENGSUI, "hub", "broker", "--config", str(config)], folder / "broker.log")
        )
        hub = await stack.enter_async_context(
            kept_running([FENGSUI, "hub", "run", "--config", str(config)], folder / "hub.log")
        )
        yield HubSide(folder=folder, hub=hub, broker=broker)
