"""One chaos run: boxes produce, faults strike, and at the end every event is counted."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hil_tests.chaos.beside import beside
from hil_tests.chaos.brokers import MOSQUITTO, RABBITMQ
from hil_tests.chaos.chronicle import Chronicle, most_memory_mb, quantiles_s, recoveries_s
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.faults import CLUSTER, ONE_BROKER, Stroke, draw
from hil_tests.chaos.field import Field, Say, count, give_tasks, running_field
from hil_tests.chaos.invariants import Verdict
from hil_tests.chaos.strikes import strike_together
from hil_tests.network.ground import Ground

DELIVERED_WITHIN_S = 600.0
BACK_UP_EVERY_S = 15.0
POLL_S = 0.25
PROGRESS_EVERY_S = 5.0
PACE_S, CALM_PACE_S = 0.001, 0.1
BREATHER_EVERY, LONGEST_BREATHER_S = 5, 30.0  # or a hub that takes seconds to start would never be there
HUB_MEMORY_MB, AGENT_MEMORY_MB = 400.0, 200.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is asked for."""

    events: int
    faults: int
    seed: int
    boxes: int
    broker: str = MOSQUITTO


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    verdict: Verdict
    tasks_restarted: int
    memory_mb: dict[str, float]
    faults: dict[str, int]
    overlapping: int
    recovery_s: dict[str, dict[str, float]]
    produced_s: float
    delivered_s: float
    delivered_after_last_fault_s: float
    restarts: int
    producer_retries: int

    @property
    def ok(self) -> bool:
        """Whether custody held, no task was started anew, and memory stayed bounded."""
        bounded = self.memory_mb["hub"] <= HUB_MEMORY_MB and self.memory_mb["agent"] <= AGENT_MEMORY_MB
        return self.verdict.holds and not self.tasks_restarted and bounded


async def run(options: Options, ground: Ground, folder: Path, say: Say) -> tuple[Outcome, Chronicle]:
    """Make one run in `folder`; raise ChaosError if it does not come to an end."""
    kinds = CLUSTER if options.broker == RABBITMQ else ONE_BROKER
    strokes = draw(options.seed, faults=options.faults, boxes=options.boxes, kinds=kinds)
    async with running_field(ground, options.boxes, folder, broker=options.broker) as scene:
        await give_tasks(scene)
        await asyncio.to_thread(scene.hub_side.back_up)
        say(f"{options.boxes} boxes, {options.broker} and a hub run; {options.events} events, {options.faults} faults")
        chronicle = Chronicle(scene=scene)
        async with beside(chronicle.watch()):
            await _trouble(chronicle, strokes, options.events, say)
            produced_s = chronicle.now_s()
            say(f"{scene.committed} events are committed; waiting until the hub has them")
            await _delivered(scene, say)
        await chronicle.look()
        return _outcome(chronicle, strokes, produced_s, await count(scene)), chronicle


def _outcome(chronicle: Chronicle, strokes: list[Stroke], produced_s: float, verdict: Verdict) -> Outcome:
    scene, delivered_s = chronicle.scene, chronicle.samples[-1].at_s
    last_s = max((each.healed_s for each in chronicle.struck), default=0.0)
    return Outcome(
        verdict=verdict,
        tasks_restarted=sum(box.plans.restarts for box in scene.boxes),
        memory_mb=most_memory_mb(chronicle.samples),
        faults=dict(sorted(Counter(each.fault.kind for each in chronicle.struck).items())),
        overlapping=sum(len(stroke) for stroke in strokes if len(stroke) > 1),
        recovery_s=quantiles_s(recoveries_s(chronicle.struck, chronicle.samples)),
        produced_s=round(produced_s, 1),
        delivered_s=round(delivered_s, 1),
        delivered_after_last_fault_s=round(delivered_s - last_s, 1),
        restarts=sum(max(0, program.starts - 1) for program in scene.programs),
        producer_retries=sum(box.producer.retries for box in scene.boxes),
    )


async def _trouble(chronicle: Chronicle, strokes: list[Stroke], events: int, say: Say) -> None:
    """Produce all events and let all faults strike, spread over the events."""
    scene, struck = chronicle.scene, 0

    def ahead() -> bool:
        return scene.committed >= events * (struck + 1) / (len(strokes) + 1)

    def may_go_on() -> bool:
        return struck < len(strokes) or not ahead()

    async def steer() -> None:
        # Events come before, between and after the faults, and during each of them.
        while True:
            for box in scene.boxes:
                box.producer.pace_s = CALM_PACE_S if ahead() else PACE_S
            await asyncio.sleep(POLL_S / 5)

    async def strike_all() -> None:
        nonlocal struck
        for number, stroke in enumerate(strokes, 1):
            while scene.committed < events * number / (len(strokes) + 1):  # noqa: ASYNC110 - a count, no event
                await asyncio.sleep(POLL_S / 5)
            if number % BREATHER_EVERY == 0:
                await _breather(chronicle)
            await strike_together(chronicle, stroke)
            struck = number

    async def back_up() -> None:
        while True:
            await asyncio.sleep(BACK_UP_EVERY_S)
            if scene.hub_side.hub.pid is not None:
                await asyncio.to_thread(scene.hub_side.back_up)

    async def tell() -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            faults = len(chronicle.struck)
            say(f"  {chronicle.now_s():4.0f} s {scene.committed:>7} of {events} events, {faults:>4} faults")

    async with asyncio.TaskGroup() as group:
        others = [group.create_task(work()) for work in (steer, back_up, tell)]
        async with asyncio.TaskGroup() as main:
            main.create_task(strike_all())
            for box in scene.boxes:
                main.create_task(box.producer.run(may_go_on=may_go_on, pace_s=PACE_S))
        for task in others:
            task.cancel()


async def _breather(chronicle: Chronicle) -> None:
    """Return once the hub has all that is committed now, or when it has had time enough."""
    committed, ends = chronicle.committed(), time.monotonic() + LONGEST_BREATHER_S
    while time.monotonic() < ends and not chronicle.samples[-1].has(committed):  # noqa: ASYNC110 - it has an end
        await asyncio.sleep(POLL_S)


async def _delivered(scene: Field, say: Say) -> None:
    deadline = time.monotonic() + DELIVERED_WITHIN_S
    told = time.monotonic()
    while True:
        records = [await box.record() for box in scene.boxes]
        if all(record.delivered for record in records):
            return
        waiting = sum(record.produced - record.acknowledged for record in records)
        pictures = sum(record.pictures_waiting for record in records)
        if time.monotonic() > deadline:
            raise ChaosError(f"{waiting} rows and {pictures} pictures still wait after {DELIVERED_WITHIN_S:.0f} s")
        if time.monotonic() - told > PROGRESS_EVERY_S:
            told = time.monotonic()
            say(f"  {waiting} rows and {pictures} pictures on their way")
        await asyncio.sleep(POLL_S)
