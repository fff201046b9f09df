"""Many simulated appliances as a process of its own, so that they share no core with who measures.

`python -m hil_tests.load.crowd` reads one line of JSON, an `Order`, connects its members, says `{"connected": n}`,
waits for a second line, lets them live, and says at the end what became of their events.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from federation.identity.member import HubIdentity
from hil_tests.chaos.errors import ChaosError
from hil_tests.load.simulated import Appliance, Member, drained, live

CONNECTING_AT_ONCE = 25
REPORT_EVERY_S = 10.0
LINE_LIMIT_BYTES = 16 << 20
CONNECTED_WITHIN_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """Who shall live: each makes `backlog` events at once, then `per_s` a second for `for_s` seconds.

    After that the hub has `drain_s` seconds to take what is left.
    """

    members: tuple[Member, ...]
    per_s: float
    for_s: float
    backlog: int = 0
    drain_s: float = 60.0

    def to_json(self) -> str:
        """Return the order as one line."""
        members = [{**vars(member), "identity": member.identity.model_dump(mode="json")} for member in self.members]
        return json.dumps({**vars(self), "members": members})


@dataclass(frozen=True, kw_only=True)
class Account:
    """What became of a crowd's events."""

    produced: int
    acknowledged: int


class Crowd:
    """A crowd that has connected; made by `gathered`."""

    def __init__(self, process: asyncio.subprocess.Process, members: Sequence[Member]) -> None:
        """Speak with the process."""
        self.members = members
        self._process = process

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def live(self) -> Account:
        """Let it live, and return what became of its events."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(b"live\n")
        return Account(**await said(self._process))


@asynccontextmanager
async def gathered(order: Order) -> AsyncIterator[Crowd]:
    """Start a crowd in a process of its own and wait until all have connected."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hil_tests.load.crowd",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_LIMIT_BYTES,
    )
    try:
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(order.to_json().encode() + b"\n")
        async with asyncio.timeout(CONNECTED_WITHIN_S):
            await said(process)
        yield Crowd(process, order.members)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Return what a crowd says next; raise ChaosError if it has ended."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    line = await process.stdout.readline()
    if not line:
        raise ChaosError("a crowd of simulated appliances has failed")
    return dict(json.loads(line))


async def _main() -> None:
    loop = asyncio.get_running_loop()
    given = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    members = given.pop("members")
    order = Order(**given, members=tuple(_member(each) for each in members))
    appliances = [Appliance(member=member) for member in order.members]
    for appliance in appliances:
        appliance.make(order.backlog)
    await _connect(appliances)
    print(json.dumps({"connected": len(appliances)}), flush=True)  # noqa: T201 - it is a program
    await loop.run_in_executor(None, sys.stdin.readline)
    await _live(appliances, order)
    account = Account(
        produced=sum(each.produced for each in appliances), acknowledged=sum(each.acknowledged for each in appliances)
    )
    print(json.dumps(asdict(account)), flush=True)  # noqa: T201 - it is a program


def _member(given: dict[str, Any]) -> Member:
    return Member(**{**given, "identity": HubIdentity.model_validate(given["identity"])})


async def _connect(appliances: Sequence[Appliance]) -> None:
    turns = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one(appliance: Appliance) -> None:
        async with turns:
            await appliance.connect()

    async with asyncio.TaskGroup() as group:
        for appliance in appliances:
            group.create_task(one(appliance))


async def _live(appliances: Sequence[Appliance], order: Order) -> None:
    until = asyncio.get_running_loop().time() + order.for_s
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(_report(appliances))
        for number, appliance in enumerate(appliances):
            dice = random.Random(number)  # noqa: S311 - repeatable
            group.create_task(live(appliance, per_s=order.per_s, until=until, dice=dice))
        group.create_task(_ended(appliances, order, reporting))


async def _ended(appliances: Sequence[Appliance], order: Order, reporting: asyncio.Task[None]) -> None:
    await asyncio.sleep(order.for_s)
    await drained(appliances, within_s=order.drain_s)
    reporting.cancel()


async def _report(appliances: Sequence[Appliance]) -> None:
    """Let every appliance report its state as often as a real one does, one after the other."""
    while True:
        for appliance in appliances:
            await asyncio.sleep(REPORT_EVERY_S / len(appliances))
            appliance.report()


if __name__ == "__main__":
    asyncio.run(_main())
