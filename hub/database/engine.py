"""Transactions off the event loop: one storage thread for SQLite, a few for PostgreSQL."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event

Result = TypeVar("Result")

POSTGRES_THREADS = 8


class Database:
    """One SQLAlchemy engine. `url` is `sqlite:///path` or `postgresql+psycopg://…`."""

    def __init__(self, url: str) -> None:
        """Open the engine; nothing is read or written yet."""
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite(url) if self.is_sqlite else _postgres(url)
        threads = 1 if self.is_sqlite else POSTGRES_THREADS
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Run `work` in one transaction on a storage thread; an exception rolls it back."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._transact, work)

    async def close(self) -> None:
        """Wait for running transactions and close all connections."""
        await asyncio.to_thread(self._pool.shutdown)
        await asyncio.to_thread(self.engine.dispose)

    def _transact(self, work: Callable[[Connection], Result]) -> Result:
        with self.engine.begin() as connection:
            return work(connection)


def _postgres(url: str) -> Engine:
    return create_engine(url, pool_size=POSTGRES_THREADS, pool_pre_ping=True)


def _sqlite(url: str) -> Engine:
    path = url.removeprefix("sqlite:///")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: pysqlite's own is too late
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=wal",
            "synchronous=full",
            "foreign_keys=on",
            "busy_timeout=10000",
        ):
            cursor.execute(f"pragma {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
