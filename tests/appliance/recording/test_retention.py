"""What is removed when, also where clocks were wrong."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlite_utils

from appliance.mp4.track import Track
from appliance.recording import bookmarks, index, retention
from appliance.recording.bookmarks import Bookmark, TooManyBookmarks
from appliance.recording.retention import Old, enough, too_old
from appliance.recording.schema import migrations
from appliance.recording.segment import Entry
from appliance.recording.space import Limits, Space, excess_bytes, pause
from appliance.store.database import Database
from appliance.store.moments import from_us, to_us
from federation.messages import RecordingState
from federation.testing.waiting import until
from tests.appliance.coded import START, coded, later
from tests.appliance.recording.conftest import ALWAYS, recording

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
CUTOFF_US = to_us(NOW) - 30 * DAY_US


def old(number: int, *, days: float) -> Old:
    return Old(id=number, path=f"p1/{number}.mp4", last_us=to_us(NOW - timedelta(days=days)), size_bytes=100)


def removed(*days: float) -> list[int]:
    segments = [old(number, days=age) for number, age in enumerate(days)]
    return [item.id for item in too_old(segments, cutoff_us=CUTOFF_US, now_us=to_us(NOW))]


def test_what_ended_before_the_cutoff_is_removed_to_the_microsecond() -> None:
    edge = [
        Old(id=1, path="", last_us=CUTOFF_US - 1, size_bytes=1),
        Old(id=2, path="", last_us=CUTOFF_US, size_bytes=1),
    ]

    assert [item.id for item in too_old(edge, cutoff_us=CUTOFF_US, now_us=to_us(NOW))] == [1]


YEARS = 365.0


@pytest.mark.parametrize(
    ("days", "gone"),
    [
        ((40, 35, 20, 10), [0, 1]),
        ((20, 40, 10), []),  # the second was written later: its clock was wrong
        ((40, -3 * YEARS, 35, 10), [0, 1, 2]),  # one in the future goes with its neighbours
        ((-3 * YEARS, 10), []),
        ((40 * YEARS, 10), []),  # a clock that was never set says nothing
        ((40 * YEARS, 35, 10), [0, 1]),
        ((), []),
    ],
)
def test_a_wrong_clock_removes_nothing_early_and_keeps_nothing_for_ever(
    days: tuple[float, ...], gone: list[int]
) -> None:
    assert removed(*days) == gone


def test_only_as_many_as_needed_are_removed_for_space() -> None:
    segments = [old(number, days=1) for number in range(5)]

    assert [item.id for item in enough(segments, 0)] == []
    assert [item.id for item in enough(segments, 1)] == [0]
    assert [item.id for item in enough(segments, 100)] == [0]
    assert [item.id for item in enough(segments, 101)] == [0, 1]


@pytest.mark.parametrize(
    ("free", "held", "excess", "paused"),
    [
        (1020, 500, 0, ""),
        (1019, 500, 1, ""),
        (1000, 500, 20, ""),
        (999, 500, 21, "disk_full"),
        (5000, 600, 0, ""),
        (5000, 601, 1, ""),
        (5000, 631, 31, "quota_full"),
    ],
)
def test_space_is_made_at_the_floor_and_at_the_quota(free: int, held: int, excess: int, paused: str) -> None:
    limits, space = Limits(most_bytes=600, floor_bytes=1000), Space(free_bytes=free, held_bytes=held)

    assert max(0, excess_bytes(space, limits)) == excess
    assert pause(space, limits).partition(":")[0] == paused


async def test_locked_recordings_are_spared_and_go_when_they_are_unlocked(tmp_path: Path) -> None:
    async with Database(tmp_path / "index.db", migrations) as database:
        for day in (50, 40, 35, 10):
            await database.run(partial(_segment, end=NOW - timedelta(days=day)))
        lock = Bookmark(
            id="l1",
            locked=True,
            point_id="p1",
            start=NOW - timedelta(days=40, seconds=10),
            end=NOW - timedelta(days=40) + timedelta(seconds=1),
            set_at=NOW,
        )
        await database.run(lambda db: bookmarks.put(db, lock))

        spared = [item.id for item in await database.read(lambda db: retention.expired(db, NOW))]
        for_space = [item.id for item in await database.read(retention.oldest)]
        await database.run(lambda db: bookmarks.put(db, lock.model_copy(update={"locked": False})))
        gone = [item.id for item in await database.read(lambda db: retention.expired(db, NOW))]

    assert spared == [1, 3]
    assert for_space == [1, 3, 4]
    assert gone == [1, 2, 3]


async def test_a_bookmark_is_forgotten_when_nothing_is_kept_for_so_long_unless_it_locks(tmp_path: Path) -> None:
    async with Database(tmp_path / "index.db", migrations) as database:
        for days, locked in ((31, False), (31, True), (29, False)):
            start = NOW - timedelta(days=days)
            bookmark = Bookmark(id=f"{days}{locked}", point_id="p1", start=start, end=start, locked=locked, set_at=NOW)
            await database.run(partial(bookmarks.put, bookmark=bookmark))

        await database.run(lambda db: retention.forget_gaps(db, NOW))

        kept = await database.read(lambda db: db.execute("SELECT id FROM bookmarks ORDER BY id").fetchall())
    assert kept == [("29False",), ("31True",)]


async def test_the_number_of_bookmarks_is_limited(tmp_path: Path) -> None:
    bookmark = Bookmark(id="l0", point_id="p1", start=NOW, end=NOW + timedelta(hours=1), set_at=NOW)
    async with Database(tmp_path / "index.db", migrations) as database:
        row = ("p1", 0, 1, "", "", 0, False)
        rows = [(f"l{number}", *row) for number in range(bookmarks.MOST_BOOKMARKS - 1)]
        await database.run(lambda db: db.executemany("INSERT INTO bookmarks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows))
        for _ in range(2):  # one is replaced even when there is no room
            await database.run(lambda db: bookmarks.put(db, bookmark.model_copy(update={"id": "last"})))

        with pytest.raises(TooManyBookmarks):
            await database.run(lambda db: bookmarks.put(db, bookmark.model_copy(update={"id": "one more"})))


def _lock_as_before(path: Path) -> None:
    old = sqlite_utils.Database(path)
    migrations.apply(old, stop_before="0003_bookmarks")
    with old.conn:
        old.conn.execute("INSERT INTO locks VALUES ('l1', 'p1', 0, 1000000, '证据', 'admin', 0)")
    old.close()


async def test_what_was_locked_before_there_were_bookmarks_stays_locked(tmp_path: Path) -> None:
    await asyncio.to_thread(_lock_as_before, tmp_path / "index.db")

    async with Database(tmp_path / "index.db", migrations) as database:
        row = await database.read(lambda db: db.execute(bookmarks.BY_ID, ("l1",)).fetchone())

    bookmark = bookmarks.bookmark_of(row)
    assert (bookmark.text, bookmark.locked, bookmark.set_by) == ("证据", True, "admin")


async def test_a_quota_keeps_the_newest_and_the_sums_agree_with_the_files(tmp_path: Path) -> None:
    async with recording(tmp_path, limits=Limits(most_bytes=150_000, floor_bytes=1 << 20)) as studio:
        studio.want(ALWAYS)
        await studio.ready()
        for number in range(10):  # each its own segment
            await studio.send(later(coded(), by_s=4 * number, session=number + 1))
        await studio.ready(RecordingState.RECORDING)
        await until(lambda: _held(studio.files()) <= 200_000, within_s=60, what="the quota")

    [(held, segments)] = studio.rows("SELECT sum(size_bytes), sum(segments) FROM hours")
    assert held == _held(studio.files())
    assert segments == len(studio.files())
    [(newest,)] = studio.rows("SELECT max(last_us) FROM segments")
    assert from_us(newest) == START + timedelta(seconds=40)


def _held(files: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in files if path.exists())


def _segment(db: sqlite3.Connection, end: datetime) -> None:
    parameters = coded()[0].parameters
    track = Track.of("h264", parameters.sets)
    beginning = index.Beginning(point_id="p1", first_us=to_us(end) - 1_000_000, track=track, init_bytes=700)
    segment_id, _ = index.begin(db, beginning)
    entries = (Entry(duration_ticks=90_000, size_bytes=1000, key=True),)
    index.finish(db, index.Ending(id=segment_id, entries=entries, init_bytes=700))
