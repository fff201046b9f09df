"""Results of picture tasks on their way to a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from appliance.config import ResultsQueueConfig
from appliance.errors import BadConfiguration
from appliance.panel.models.results_queue import ResultsQueue, address_of
from appliance.store.database import Database
from federation.bus import Message, Session
from federation.http import Problem
from federation.testing.broker import Broker, running_broker
from federation.testing.waiting import until
from tests.appliance.panel.models.planted import planted_box

TOPIC = "city/pictures"


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker("box", "consumer") as found:
        yield found


def settings_for(broker: Broker, folder: Path, **more: Any) -> ResultsQueueConfig:
    """Return a queue on the broker, with the files that the configuration names."""
    member = broker.member("box")
    (folder / "ca.pem").write_text(broker.authority.certificate_pem)
    (folder / "box.pem").write_text(member.key.path.read_text() + "\n" + member.identity.certificate)
    return ResultsQueueConfig(
        host="127.0.0.1",
        port=broker.port,
        topic=TOPIC,
        ca_file=folder / "ca.pem",
        certificate_file=folder / "box.pem",
        **more,
    )


@asynccontextmanager
async def consumer(broker: Broker) -> AsyncIterator[list[dict[str, Any]]]:
    """Give the list into which a consumer puts what it gets."""
    got: list[dict[str, Any]] = []
    ready = asyncio.Event()

    async def take(session: Session) -> None:
        while True:
            item = await session.next()
            ready.set()
            if isinstance(item, Message):
                got.append(json.loads(item.payload))

    session = Session(broker.address("consumer"), client_id="consumer", subscriptions=(TOPIC,))
    async with session, asyncio.TaskGroup() as group:
        taking = group.create_task(take(session))
        async with asyncio.timeout(30):
            await ready.wait()
        yield got
        taking.cancel()


@asynccontextmanager
async def delivering(queue: ResultsQueue) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        running = group.create_task(queue.run())
        yield
        running.cancel()


async def test_results_come_in_their_order_and_the_end_after_them_also_when_the_broker_was_silent(
    broker: Broker, tmp_path: Path
) -> None:
    settings = await asyncio.to_thread(settings_for, broker, tmp_path)
    async with consumer(broker) as got, planted_box(tmp_path / "box", settings) as box:
        await until(lambda: _taken(box), within_s=90, what="the queue at work")
        got.clear()
        broker.freeze()
        try:
            path = await box.ordered(folder="yard", queue=True)
            job = await box.ended(path)
            waiting = (await box.panel.get(path)).json()["queue_waiting"]
        finally:
            broker.thaw()
        await until(lambda: any("ended" in each for each in got), within_s=60, what="the end of the task in the queue")

    mine = {each["id"]: each for each in got}
    assert waiting == 4
    assert list(mine) == [f"{job['id']}/{place}" for place in (1, 2, 3, "end")]
    assert [bool(mine[f"{job['id']}/{n}"]["result"]["verdict"]["fault"]) for n in (1, 2, 3)] == [False, False, True]
    assert mine[f"{job['id']}/end"]["ended"]["state"] == "done"


async def _taken(box: Any) -> bool:
    path = await box.ordered(folder="yard", queue=True)
    await box.ended(path)
    return bool((await box.panel.get(path)).json()["queue_waiting"] == 0)


async def test_what_waited_when_the_box_went_down_is_delivered_by_the_next_start(
    broker: Broker, tmp_path: Path
) -> None:
    settings = await asyncio.to_thread(settings_for, broker, tmp_path)
    async with Database(tmp_path / "box.db") as database:
        await ResultsQueue(database, settings, client_id="before").put("job", '{"id":"job/1"}')
    async with consumer(broker) as got, Database(tmp_path / "box.db") as database:
        queue = ResultsQueue(database, settings, client_id="after")
        async with delivering(queue):
            await until(lambda: got == [{"id": "job/1"}], within_s=90, what="the result")
            await until(lambda: queue.waiting.total() == 0, within_s=90, what="the queue to be empty")


async def test_a_queue_that_takes_nothing_holds_so_many_results_and_no_more(tmp_path: Path) -> None:
    settings = ResultsQueueConfig(host="127.0.0.1", port=1, most=2)
    async with Database(tmp_path / "box.db") as database:
        queue = ResultsQueue(database, settings, client_id="box")
        for number in (1, 2):
            await queue.put("job", f'{{"id":"job/{number}"}}')

        with pytest.raises(Problem) as refused:
            await queue.put("job", '{"id":"job/3"}')

    assert refused.value.code == "queue_full"


def test_a_file_that_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"results_queue.*nowhere\.pem"):
        address_of(ResultsQueueConfig(host="mq", password_file=tmp_path / "nowhere.pem"))
