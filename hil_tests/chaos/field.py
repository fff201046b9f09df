"""Everything that runs under test: hub, broker, and boxes that have enrolled and have tasks."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from federation.identity.bundle import Bundle
from federation.messages import new_id
from hil_tests.chaos.box import PROFILE, Box, running_box
from hil_tests.chaos.brokers import MOSQUITTO
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.hub_side import HubSide, running_hub_side
from hil_tests.chaos.invariants import Verdict, judge
from hil_tests.chaos.program import Program
from hil_tests.chaos.record import Record
from hil_tests.network.ground import Ground

READY_WITHIN_S = 180.0
POLL_S = 0.25
MOST_TASKS = 400
ALGORITHM = "fengsui.area_intrusion"
EVERYWHERE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Field:
    """The running system."""

    hub_side: HubSide
    boxes: list[Box]

    @property
    def committed(self) -> int:
        """Events that agents have confirmed so far."""
        return sum(box.producer.committed for box in self.boxes)

    @property
    def programs(self) -> list[Program]:
        """Every program under test."""
        return [self.hub_side.hub, *self.hub_side.broker.programs, *(box.agent for box in self.boxes)]


@asynccontextmanager
async def running_field(ground: Ground, boxes: int, folder: Path, *, broker: str = MOSQUITTO) -> AsyncIterator[Field]:
    """Run a hub, its broker (one of BROKERS) and enrolled boxes for as long as the context is open."""
    async with AsyncExitStack() as stack:
        hub_side = await stack.enter_async_context(running_hub_side(folder, ground.centre, broker=broker))
        await ready(hub_side)
        running = []
        for number in range(1, boxes + 1):
            bundle, own = await invited(hub_side, f"box-{number}"), folder / f"b{number}"
            box = running_box(own, bundle, ground=ground, hub_side=hub_side, number=number, task_id=new_id())
            running.append(await stack.enter_async_context(box))
        await hub_side.broker.admit()
        yield Field(hub_side=hub_side, boxes=running)


async def invited(hub_side: HubSide, name: str) -> Bundle:
    """Return an enrolment bundle for a box, made over the hub's console."""
    async with _console(hub_side) as client:
        draft = {"name": name, "profile": PROFILE}
        made = (await client.post("/api/v1/enrolment-bundles", json=draft)).raise_for_status().json()
        return Bundle.model_validate(made["bundle"])


async def ready(hub_side: HubSide) -> None:
    """Return when hub and broker work; raise ChaosError after a minute."""
    async with _console(hub_side) as client:
        await _until(lambda: _is_ready(client), f"the hub was not ready ({hub_side.folder / 'hub.log'})")


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def give_tasks(scene: Field) -> None:
    """Let the hub make tasks until every box has some; return once each box knows all of its own."""
    placed: Counter[str] = Counter()
    async with _console(scene.hub_side) as client:
        await _until(lambda: _all_online(client, len(scene.boxes)), "not all boxes came online")
        while len(placed) < len(scene.boxes):
            number = placed.total() + 1
            if number > MOST_TASKS:
                raise ChaosError(f"{MOST_TASKS} tasks were made, and still not every box has one")
            placed[await _make_task(client, f"gate-{number}")] += 1
    for box in scene.boxes:
        has_them = partial(_has_tasks, box, placed[box.node_id])
        await _until(has_them, f"{box.node_id} did not get its tasks")
        box.plans.settle()


async def _all_online(client: httpx.AsyncClient, boxes: int) -> bool:
    nodes = (await client.get("/api/v1/nodes")).raise_for_status().json()["items"]
    return [node["state"] for node in nodes].count("online") == boxes


async def _has_tasks(box: Box, tasks: int) -> bool:
    return box.plans.tasks == tasks


async def _make_task(client: httpx.AsyncClient, point_id: str) -> str:
    """Make a point with a task, and return the box on which the hub has put it."""
    point = {"id": point_id, "name": point_id, "stream_url": f"rtsp://127.0.0.1:9/{point_id}"}
    (await client.post("/api/v1/points", json=point)).raise_for_status()
    draft = {"name": point_id, "point_ids": [point_id], "algorithm_ids": [ALGORITHM], "region": EVERYWHERE}
    (task,) = (await client.post("/api/v1/tasks", json=draft)).raise_for_status().json()
    if task["node_id"] is None:
        raise ChaosError(f"the hub has no box for a task: {task['reason']}")
    return str(task["node_id"])


async def _until(happened: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not await happened():
        if time.monotonic() > deadline:
            raise ChaosError(f"{otherwise} within {READY_WITHIN_S:.0f} s")
        await asyncio.sleep(POLL_S)


async def count(scene: Field) -> Verdict:
    """Count what boxes and hub hold."""
    records = [await box.record() for box in scene.boxes]
    return await asyncio.to_thread(_count, scene, records)


def _count(scene: Field, records: Sequence[Record]) -> Verdict:
    hub = scene.hub_side
    return judge(
        {box.node_id: box.producer.ids for box in scene.boxes},
        hub.rows(),
        tombstones=hub.tombstones("events"),
        results=sum(record.results for record in records) - hub.tombstones("results"),
        hub_results=hub.results(),
        pictures=[digest for record in records for digest in record.pictures],
        hub_pictures=hub.pictures(),
        pictures_given_up=hub.tombstones("evidence"),
    )


def _console(hub_side: HubSide) -> httpx.AsyncClient:
    over_socket = httpx.AsyncHTTPTransport(uds=str(hub_side.console))
    return httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=30)
