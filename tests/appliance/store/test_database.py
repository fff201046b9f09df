"""Works that wait share one commit, and each stands or falls alone."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.store.database import COMMITS_PER_CHECKPOINT, LOG_BYTES, TOGETHER, Database


async def table(database: Database) -> None:
    await database.run(lambda db: db.execute("CREATE TABLE notes (word TEXT UNIQUE)"))


async def words(database: Database) -> list[str]:
    found = await database.read(lambda db: db.execute("SELECT word FROM notes ORDER BY word").fetchall())
    return [word for (word,) in found]


def write(word: str) -> Callable[[sqlite3.Connection], str]:
    def work(db: sqlite3.Connection) -> str:
        db.execute("INSERT INTO notes VALUES (?)", (word,))
        return word

    return work


async def test_an_error_undoes_the_work_that_raised_it_and_no_other(database: Database) -> None:
    await table(database)

    def fail(db: sqlite3.Connection) -> None:
        write("gone")(db)
        raise ZeroDivisionError

    results = await asyncio.gather(
        database.run(write("a")), database.run(fail), database.run(write("a")), database.run(write("b")),
        return_exceptions=True,
    )  # fmt: skip

    assert (results[0], results[3]) == ("a", "b")
    assert isinstance(results[1], ZeroDivisionError)
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert await words(database) == ["a", "b"]


async def test_works_that_wait_at_one_time_share_a_commit(database: Database) -> None:
    await table(database)
    held, statements = threading.Event(), list[str]()
    await database.run(lambda db: db.set_trace_callback(statements.append))

    async with asyncio.TaskGroup() as group:
        group.create_task(database.run(lambda _db: held.wait(30)))
        for number in range(TOGETHER + 1):
            group.create_task(database.run(write(f"{number:03d}")))
        await asyncio.sleep(0)  # all of them are waiting now
        held.set()
    await database.run(lambda db: db.set_trace_callback(None))

    assert len(await words(database)) == TOGETHER + 1
    assert statements.count("COMMIT") <= 4  # of the trace, who held the thread, a full share, and the rest


async def test_what_has_returned_is_on_the_disk(database: Database, tmp_path: Path) -> None:
    await table(database)

    await database.run(write("kept"))

    with sqlite3.connect(f"file:{tmp_path / 'appliance.db'}?mode=ro", uri=True) as other:
        assert other.execute("SELECT word FROM notes").fetchall() == [("kept",)]
    other.close()


async def test_a_read_sees_one_state_and_cannot_write(database: Database) -> None:
    await table(database)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(write("no"))
    assert await words(database) == []


async def test_a_disk_that_is_full_fails_every_work_and_the_next_goes_on(database: Database) -> None:
    await table(database)
    pages = await database.read(lambda db: int(db.execute("PRAGMA page_count").fetchone()[0]))
    await database.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())

    results = await asyncio.gather(
        *(database.run(write(f"{number}" * 9000)) for number in range(4)), return_exceptions=True
    )

    assert all(isinstance(result, sqlite3.OperationalError) for result in results)
    await database.run(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchall())
    assert await database.run(write("again")) == "again"
    assert await words(database) == ["again"]


async def test_the_log_of_what_is_committed_is_emptied_into_the_file_between_commits(
    database: Database, tmp_path: Path
) -> None:
    await table(database)
    checkpoints = list[str]()
    await database.run(lambda db: db.set_trace_callback(checkpoints.append))

    for number in range(COMMITS_PER_CHECKPOINT):
        await database.run(write(f"{number:03d}"))
    await database.run(lambda db: db.set_trace_callback(None))

    assert [said for said in checkpoints if "checkpoint" in said] == ["PRAGMA wal_checkpoint(passive)"]
    (path,) = {Path(row[2]) for row in await database.read(lambda db: db.execute("PRAGMA database_list").fetchall())}
    assert await asyncio.to_thread(notes_without_the_log, path, tmp_path / "alone") >= COMMITS_PER_CHECKPOINT - 5


async def test_a_log_that_was_laid_out_ahead_gives_back_what_was_committed_and_no_more(
    database: Database, tmp_path: Path
) -> None:
    await table(database)
    await database.run(write("one"))
    (path,) = {Path(row[2]) for row in await database.read(lambda db: db.execute("PRAGMA database_list").fetchall())}
    log, dead = path.with_name(f"{path.name}-wal"), tmp_path / "dead.db"
    await asyncio.to_thread(shutil.copy, path, dead)
    await asyncio.to_thread(shutil.copy, log, dead.with_name("dead.db-wal"))

    async with Database(dead) as again:
        assert log.stat().st_size == LOG_BYTES
        assert await words(again) == ["one"]
        assert await again.run(write("two")) == "two"
        assert await again.read(lambda db: db.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"


def notes_without_the_log(path: Path, alone: Path) -> int:
    with closing(sqlite3.connect(shutil.copy(path, alone))) as copy:
        return int(copy.execute("SELECT count(*) FROM notes").fetchone()[0])
