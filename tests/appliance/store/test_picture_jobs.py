"""Picture tasks in the box's database: what is kept, and what gives way."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from appliance.store import picture_jobs
from appliance.store.database import Database
from appliance.store.picture_jobs import Bounds, NewJob
from federation.viewing.pictures import JobState

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
WIDE = Bounds(jobs=999, results=999, age=timedelta(days=30))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "box.db") as opened:
        yield opened


async def ended(
    database: Database, job_id: str, *, pictures: int = 1, at: datetime = NOW, of_plan: bool = False
) -> None:
    """Add a task that has ended with so many results."""

    def work(db: sqlite3.Connection) -> None:
        job = NewJob(id=job_id, plan="{}", total=None, callback=False, of_plan=of_plan)
        picture_jobs.add(db, job, at, most_waiting=1)
        picture_jobs.take_next(db)
        for number in range(pictures):
            picture_jobs.keep(db, job_id, f"{number}.jpg", "{}", reported=False, fault=False)
        picture_jobs.end(db, job_id, JobState.DONE, "", at)

    await database.run(work)


async def left(database: Database, bounds: Bounds, now: datetime = NOW) -> list[str]:
    """Return the tasks that are left within `bounds`, the oldest first."""
    await database.run(lambda db: picture_jobs.prune(db, now, bounds, of_plans=False))
    return [job.id for job in reversed(await database.read(picture_jobs.newest_first))]


@pytest.mark.parametrize(("most", "expected"), [(3, ["a", "b", "c"]), (2, ["b", "c"])])
async def test_of_too_many_tasks_the_one_that_ended_first_goes(
    database: Database, most: int, expected: list[str]
) -> None:
    for place, job_id in enumerate("abc"):
        await ended(database, job_id, at=NOW + timedelta(seconds=place))

    assert await left(database, Bounds(jobs=most, results=999, age=WIDE.age)) == expected


@pytest.mark.parametrize(("most", "expected"), [(7, ["a", "b"]), (6, ["b"])])
async def test_tasks_give_way_when_all_results_together_are_too_many(
    database: Database, most: int, expected: list[str]
) -> None:
    await ended(database, "a", pictures=3)
    await ended(database, "b", pictures=4)

    assert await left(database, Bounds(jobs=999, results=most, age=WIDE.age)) == expected
    (rows,) = await database.read(lambda db: db.execute("SELECT count(*) FROM picture_results").fetchone())
    assert rows == (7 if "a" in expected else 4)


@pytest.mark.parametrize(
    ("of_plans", "expected"), [(True, ["p1", "p2", "mine", "p3"]), (False, ["p0", "p1", "p2", "p3"])]
)
async def test_tasks_of_plans_and_of_people_never_push_each_other_out(
    database: Database, *, of_plans: bool, expected: list[str]
) -> None:
    for place, job_id in enumerate(("p0", "p1", "p2", "mine", "p3")):
        await ended(database, job_id, pictures=9, at=NOW + timedelta(seconds=place), of_plan=job_id != "mine")
    most = Bounds(jobs=3 if of_plans else 0, results=27, age=WIDE.age)

    await database.run(lambda db: picture_jobs.prune(db, NOW, most, of_plans=of_plans))

    found = [job.id for job in reversed(await database.read(picture_jobs.newest_first))]
    assert found == expected


@pytest.mark.parametrize(("seconds", "expected"), [(0, ["a"]), (1, [])])
async def test_a_task_is_kept_for_its_days_and_no_longer(database: Database, seconds: int, expected: list[str]) -> None:
    await ended(database, "a")

    assert await left(database, WIDE, NOW + WIDE.age + timedelta(seconds=seconds)) == expected


async def test_a_task_that_has_not_ended_never_gives_way(database: Database) -> None:
    job = NewJob(id="open", plan="{}", total=None, callback=False)
    await database.run(lambda db: picture_jobs.add(db, job, NOW, most_waiting=1))
    await ended_after_it(database)

    assert await left(database, Bounds(jobs=0, results=0, age=WIDE.age), NOW + 2 * WIDE.age) == ["open"]


async def ended_after_it(database: Database) -> None:
    await database.run(picture_jobs.take_next)
    await database.run(lambda db: picture_jobs.keep(db, "open", "a.jpg", "{}", reported=False, fault=False))


async def test_no_more_tasks_wait_than_are_allowed(database: Database) -> None:
    jobs = [NewJob(id=job_id, plan="{}", total=None, callback=False) for job_id in "ab"]

    added = [await database.run(partial(picture_jobs.add, job=job, now=NOW, most_waiting=1)) for job in jobs]

    assert added == [True, False]


async def test_the_result_of_a_task_that_was_stopped_meanwhile_is_not_kept(database: Database) -> None:
    job = NewJob(id="a", plan="{}", total=2, callback=False)
    await database.run(lambda db: picture_jobs.add(db, job, NOW, most_waiting=1))
    await database.run(picture_jobs.take_next)
    await database.run(lambda db: picture_jobs.stop(db, "a", NOW))

    kept = await database.run(lambda db: picture_jobs.keep(db, "a", "x.jpg", "{}", reported=True, fault=False))
    found = await database.read(lambda db: picture_jobs.find(db, "a"))

    assert kept is None
    assert found is not None
    assert (found.state, found.pictures) == (JobState.STOPPED, 0)
