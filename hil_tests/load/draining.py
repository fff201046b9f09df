"""How a backlog is drained while others send fresh events."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from hil_tests.load.crowd import Crowd, Order, gathered
from hil_tests.load.figures import Figures, quantiles
from hil_tests.load.simulated import Member
from hil_tests.load.site import Say, Site, spending

FRESH_PER_S = 1.0
PROCESSES = 2
WITHIN_S = 900.0


async def drained(
    site: Site,
    *,
    fresh: Sequence[Member],
    start: Callable[[], Coroutine[Any, Any, None]],
    rows: int,
    returning: Sequence[str],
    settle_s: float,
    say: Say,
    crowds: Sequence[Crowd] = (),
) -> Figures:
    """Start the hand-over of a backlog, with fresh events beside it, and measure until the hub has `rows` of it.

    `crowds` are those who hand over, if they are simulated.
    """
    order = Order(members=tuple(fresh), per_s=FRESH_PER_S, for_s=WITHIN_S)
    async with gathered(order) as beside:
        took = dict[str, float]()

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                living = group.create_task(beside.live())
                await asyncio.sleep(settle_s)
                before, took["since_us"], began = await site.rows(returning), now_us(), time.monotonic()
                took["rows"] = rows - before
                group.create_task(start())
                took["s"] = await site.arrived(rows, within_s=WITHIN_S, nodes=returning) - began
                living.cancel()

        spent = await spending(site, work(), crowds=[crowd.pid for crowd in (beside, *crowds)])
        events = int(took["rows"])
        say(f"{events} events drained in {took['s']:.1f} s")
        late = await site.latencies_ms([member.node_id for member in fresh], int(took["since_us"]))
        return {
            "drained_per_s": round(events / took["s"], 1),
            "fresh_ms": quantiles(late),
            "fresh_events": len(late),
            "cpu_s_per_1000_events": spent.cpu_s_per_1000(events),
            "memory_mb": spent.memory_mb(),
        }


async def crowds_of(stack: AsyncExitStack, members: Sequence[Member], order: Order) -> list[Crowd]:
    """Gather members in a few processes."""
    parts = [tuple(members[start::PROCESSES]) for start in range(PROCESSES)]
    return [
        await stack.enter_async_context(
            gathered(
                Order(
                    members=part,
                    per_s=order.per_s,
                    for_s=order.for_s,
                    backlog=order.backlog,
                    drain_s=order.drain_s,
                )
            )
        )
        for part in parts
        if part
    ]


async def live(crowds: Sequence[Crowd]) -> None:
    """Let crowds live, and return when all have done so."""
    async with asyncio.TaskGroup() as group:
        for crowd in crowds:
            group.create_task(crowd.live())


def now_us() -> int:
    """Return the time as the hub notes it."""
    return int(datetime.now(UTC).timestamp() * 1e6)
