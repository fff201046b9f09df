"""A SQLite database of the appliance: one writer that commits waiting work together, one reader beside it."""

import asyncio
import os
import queue
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

from sqlite_utils import Database as SchemaDatabase
from sqlite_utils.migrations import Migrations

from appliance.store.damage import is_damage
from appliance.store.schema import migrations as appliance_migrations

Result = TypeVar("Result")

BUSY_S = 10.0
TOGETHER = 64  # pieces of work that share one commit at most
COMMITS_PER_CHECKPOINT = 150
LOG_BYTES = 4 << 20  # as many pages as SQLite writes into its log before it begins anew
PRAGMAS = (
    "journal_mode = wal",
    "synchronous = full",  # what is acknowledged to vision must survive a power cut
    "foreign_keys = on",
)

Work = Callable[[sqlite3.Connection], Any]


class Database:
    """The database in `path`, made and migrated when entered. Use as an async context manager.

    One process opens it for writing, the agent that of the appliance, which is the default, and the recorder that of
    `migrations` of its own: one writing connection on one thread, so that no work ever waits for a lock, and one
    reading connection on another, so that a long list never keeps an event from being recorded.
    """

    def __init__(self, path: Path, migrations: Migrations = appliance_migrations) -> None:
        """Name the file; nothing is opened yet."""
        self._path = path
        self._damage = _Damage()
        self._writer = _Writer(path, migrations, self._damage)
        self._reader_thread = ThreadPoolExecutor(1, thread_name_prefix="storage-reader")
        self._reader: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        """Open the file and bring its schema up to date; leave nothing open where that fails."""
        loop = self._damage.loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._writer.thread, self._writer.open)
            self._reader = await loop.run_in_executor(self._reader_thread, _reading, self._path)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was asked for, then close."""
        loop = asyncio.get_running_loop()
        if (reader := self._reader) is not None:
            self._reader = None
            await loop.run_in_executor(self._reader_thread, reader.close)
        await loop.run_in_executor(self._writer.thread, self._writer.close)
        await asyncio.to_thread(self._reader_thread.shutdown)
        await asyncio.to_thread(self._writer.thread.shutdown)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` on the storage thread as if in a transaction of its own; an exception undoes it, and it alone.

        When this returns, the work is on the disk: works that wait at one time share one commit. A caller that is
        cancelled does not undo work that has begun.
        """
        return await self.begun(work)

    def begun(self, work: Callable[[sqlite3.Connection], Result]) -> "asyncio.Future[Result]":
        """Begin what `run` does; for callers that wait for the end even if they are cancelled."""
        return asyncio.wrap_future(self._writer.submit(work))

    async def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work`, which only reads what is committed, beside the storage thread."""
        return await asyncio.get_running_loop().run_in_executor(self._reader_thread, self._read, work)

    async def until_damaged(self) -> NoReturn:
        """Wait until any work finds the file damaged, whoever hears of that besides, and raise what it found."""
        await self._damage.found.wait()
        assert self._damage.error is not None  # noqa: S101 - a fault of ours
        raise self._damage.error

    @property
    def is_damaged(self) -> bool:
        """Whether any work has found the file damaged."""
        return self._damage.error is not None

    def before_commit(self, look: Callable[[sqlite3.Connection], None]) -> None:
        """Call `look`, on the storage thread, in every transaction that is about to be committed; it adds nothing."""
        self._writer.look = look

    def _read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        if self._reader is None:
            raise sqlite3.ProgrammingError("the appliance's database is not open")
        try:
            self._reader.execute("BEGIN")  # one view of the record, however many statements
            try:
                return work(self._reader)
            finally:
                self._reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            self._damage.note(error)
            raise


class _Damage:
    """The first sign of damage. `note` may be called from any thread."""

    def __init__(self) -> None:
        self.found = asyncio.Event()
        self.error: BaseException | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    def note(self, error: BaseException) -> None:
        if self.error is None and self.loop is not None and is_damage(error):
            self.error = error
            self.loop.call_soon_threadsafe(self.found.set)


class _Writer:
    """The writing half. `submit` may be called from any thread; everything else runs on `thread`."""

    def __init__(self, path: Path, migrations: Migrations, damage: _Damage) -> None:
        self.look: Callable[[sqlite3.Connection], None] | None = None
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="storage")
        self._path = path
        self._migrations = migrations
        self._damage = damage
        self._connection: sqlite3.Connection | None = None
        self._waiting: queue.SimpleQueue[tuple[Work, Future[Any]]] = queue.SimpleQueue()
        self._commits = 0

    def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.touch(mode=0o600)  # it holds the cameras' passwords
        connection = _opened(self._path)
        try:
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            self._migrations.apply(SchemaDatabase(connection))
            _lay_out_log(self._path)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def submit(self, work: Callable[[sqlite3.Connection], Result]) -> "Future[Result]":
        future: Future[Result] = Future()
        self._waiting.put((work, future))
        self.thread.submit(self._commit_what_waits)
        return future

    def _commit_what_waits(self) -> None:
        """Commit some of what waits; there is one call for every work, so that those behind find nothing to do."""
        works: list[tuple[Work, Future[Any]]] = []
        while len(works) < TOGETHER and not self._waiting.empty():
            work, future = self._waiting.get()
            if future.set_running_or_notify_cancel():
                works.append((work, future))
        if not works:
            return
        try:
            results = self._transact([work for work, _ in works])
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            self._damage.note(error)
            for _, future in works:
                future.set_exception(error)
            return
        for (_, future), (result, failure) in zip(works, results, strict=True):
            if failure is None:
                future.set_result(result)
            else:
                self._damage.note(failure)
                future.set_exception(failure)
        self._move_on()

    def _move_on(self) -> None:
        """Copy what is committed from the log into the file now and then, once those who waited have their answer.

        SQLite would do it within a commit, by itself, once the log has a thousand pages.
        """
        self._commits += 1
        if self._connection is not None and self._commits % COMMITS_PER_CHECKPOINT == 0:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(passive)")
            except sqlite3.Error as error:  # a full disk: the log holds what is committed until the next try
                self._damage.note(error)

    def _transact(self, works: Sequence[Work]) -> list[tuple[Any, BaseException | None]]:
        """Run works, each in its own savepoint, and commit them together; return result or failure of each."""
        if self._connection is None:
            raise sqlite3.ProgrammingError("the appliance's database is not open")
        db = self._connection
        db.execute("BEGIN IMMEDIATE")
        try:
            results = [_apart(db, work) for work in works]
            if self.look is not None:
                self.look(db)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return results


def _apart(db: sqlite3.Connection, work: Work) -> tuple[Any, BaseException | None]:
    db.execute("SAVEPOINT work")
    try:
        result = work(db)
    except BaseException as error:
        if not db.in_transaction:
            raise  # SQLite has undone the whole transaction: a full disk, say
        db.execute("ROLLBACK TO work")
        db.execute("RELEASE work")
        return None, error
    db.execute("RELEASE work")
    return result, None


def _lay_out_log(path: Path) -> None:
    """Make the log as long as it gets: a commit that made it longer would wait for the file system's journal, too.

    What stands behind the last commit in a log is none of a reader's business (sqlite.org/fileformat2.html#walformat).
    """
    log = path.with_name(f"{path.name}-wal")
    with suppress(OSError), log.open("ab") as file:  # no log yet, or no room: it grows as it must
        file.write(bytes(max(0, LOG_BYTES - file.tell())))
        file.flush()
        os.fsync(file.fileno())


def _opened(path: Path) -> sqlite3.Connection:
    """Open a file; text that a disk has spoilt is read as what is left of it, so that no row stops those behind it."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    connection = _opened(path)
    connection.execute("PRAGMA query_only = on")
    return connection
