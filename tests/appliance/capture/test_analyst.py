"""Pictures on their way to the algorithm that their plan names: a real index, a line of tasks."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.capture import analyses, index
from appliance.capture.analyst import TOGETHER, Analyst, within
from appliance.capture.index import Kept, Snapshot
from appliance.capture.order import Order, Origin, Shot
from appliance.capture.schema import migrations
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder
from federation.http import Problem
from federation.messages import PlanAlgorithm, Want, new_id
from federation.testing.waiting import until

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(minutes=1)
HELMET = PlanAlgorithm(algorithm_id="test.helmet", version="1.0.0")
FULL = Problem(429, "too_many_jobs", "16 picture tasks wait already; order again later.")


@dataclass(kw_only=True)
class Line:
    """Takes tasks, but for the errors in `refusals`, which come first. It answers while it is `open`."""

    tasks: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refusals: list[Exception] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def order(self, algorithm: PlanAlgorithm, pictures: Mapping[str, bytes]) -> str:
        """Keep a task, and answer only then."""
        assert algorithm == HELMET
        if self.refusals:
            raise self.refusals.pop(0)
        task_id = f"task-{len(self.tasks)}"
        self.tasks[task_id] = dict(pictures)
        await self.open.wait()
        return task_id


@dataclass(kw_only=True)
class Work:
    """An index with pictures, and an analyst over it."""

    database: Database
    pictures: PictureFolder
    line: Line
    plans: dict[str, PlanAlgorithm] = field(default_factory=lambda: {"plan": HELMET})

    async def add(self, plan_id: str = "plan", *, settled_at: datetime = LONG_AGO, analysed: bool = True) -> str:
        """Let a plan take a picture; return the id of its snapshot."""
        (snapshot_id,) = await self.add_many(1, plan_id, settled_at=settled_at, analysed=analysed)
        return snapshot_id

    async def add_many(
        self, count: int, plan_id: str = "plan", *, settled_at: datetime, analysed: bool = True
    ) -> list[str]:
        """Let a plan take pictures; return the ids of their snapshots."""
        order = Order(id="", point_id="gate", want=Want(), origin=Origin.PLAN, asked_at=settled_at, plan_id=plan_id)
        orders = [replace(order, id=new_id(), analysed=analysed) for _ in range(count)]
        contents = [order.id.encode() for order in orders]
        digests = await asyncio.to_thread(self.pictures.put_all, contents)

        def work(db: sqlite3.Connection) -> list[str]:
            for order, content, digest in zip(orders, contents, digests, strict=True):
                kept = Kept(shot=Shot(content=content, width_px=4, height_px=3, taken_at=NOW), digest=digest)
                index.settle(db, order, kept, settled_at)
            return [order.id for order in orders]

        return await self.database.run(work)

    async def find(self, snapshot_id: str) -> Snapshot:
        """Return a snapshot as it is now."""
        found = await self.database.read(lambda db: index.find(db, snapshot_id))
        assert found is not None
        return found

    async def ended(self, snapshot_id: str) -> Snapshot:
        """Return a snapshot once it is in a task, or never will be."""

        async def has_ended() -> bool:
            return (await self.find(snapshot_id)).analysis != "waiting"

        await until(has_ended, within_s=60, what="a picture that is analysed, or never will be")
        return await self.find(snapshot_id)

    @asynccontextmanager
    async def at_work(
        self, *, wait: timedelta = timedelta(seconds=10), first_pause_s: float = 0.05
    ) -> AsyncIterator[None]:
        """Run the analyst until the end, which comes to it as suddenly as that of its process."""
        analyst = Analyst(
            database=self.database,
            pictures=self.pictures,
            algorithm=self.plans.get,
            order=self.line.order,
            wait=wait,
            first_pause_s=first_pause_s,
            look_every_s=0.02,
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(analyst.run())
            yield
            running.cancel()


@asynccontextmanager
async def work_in(folder: Path) -> AsyncIterator[Work]:
    async with Database(folder / "captures.db", migrations) as database:
        line = Line()
        line.open.set()
        yield Work(database=database, pictures=PictureFolder(root=folder / "pictures"), line=line)


async def test_a_picture_waits_and_is_then_in_a_task_under_the_id_of_its_snapshot(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        first, other = await work.add(), await work.add(analysed=False)
        before = await work.find(first)
        async with work.at_work():
            after = await work.ended(first)
        unasked = await work.find(other)

    assert (before.analysis, before.analysis_task) == ("waiting", "")
    assert (after.analysis, after.analysis_task, after.analysis_reason) == ("done", "task-0", "")
    assert (unasked.analysis, unasked.analysis_task) == ("none", "")
    assert work.line.tasks == {"task-0": {first: first.encode()}}


async def test_pictures_of_one_plan_go_together_up_to_a_hundred_without_waiting(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        work.plans["other"] = HELMET
        mine = await work.add_many(TOGETHER + 1, settled_at=NOW)
        theirs = await work.add("other")
        async with work.at_work(wait=timedelta(hours=1)):
            await work.ended(mine[0])
        late, foreign = await work.find(mine[-1]), await work.find(theirs)

    assert [list(task) for task in work.line.tasks.values()] == [mine[:TOGETHER]]
    assert (late.analysis, foreign.analysis) == ("waiting", "waiting")


async def test_a_picture_that_has_waited_for_long_does_not_wait_for_a_hundred(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        work.plans["other"] = HELMET
        ours, theirs = await work.add(), await work.add("other", settled_at=LONG_AGO - timedelta(seconds=1))
        async with work.at_work():
            await work.ended(ours)

    assert [list(task) for task in work.line.tasks.values()] == [[theirs], [ours]]


async def test_a_line_or_disk_that_is_full_is_asked_again_until_there_is_room(tmp_path: Path) -> None:
    full = [FULL, Problem(507, "disk_full", "no room"), OSError(28, "No space left on device")]
    async with work_in(tmp_path) as work:
        work.line.refusals = [*full, sqlite3.OperationalError("database or disk is full"), FULL]
        ended = await work_snapshot(work)

    assert (ended.analysis, ended.analysis_task, ended.analysis_reason) == ("done", "task-0", "")
    assert work.line.refusals == []


async def work_snapshot(work: Work) -> Snapshot:
    """Return a picture that the analyst had until it was done with it."""
    snapshot_id = await work.add()
    async with work.at_work():
        return await work.ended(snapshot_id)


async def test_while_a_plan_rests_others_go_on_and_its_picture_says_why_it_waits(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        work.plans["other"] = HELMET
        work.line.refusals = [FULL]
        held, other = await work.add(), await work.add("other", settled_at=NOW - timedelta(seconds=30))
        async with work.at_work(first_pause_s=600):
            await work.ended(other)
        waiting = await work.find(held)

    assert waiting.analysis == "waiting"
    assert waiting.analysis_reason.startswith("too_many_jobs: 16 picture tasks wait already")


async def test_a_box_that_goes_down_when_a_task_is_kept_hands_the_picture_over_again(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        snapshot_id = await work.add()
        work.line.open.clear()
        async with work.at_work():
            await until(lambda: bool(work.line.tasks), within_s=60, what="a task that is kept")
        between = await work.find(snapshot_id)
    async with work_in(tmp_path) as again, again.at_work():
        after = await again.ended(snapshot_id)

    assert (between.analysis, between.analysis_task) == ("waiting", "")
    assert work.line.tasks == again.line.tasks == {"task-0": {snapshot_id: snapshot_id.encode()}}
    assert (after.analysis, after.analysis_task) == ("done", "task-0")


async def test_a_plan_that_is_gone_and_a_picture_that_is_gone_are_given_up_with_the_reason(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        planless, pictureless, whole = await work.add("removed"), await work.add(), await work.add()
        digest = (await work.find(pictureless)).digest
        assert digest is not None
        await asyncio.to_thread(work.pictures.remove, digest)
        async with work.at_work():
            ended = [await work.ended(each) for each in (planless, pictureless, whole)]

    assert [each.analysis for each in ended] == ["failed", "failed", "done"]
    assert [each.analysis_reason.partition(":")[0] for each in ended] == ["no_algorithm", "no_picture", ""]


async def test_a_picture_that_nobody_took_within_a_day_is_given_up_with_the_last_reason(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        old, young = await work.add(settled_at=NOW - timedelta(hours=25)), await work.add()
        work.line.refusals = [FULL]
        async with work.at_work():
            ended = await work.ended(old)
            taken = await work.ended(young)

    assert (ended.analysis, taken.analysis) == ("failed", "done")
    assert ended.analysis_reason.startswith("given_up: not taken within 24 hours; the last time too_many_jobs")


async def test_a_task_holds_so_many_bytes_and_one_picture_at_least(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        snapshot = await work.find(await work.add())
    three = [replace(snapshot, id=name, size_bytes=40) for name in "abc"]

    assert [each.id for each in within(three, 80)] == ["a", "b"]
    assert [each.id for each in within(three, 79)] == ["a"]
    assert [each.id for each in within(three, 1)] == ["a"]
    assert within([], 80) == []


async def test_the_pictures_that_wait_are_found_without_looking_through_all_snapshots(tmp_path: Path) -> None:
    async with work_in(tmp_path) as work:
        await work.add()

        def plan(db: sqlite3.Connection) -> str:
            query = analyses.WAITING_LONG
            return " ".join(str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {query}", ("[]", 0)))

        assert "snapshots_analysis" in await work.database.read(plan)
