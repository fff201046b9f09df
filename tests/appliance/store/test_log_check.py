"""A log that a disk has spoilt: SQLite leaves out what stands behind, and the box says so."""

import asyncio
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.store.database import Database
from appliance.store.log_check import FRAME_BYTES, HEADER_BYTES, is_spoilt, log_is_spoilt

PAGE = 4096
FRAME = FRAME_BYTES + PAGE


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A database with two hundred commits in its log, as a kill leaves it."""
    file = tmp_path / "a.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("CREATE TABLE t (content TEXT)")
        for number in range(200):
            db.execute("INSERT INTO t VALUES (?)", (str(number) * 200,))
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{file}{suffix}", tmp_path / f"killed.db{suffix}")
    return tmp_path / "killed.db"


def log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def count(database: Path) -> int:
    with closing(sqlite3.connect(database)) as db:
        return int(db.execute("SELECT count(*) FROM t").fetchone()[0])


def test_a_log_that_a_kill_has_left_is_whole(killed: Path) -> None:
    assert not log_is_spoilt(killed)
    assert not is_spoilt(log_of(killed).read_bytes())
    assert count(killed) == 200


def test_the_last_commit_is_missed_too_where_the_index_knows_of_it(killed: Path) -> None:
    content = bytearray(log_of(killed).read_bytes())
    content[-1] ^= 1
    log_of(killed).write_bytes(content)

    assert log_is_spoilt(killed)
    assert not is_spoilt(bytes(content)), "without an index it cannot be told from what a kill leaves"


def test_what_a_large_work_left_that_was_undone_is_no_damage(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = wal")
        db.execute("PRAGMA cache_size = 10")  # so that it spills into the log
        db.execute("CREATE TABLE t (content TEXT)")
        db.execute("BEGIN")
        db.executemany("INSERT INTO t VALUES (?)", [("x" * 2000,) for _ in range(200)])
        db.execute("ROLLBACK")
        db.execute("INSERT INTO t VALUES ('kept')")
        log, index = (Path(f"{tmp_path / 'a.db'}{suffix}").read_bytes() for suffix in ("-wal", "-shm"))

    assert is_spoilt(log), "the frames behind are of this turn"
    assert not is_spoilt(log, index)


def test_there_need_not_be_a_log(tmp_path: Path) -> None:
    assert not log_is_spoilt(tmp_path / "none.db")


async def test_a_log_laid_out_in_advance_is_whole(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db") as database:
        assert not await asyncio.to_thread(log_is_spoilt, tmp_path / "a.db")
        await database.run(lambda db: db.execute("CREATE TABLE t (n)").rowcount)
        assert not await asyncio.to_thread(log_is_spoilt, tmp_path / "a.db")


def test_a_frame_that_a_kill_has_cut_short_is_no_damage(killed: Path) -> None:
    content = log_of(killed).read_bytes()
    frames = (len(content) - HEADER_BYTES) // FRAME
    last = HEADER_BYTES + (frames - 1) * FRAME

    assert not is_spoilt(content[: last + FRAME_BYTES] + bytes(PAGE))
    assert not is_spoilt(content[: last + 100])


def test_frames_of_the_turn_before_are_no_damage(killed: Path) -> None:
    with closing(sqlite3.connect(killed, isolation_level=None)) as db:
        db.execute("PRAGMA wal_checkpoint(restart)")
        db.execute("INSERT INTO t VALUES ('again')")
        content = log_of(killed).read_bytes()

    assert len(content) > 100 * FRAME
    assert not is_spoilt(content)


def test_a_byte_changed_anywhere_but_in_the_last_frame_is_found_where_sqlite_leaves_rows_out(killed: Path) -> None:
    whole, dice = log_of(killed).read_bytes(), random.Random(5)  # noqa: S311 - repeatable
    for _ in range(25):
        content = bytearray(whole)
        content[dice.randrange(len(whole) - FRAME)] ^= dice.randrange(1, 256)
        log_of(killed).write_bytes(content)
        killed.with_name("killed.db-shm").unlink(missing_ok=True)
        is_found = log_is_spoilt(killed)
        shutil.copy(killed, killed.with_name("tried.db"))
        shutil.copy(log_of(killed), killed.with_name("tried.db-wal"))

        assert is_found or rows_of(killed.with_name("tried.db")) == 200


def rows_of(database: Path) -> int:
    try:
        return count(database)
    except sqlite3.Error:
        return -1
