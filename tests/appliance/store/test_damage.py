"""A damaged database is noticed, set aside and begun anew, whatever the damage; what is sound is left alone."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.agent.state import AgentState
from appliance.config import Config
from appliance.store import documents, outbox
from appliance.store.damage import KEPT, all_set_aside, is_damage, outliving, remove_oldest, set_aside
from appliance.store.database import Database
from appliance.store.lane_memory import LaneMemory
from federation.messages import CameraSpec, Lane

PAGE_BYTES = 4096


def of(folder: Path) -> Config:
    return Config(profile="analysis", data_folder=folder, run_folder=folder / "run")


def add(db: sqlite3.Connection) -> None:
    documents.put_local_camera(db, CameraSpec(point_id="gate", name="Gate", url="rtsp://camera/1"))
    for number in range(200):
        outbox.append(db, Lane.RESULTS, body=f'{{"id":"{number}"}}')


def spoil(file: Path, page: int) -> None:
    with file.open("r+b") as opened:
        opened.seek((page - 1) * PAGE_BYTES)
        opened.write(b"\xff" * PAGE_BYTES)


async def start(config: Config) -> None:
    """Do what a box does with its database when it starts, and a little more."""
    async with Database(config.database_file) as database:
        await LaneMemory(config.lanes_file, database).recall()
        await AgentState(config, database).load()
        await database.run(add)
        await database.read(lambda db: [outbox.rows(db, lane, 1, 500) for lane in Lane])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that a box has made."""
    config = of(tmp_path_factory.mktemp("sound"))
    asyncio.run(start(config))
    return config.database_file


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32), spoilt=st.integers(1, 40), length=st.sampled_from([1, 8, 300, PAGE_BYTES]))
def test_a_box_starts_whatever_the_disk_has_spoilt(
    sound: Path, tmp_path_factory: pytest.TempPathFactory, seed: int, spoilt: int, length: int
) -> None:
    config = of(tmp_path_factory.mktemp("spoilt"))
    dice = random.Random(seed)  # noqa: S311 - repeatable
    content = bytearray(sound.read_bytes())
    for _ in range(spoilt):
        place = dice.randrange(len(content))
        content[place : place + length] = dice.randbytes(min(length, len(content) - place))
    config.database_file.write_bytes(content)

    asyncio.run(outliving(config.database_file, lambda: start(config)))

    assert len(all_set_aside(config.data_folder)) <= 1


@pytest.mark.parametrize(
    ("content", "is_new"),
    [(b"no database at all" * 1000, True), (b"SQLite format 3\0", True), (b"", False)],
    ids=["something else", "a head and no more", "empty"],
)
def test_what_is_no_database_is_set_aside(tmp_path: Path, content: bytes, *, is_new: bool) -> None:
    config = of(tmp_path)
    config.database_file.write_bytes(content)

    asyncio.run(outliving(config.database_file, lambda: start(config)))

    assert [each.file.read_bytes() for each in all_set_aside(tmp_path)] == ([content] if is_new else [])


@pytest.mark.parametrize("pages", [1, 2, 10.5])
def test_a_database_that_is_cut_short_is_set_aside(tmp_path: Path, sound: Path, pages: float) -> None:
    config = of(tmp_path)
    config.database_file.write_bytes(sound.read_bytes()[: int(pages * PAGE_BYTES)])

    asyncio.run(outliving(config.database_file, lambda: start(config)))

    assert len(all_set_aside(tmp_path)) == 1


async def test_damage_that_a_part_hears_of_and_survives_is_heard_by_who_waits_for_it(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db") as database:
        await database.run(lambda db: db.execute("CREATE TABLE notes (word TEXT)"))
        (page,) = await database.read(
            lambda db: db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'").fetchone()
        )
    await asyncio.to_thread(spoil, tmp_path / "a.db", page)
    async with Database(tmp_path / "a.db") as database:
        with pytest.raises(sqlite3.DatabaseError):
            await database.read(lambda db: db.execute("SELECT * FROM notes").fetchall())

        with pytest.raises(sqlite3.DatabaseError) as raised:
            await asyncio.wait_for(database.until_damaged(), 30)
        assert is_damage(raised.value)
        assert database.is_damaged


def test_a_fault_that_is_no_damage_leaves_the_database_where_it_is(tmp_path: Path) -> None:
    config = of(tmp_path)
    asyncio.run(start(config))

    async def fail() -> None:
        async with Database(config.database_file) as database:
            await database.run(lambda db: db.execute("SELECT * FROM nothing"))

    with pytest.raises(sqlite3.OperationalError):
        asyncio.run(outliving(config.database_file, fail))

    assert all_set_aside(tmp_path) == []


def test_only_the_newest_are_kept_and_the_oldest_goes_first(tmp_path: Path) -> None:
    for number in range(KEPT + 2):
        (tmp_path / "a.db").write_text(str(number))
        (tmp_path / "a.db-wal").write_text("log")
        set_aside(tmp_path / "a.db")

    kept = [each.file.read_text() for each in all_set_aside(tmp_path)]
    assert kept == [str(number) for number in range(2, KEPT + 2)]
    assert len(list(tmp_path.iterdir())) == 2 * KEPT
    assert remove_oldest(tmp_path)
    assert [each.file.read_text() for each in all_set_aside(tmp_path)] == kept[1:]
    assert [remove_oldest(tmp_path), remove_oldest(tmp_path)] == [True, False]
    assert list(tmp_path.iterdir()) == []


def test_files_of_other_names_are_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "a-damaged-yesterday.db").touch()

    assert all_set_aside(tmp_path) == []
    assert not remove_oldest(tmp_path)


async def test_a_row_whose_text_the_disk_has_spoilt_stops_no_other(tmp_path: Path) -> None:
    async with Database(tmp_path / "a.db") as database:
        await database.run(lambda db: [outbox.append(db, Lane.RESULTS, body='{"id":"1"}') for _ in range(3)])
        await database.run(
            lambda db: db.execute("UPDATE outbox SET body = CAST(x'7b22ff227d' AS TEXT) WHERE sequence = 2")
        )

        found = await database.read(lambda db: outbox.rows(db, Lane.RESULTS, 1, 9))

    assert found == ['{"id":"1"}', '{"\ufffd"}', '{"id":"1"}']
