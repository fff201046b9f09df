"""Results of picture tasks on their way to the address that the order named: a real receiver over HTTP."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from appliance.panel.models.callbacks import Callbacks, refuse_forbidden
from appliance.panel.models.model import JobPlan
from appliance.store import picture_jobs
from appliance.store.database import Database
from appliance.store.picture_jobs import NewJob, StoredJob
from federation.http import Problem
from federation.testing.waiting import until
from federation.viewing.pictures import CallbackState, JobState, PictureVerdict


@dataclass(kw_only=True)
class Receiver:
    """Takes results, or answers with what `statuses` say first."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """Answer one request."""
        self.got.append((request.headers["Idempotency-Key"], await request.json()))
        status = self.statuses.pop(0) if self.statuses else 204
        return web.Response(status=status, headers={"Location": "/other"} if status == 302 else {})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", found.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/in"
    try:
        yield found
    finally:
        await runner.cleanup()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(tmp_path / "box.db") as opened:
        yield opened


async def done(database: Database, url: str, *, pictures: int = 1) -> None:
    """Add a task that has ended, whose results go to `url`."""
    plan = JobPlan(algorithm_id="a.b", version="1.0.0", folder=".", every_s=1, queue=False, callback_url=url)
    now = datetime.now(UTC)

    def work(db: sqlite3.Connection) -> None:
        job = NewJob(id="job", plan=plan.model_dump_json(), total=None, callback=True)
        picture_jobs.add(db, job, now, most_waiting=1)
        picture_jobs.take_next(db)
        body = PictureVerdict().model_dump_json()
        for number in range(pictures):
            picture_jobs.keep(db, "job", f"{number}.jpg", body, reported=False, fault=False)
        picture_jobs.end(db, "job", JobState.DONE, "", now)

    await database.run(work)


@asynccontextmanager
async def at_work(database: Database, *, to_this_box: bool = True) -> AsyncIterator[None]:
    callbacks = Callbacks(
        database=database,
        to_this_box=to_this_box,
        news=asyncio.Event(),
        queue_waiting=lambda _job_id: 0,
        pauses_s=(0.01, 0.02),
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(callbacks.run())
        yield
        running.cancel()


async def settled(database: Database) -> StoredJob:
    async def found() -> StoredJob | None:
        job = await database.read(lambda db: picture_jobs.find(db, "job"))
        return job if job is not None and job.callback is not CallbackState.WAITING else None

    job = await until(found, within_s=90, what="the end of a callback")
    assert isinstance(job, StoredJob)
    return job


async def test_all_results_are_handed_over_a_hundred_at_once(database: Database, receiver: Receiver) -> None:
    await done(database, receiver.url, pictures=101)

    async with at_work(database):
        job = await settled(database)

    assert job.callback is CallbackState.DELIVERED
    assert [(key, len(body["items"])) for key, body in receiver.got] == [("job/0", 100), ("job/100", 1)]


async def test_a_receiver_that_fails_is_asked_again_and_the_last_reason_stays_with_the_task(
    database: Database, receiver: Receiver
) -> None:
    receiver.statuses = [503] * 9
    await done(database, receiver.url)

    async with at_work(database):
        job = await settled(database)

    assert (job.callback, job.callback_reason) == (CallbackState.FAILED, "refused: the receiver answers 503")
    assert len(receiver.got) == 3  # at once, and after each pause


async def test_a_receiver_that_comes_back_gets_what_it_had_refused(database: Database, receiver: Receiver) -> None:
    receiver.statuses = [503, 500]
    await done(database, receiver.url)

    async with at_work(database):
        job = await settled(database)

    assert (job.callback, job.callback_reason, len(receiver.got)) == (CallbackState.DELIVERED, "", 3)


async def test_a_restart_goes_on_behind_what_was_taken(database: Database, receiver: Receiver) -> None:
    await done(database, receiver.url, pictures=101)
    await database.run(lambda db: picture_jobs.handed_over(db, "job", 100))

    async with at_work(database):
        await settled(database)

    assert [key for key, _ in receiver.got] == ["job/100"]


async def test_a_redirect_is_not_followed_and_ends_it(database: Database, receiver: Receiver) -> None:
    receiver.statuses = [302]
    await done(database, receiver.url)

    async with at_work(database):
        job = await settled(database)

    assert job.callback_reason == "redirected: the receiver answers 302; name the address it leads to"
    assert len(receiver.got) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_nothing_is_handed_to_the_box_itself_however_it_is_named(
    database: Database, receiver: Receiver, host: str
) -> None:
    await done(database, receiver.url.replace("127.0.0.1", host))

    async with at_work(database, to_this_box=False):
        job = await settled(database)

    assert (job.callback, receiver.got) == (CallbackState.FAILED, [])
    assert job.callback_reason == "forbidden_address: nothing is delivered to 127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f000001", "127.1"])
async def test_an_order_that_names_the_box_itself_is_refused(host: str) -> None:
    with pytest.raises(Problem) as refused:
        await refuse_forbidden(f"http://{host}:8080/x", to_this_box=False)

    assert (refused.value.status, refused.value.code) == (422, "forbidden_address")


async def test_an_address_that_cannot_be_resolved_now_is_looked_at_later() -> None:
    await refuse_forbidden("http://nowhere.invalid/x", to_this_box=False)
