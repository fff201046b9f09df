"""The appliance's SQLite database: one connection on one storage thread, transactions that are durable."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlite_utils import Database as SchemaDatabase

from appliance.store.schema import migrations

Result = TypeVar("Result")

BUSY_S = 10.0
PRAGMAS = (
    "journal_mode = wal",
    "synchronous = full",  # what is acknowledged to vision must survive a power cut
    "foreign_keys = on",
)


class Database:
    """The database in `path`, made and migrated when entered. Use as an async context manager.

    Only the agent opens it: one writer, on one thread, so no work ever waits for a lock.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="storage")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        """Open the file and bring its schema up to date."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was asked for, then close."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        await asyncio.to_thread(self._thread.shutdown)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in one transaction on the storage thread; an exception undoes it.

        When this returns, the transaction is on the disk. A caller that is cancelled does not
        undo work that has begun.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work`, which only reads, on the storage thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, work)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.touch(mode=0o600)  # it holds the cameras' passwords
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        migrations.apply(SchemaDatabase(connection))
        self._connection = connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result

    def _read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return work(self._opened())

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("the appliance's database is not open")
        return self._connection
