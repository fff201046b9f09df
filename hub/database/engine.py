"""Transactions off the event loop: one storage thread for SQLite, a few for PostgreSQL."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError

from hub.errors import ConfigInvalid

Result = TypeVar("Result")

POSTGRES = "postgresql+psycopg://"
POSTGRES_THREADS = 8


class Database:
    """One SQLAlchemy engine. `url` is `sqlite:///path` or `postgresql+psycopg://…`."""

    def __init__(self, url: str) -> None:
        """Open the engine; nothing is read or written yet. Raises ConfigInvalid for any other address."""
        self.is_sqlite = url.startswith("sqlite:///")
        if not self.is_sqlite and not url.startswith(POSTGRES):
            raise ConfigInvalid(f"the database's address begins with sqlite:/// or {POSTGRES}")
        self.engine = _sqlite(url) if self.is_sqlite else _postgres(url)
        threads = 1 if self.is_sqlite else POSTGRES_THREADS
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    @property
    def place(self) -> str:
        """The address without its password, to stand in errors."""
        return self.engine.url.render_as_string(hide_password=True)

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
    try:
        return create_engine(url, pool_size=POSTGRES_THREADS, pool_pre_ping=True)
    except (ArgumentError, ValueError) as error:
        raise ConfigInvalid(f"the database's address is not {POSTGRES}user:password@host:port/name") from error


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
