"""What a box knows of its lanes when its database is replaced, or comes from a backup."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from appliance.store import epochs, outbox
from appliance.store.database import Database
from appliance.store.kept_lanes import KeptLanes
from appliance.store.lane_memory import LaneMemory, log_is_gone
from appliance.store.log_check import log_is_spoilt
from federation.custody.receiver import outlive
from federation.messages import PAST_EPOCHS, Lane, PastEpoch, new_id
from federation.testing.waiting import until

LANE = Lane.RESULTS


async def add(database: Database, count: int) -> None:
    def work(db: sqlite3.Connection) -> None:
        for _ in range(count):
            outbox.append(db, LANE, body='{"id":"x"}')

    await database.run(work)


async def state(database: Database) -> outbox.LaneState:
    return await database.read(lambda db: outbox.state_of(db, LANE))


async def past(database: Database) -> tuple[PastEpoch, ...]:
    return await database.read(lambda db: epochs.past(db, LANE))


async def acknowledge(database: Database, upto: int) -> None:
    epoch = (await state(database)).epoch
    await database.run(lambda db: outbox.acknowledge(db, LANE, epoch, upto))


@pytest.fixture
def memory(tmp_path: Path) -> Callable[[Database], LaneMemory]:
    return lambda database: LaneMemory(tmp_path / "lanes.json", database)


async def test_a_new_database_knows_how_far_the_one_before_had_got(
    tmp_path: Path, memory: Callable[[Database], LaneMemory]
) -> None:
    async with Database(tmp_path / "first.db") as first:
        await memory(first).recall()
        await add(first, 5)
        await acknowledge(first, 3)
        before = (await state(first)).epoch
        await memory(first).keep()
    async with Database(tmp_path / "second.db") as second:
        await memory(second).recall()
        await add(second, 1)

        assert await past(second) == (PastEpoch(epoch=before, produced=5, acknowledged=3, reserved=5),)
        assert (await state(second)).produced == 1


async def test_a_database_from_a_backup_gives_no_number_twice(
    tmp_path: Path, memory: Callable[[Database], LaneMemory]
) -> None:
    async with Database(tmp_path / "a.db") as database:
        await add(database, 2)
    shutil.copy(tmp_path / "a.db", tmp_path / "backup.db")
    async with Database(tmp_path / "a.db") as database:
        await add(database, 5)
        await acknowledge(database, 4)
        await memory(database).keep()
    async with Database(tmp_path / "backup.db") as restored:
        await memory(restored).recall()
        await add(restored, 1)

        graves = await restored.read(lambda db: [outbox.grave_at(db, LANE, at) for at in (2, 3, 4, 5, 7, 8)])
        assert [grave and (grave.first, grave.last, grave.reason) for grave in graves] == [
            None,
            (3, 4, "expired"),
            (3, 4, "expired"),
            (5, 7, "replaced"),
            (5, 7, "replaced"),
            None,
        ]
        found = await state(restored)
        assert (found.produced, found.given_up) == (8, 3)
        assert await past(restored) == ()


async def test_a_start_with_the_same_database_changes_nothing(
    database: Database, memory: Callable[[Database], LaneMemory]
) -> None:
    await add(database, 3)
    await memory(database).keep()
    before = await state(database)

    await memory(database).recall()

    assert (await state(database), await past(database)) == (before, ())


async def test_what_a_hub_had_once_is_known_though_it_has_lost_it_since(
    tmp_path: Path, database: Database, memory: Callable[[Database], LaneMemory]
) -> None:
    await add(database, 3)
    await acknowledge(database, 3)
    kept = memory(database)
    await kept.keep()
    await acknowledge(database, 1)
    await kept.keep()

    async with Database(tmp_path / "new.db") as new:
        await memory(new).recall()

        assert [each.acknowledged for each in await past(new)] == [3]


async def test_another_hub_hears_nothing_of_what_the_one_before_had(
    database: Database, memory: Callable[[Database], LaneMemory]
) -> None:
    await add(database, 3)
    await database.run(lambda db: epochs.begin(db, LANE, new_id(), 3))

    await database.run(lambda db: epochs.begin_again(db, LANE, new_id(), same_hub=False))
    await memory(database).recall()

    assert await past(database) == ()


async def test_the_same_hub_hears_of_what_is_held_no_more(database: Database) -> None:
    await add(database, 3)
    await acknowledge(database, 2)
    before = (await state(database)).epoch
    await database.run(lambda db: outbox.forget(db, LANE, 2))

    await database.run(lambda db: epochs.begin_again(db, LANE, new_id(), same_hub=True))

    assert await past(database) == (PastEpoch(epoch=before, produced=2, acknowledged=2),)
    assert (await state(database)).produced == 1


async def test_only_the_newest_epochs_are_told(database: Database) -> None:
    names = [(await state(database)).epoch, *(f"e{number}" for number in range(PAST_EPOCHS + 2))]
    for name in names[1:]:
        await database.run(partial(epochs.begin, lane=LANE, epoch=name, claimed=1))

    assert [each.epoch for each in await past(database)] == names[-PAST_EPOCHS - 1 : -1]


@pytest.mark.parametrize("content", ["", "{", '{"lanes": {"events": 1}}', "[" * 70_000, "\x00"])
async def test_a_file_that_says_nothing_is_begun_anew(
    tmp_path: Path, database: Database, memory: Callable[[Database], LaneMemory], content: str
) -> None:
    (tmp_path / "lanes.json").write_text(content, encoding="utf-8")
    await add(database, 2)

    await memory(database).recall()

    assert ((await state(database)).produced, await past(database)) == (2, ())
    assert '"produced":2' in (tmp_path / "lanes.json").read_text(encoding="utf-8")


async def test_no_number_is_committed_that_the_file_does_not_name(
    tmp_path: Path, database: Database, memory: Callable[[Database], LaneMemory]
) -> None:
    kept = memory(database)
    await kept.recall()
    for count in (1, 70, 1, 500, 3):
        if count == 3:
            await kept.keep()
        await add(database, count)

        written = KeptLanes.model_validate_json((tmp_path / "lanes.json").read_bytes()).lanes[LANE].present
        assert written.reserved >= (await state(database)).produced
    await kept.keep()
    await kept.keep()

    written = KeptLanes.model_validate_json((tmp_path / "lanes.json").read_bytes()).lanes[LANE].present
    assert written.reserved == written.produced == 575, "a lane that is quiet has none ahead"


async def test_a_file_that_cannot_be_written_is_told_once_and_again_when_it_can(
    tmp_path: Path, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    folder, told = tmp_path / "full", list[bool]()
    kept = LaneMemory(folder / "lanes.json", database)
    kept.changed = lambda: told.append(kept.unwritten_since is not None)
    folder.touch()  # no folder, so that nothing can be written in it
    async with asyncio.TaskGroup() as group:
        await kept.recall()
        await add(database, 100)
        running = group.create_task(kept.run())
        since = kept.unwritten_since
        folder.unlink()
        await until(lambda: told, within_s=60, what="the file is written")
        running.cancel()

    assert since is not None
    assert told == [False]
    assert [record.levelname for record in caplog.records if "lanes are" in record.getMessage()] == ["WARNING", "INFO"]
    assert (folder / "lanes.json").exists()


async def test_a_busy_lane_writes_the_file_seldom(
    tmp_path: Path, database: Database, memory: Callable[[Database], LaneMemory]
) -> None:
    await memory(database).recall()
    files = set()
    for _ in range(300):
        await add(database, 1)
        files.add((tmp_path / "lanes.json").stat().st_ino)

    assert len(files) <= 4


async def test_what_was_given_since_the_file_was_written_is_told_as_uncertain(
    tmp_path: Path, memory: Callable[[Database], LaneMemory]
) -> None:
    async with Database(tmp_path / "first.db") as first:
        kept = memory(first)
        await kept.recall()
        await add(first, 5)
        await kept.keep()
        await add(first, 2)
        before = (await state(first)).epoch
    async with Database(tmp_path / "second.db") as second:
        await memory(second).recall()

        [told] = await past(second)

    verdict = outlive(3, told)
    assert (told.epoch, told.produced) == (before, 5)
    assert [(gap.first, gap.last, gap.reason) for gap in verdict.gaps] == [
        (4, 5, "replaced"),
        (6, told.reserved, "uncertain"),
    ]
    assert told.reserved >= 7


@pytest.mark.parametrize("ends", ["in order", "by a kill", "by a kill, and the log is gone"])
async def test_a_log_that_is_gone_is_noticed_and_no_number_is_given_twice(
    tmp_path: Path, memory: Callable[[Database], LaneMemory], ends: str
) -> None:
    file, lanes = tmp_path / "a.db", tmp_path / "lanes.json"
    async with Database(file):
        pass  # the log is in the file
    async with Database(file) as database:
        kept = memory(database)
        await kept.recall()
        await add(database, 5)
        if ends == "in order":
            await kept.keep(closed=True)
        shutil.copy(file, tmp_path / "killed.db")
        if ends == "by a kill":
            shutil.copy(f"{file}-wal", tmp_path / "killed.db-wal")
    is_gone = await asyncio.to_thread(log_is_gone, lanes, tmp_path / "killed.db")
    async with Database(tmp_path / "killed.db") as again:
        await memory(again).recall(log_gone=is_gone)
        found = await state(again)

    assert is_gone == (ends == "by a kill, and the log is gone")
    if is_gone:
        assert found.produced >= 5
        assert found.given_up == found.produced


async def test_a_log_that_is_spoilt_is_noticed_and_no_number_is_given_twice(
    tmp_path: Path, memory: Callable[[Database], LaneMemory]
) -> None:
    async with Database(tmp_path / "a.db") as database:
        await memory(database).recall()
        for _ in range(5):
            await add(database, 1)
        shutil.copy(tmp_path / "a.db", tmp_path / "killed.db")
        content = bytearray(await asyncio.to_thread((tmp_path / "a.db-wal").read_bytes))
    written_bytes = len(content.rstrip(b"\0"))
    content[written_bytes - 3 * 4120] ^= 1  # three frames before the end, of 24 bytes and a page
    await asyncio.to_thread((tmp_path / "killed.db-wal").write_bytes, content)
    is_spoilt = await asyncio.to_thread(log_is_spoilt, tmp_path / "killed.db")
    async with Database(tmp_path / "killed.db") as again:
        before = (await state(again)).produced
        await memory(again).recall(log_gone=is_spoilt)
        found = await state(again)

    assert is_spoilt
    assert before < 5 <= found.produced
    assert found.given_up == found.produced - before, "what may be lost is told as a gap"


async def test_what_a_hub_had_once_is_known_after_a_restore_of_the_box_too(
    tmp_path: Path, memory: Callable[[Database], LaneMemory]
) -> None:
    async with Database(tmp_path / "a.db") as database:
        await add(database, 4)
        shutil.copy(tmp_path / "a.db", tmp_path / "backup.db")
        shutil.copy(tmp_path / "a.db-wal", tmp_path / "backup.db-wal")
        await acknowledge(database, 4)
        await memory(database).keep()
    async with Database(tmp_path / "backup.db") as restored:
        await memory(restored).recall()

        written = KeptLanes.model_validate_json((tmp_path / "lanes.json").read_bytes()).lanes[LANE].present
        assert ((await state(restored)).acknowledged, written.acknowledged) == (0, 4)
