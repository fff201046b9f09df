"""One chaos run: boxes produce, faults strike, and at the end every event is counted."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from federation.messages import new_id
from federation.testing.ports import reserved
from hil_tests.chaos.box import Box, running_box
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.faults import Fault, Kind, draw
from hil_tests.chaos.hub_side import HubSide, running_hub_side
from hil_tests.chaos.invariants import Verdict, judge
from hil_tests.chaos.program import Program
from hil_tests.chaos.wire import Weather

READY_WITHIN_S = 60.0
DELIVERED_WITHIN_S = 600.0
BACK_UP_EVERY_S = 15.0
POLL_S = 0.25
PROGRESS_EVERY_S = 5.0
PACE_S = 0.001

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is asked for."""

    events: int
    faults: int
    seed: int
    boxes: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    verdict: Verdict
    faults: dict[str, int]
    produced_s: float
    delivered_s: float
    restarts: int
    producer_retries: int


@dataclass(kw_only=True)
class Field:
    """Everything that runs, and what has happened to it."""

    hub_side: HubSide
    boxes: list[Box]
    happened: Counter[str] = field(default_factory=Counter)

    @property
    def committed(self) -> int:
        """Events that agents have confirmed so far."""
        return sum(box.producer.committed for box in self.boxes)


async def run(options: Options, folder: Path, say: Say) -> Outcome:
    """Make one run in `folder`; raise ChaosError if it does not come to an end."""
    began = time.monotonic()
    async with running_field(options.boxes, folder) as scene:
        say(f"{options.boxes} boxes, a broker and a hub run; {options.events} events, {options.faults} faults")
        await _trouble(scene, options, say)
        produced_s = time.monotonic() - began
        say(f"{scene.committed} events are committed; waiting until the hub has them")
        await _delivered(scene, say)
        delivered_s = time.monotonic() - began
        verdict = await asyncio.to_thread(count, scene)
        return Outcome(
            verdict=verdict,
            faults=dict(sorted(scene.happened.items())),
            produced_s=round(produced_s, 1),
            delivered_s=round(delivered_s, 1),
            restarts=sum(max(0, program.starts - 1) for program in _programs(scene)),
            producer_retries=sum(box.producer.retries for box in scene.boxes),
        )


@asynccontextmanager
async def running_field(boxes: int, folder: Path) -> AsyncIterator[Field]:
    """Run a hub, its broker and enrolled boxes for as long as the context is open."""
    async with AsyncExitStack() as stack:
        hub_port, broker_port = stack.enter_context(reserved(2))
        hub_side = await stack.enter_async_context(running_hub_side(folder, hub_port=hub_port, broker_port=broker_port))
        await ready(hub_side)
        running = []
        for number in range(1, boxes + 1):
            credentials = await enrolled(hub_side, f"box-{number}")
            box = running_box(folder / f"b{number}", credentials, hub_port=hub_port, task_id=new_id())
            running.append(await stack.enter_async_context(box))
        await asyncio.to_thread(hub_side.back_up)
        yield Field(hub_side=hub_side, boxes=running)


async def enrolled(hub_side: HubSide, name: str) -> dict[str, Any]:
    """Enrol a box over the hub's console and return its credentials."""
    over_socket = httpx.AsyncHTTPTransport(uds=str(hub_side.console))
    async with httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=30) as client:
        draft = {"name": name, "profile": "analysis"}
        token = (await client.post("/api/v1/enrolment-tokens", json=draft)).raise_for_status().json()["token"]
        request = {"token": token, "serial": name, "profile": "analysis", "software": "0.1"}
        answer = await client.post("/api/v1/enrolments", json=request)
        return dict(answer.raise_for_status().json())


def count(scene: Field) -> Verdict:
    """Count what boxes and hub hold. Blocks."""
    records = {box.node_id: box.record() for box in scene.boxes}
    return judge(
        {node_id: record.ids for node_id, record in records.items()},
        scene.hub_side.rows(),
        pictures=[digest for record in records.values() for digest in record.pictures],
        hub_pictures=scene.hub_side.pictures(),
    )


async def strike(scene: Field, fault: Fault) -> None:
    """Let one fault happen, and heal it after its time."""
    hub_side, box = scene.hub_side, scene.boxes[fault.box]
    scene.happened[fault.kind] += 1
    match fault.kind:
        case Kind.KILL_HUB:
            hub_side.hub.kill()
        case Kind.KILL_BROKER:
            hub_side.broker.kill()
        case Kind.KILL_HUB_AND_BROKER:
            hub_side.broker.kill()
            hub_side.hub.kill()
        case Kind.KILL_AGENT:
            box.agent.kill()
        case Kind.HUB_RESTORED:
            await hub_side.hub.hold()
            await asyncio.to_thread(hub_side.restore)
            hub_side.hub.release()
        case Kind.CLOCK_JUMP:
            box.set_clock(fault.clock_s)
            await asyncio.sleep(fault.lasts_s)
            box.set_clock(0)
        case Kind.DISK_FULL:
            box.fill_disk(full=True)
            await asyncio.sleep(fault.lasts_s)
            box.fill_disk(full=False)
        case Kind.LINK_CUT | Kind.LINK_HALF_OPEN | Kind.LINK_SLOW:
            box.wire.become(_WEATHER[fault.kind])
            await asyncio.sleep(fault.lasts_s)
            box.wire.become(Weather.FAIR)


_WEATHER = {
    Kind.LINK_CUT: Weather.CUT,
    Kind.LINK_HALF_OPEN: Weather.SILENT,
    Kind.LINK_SLOW: Weather.SLOW,
}


async def _trouble(scene: Field, options: Options, say: Say) -> None:
    """Produce all events and let all faults strike, spread over the events."""
    faults = draw(options.seed, faults=options.faults, boxes=options.boxes)
    struck = 0

    def may_go_on() -> bool:
        # The last events are produced after the last fault has struck, and no faster than faults strike.
        share = (struck + 1) / (len(faults) + 1)
        return scene.committed < options.events * share or struck < len(faults)

    async def strike_all() -> None:
        nonlocal struck
        for number, fault in enumerate(faults, 1):
            while scene.committed < options.events * number / (len(faults) + 1):  # noqa: ASYNC110 - a count, no event
                await asyncio.sleep(POLL_S / 5)
            await strike(scene, fault)
            struck = number

    async def back_up() -> None:
        while True:
            await asyncio.sleep(BACK_UP_EVERY_S)
            if scene.hub_side.hub.pid is not None:
                await asyncio.to_thread(scene.hub_side.back_up)

    async def tell() -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            say(f"  {scene.committed:>7} of {options.events} events, {struck:>4} of {len(faults)} faults")

    async with asyncio.TaskGroup() as group:
        others = [group.create_task(back_up()), group.create_task(tell())]
        async with asyncio.TaskGroup() as work:
            work.create_task(strike_all())
            for box in scene.boxes:
                work.create_task(box.producer.run(may_go_on=may_go_on, pace_s=PACE_S))
        for task in others:
            task.cancel()


async def _delivered(scene: Field, say: Say) -> None:
    deadline = time.monotonic() + DELIVERED_WITHIN_S
    told = time.monotonic()
    while True:
        records = [await asyncio.to_thread(box.record) for box in scene.boxes]
        if all(record.delivered for record in records):
            return
        waiting = sum(record.produced - record.acknowledged for record in records)
        pictures = sum(record.pictures_waiting for record in records)
        if time.monotonic() > deadline:
            raise ChaosError(f"{waiting} events and {pictures} pictures still wait after {DELIVERED_WITHIN_S:.0f} s")
        if time.monotonic() - told > PROGRESS_EVERY_S:
            told = time.monotonic()
            say(f"  {waiting} events and {pictures} pictures on their way")
        await asyncio.sleep(POLL_S)


async def ready(hub_side: HubSide) -> None:
    """Return when hub and broker work; raise ChaosError after a minute."""
    over_socket = httpx.AsyncHTTPTransport(uds=str(hub_side.console))
    deadline = time.monotonic() + READY_WITHIN_S
    async with httpx.AsyncClient(transport=over_socket, base_url="http://hub", timeout=5) as client:
        while time.monotonic() < deadline:
            try:
                if (await client.get("/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(POLL_S)
    raise ChaosError(f"the hub was not ready within {READY_WITHIN_S:.0f} s; see {hub_side.folder / 'hub.log'}")


def _programs(scene: Field) -> list[Program]:
    return [scene.hub_side.hub, scene.hub_side.broker, *(box.agent for box in scene.boxes)]
