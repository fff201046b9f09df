"""What is measured, each scenario on a hub, a broker and boxes of its own."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from hil_tests.chaos.box import Box
from hil_tests.load import backlog, baselines
from hil_tests.load.crowd import Account, Order
from hil_tests.load.desired import changes_ms
from hil_tests.load.draining import WITHIN_S, crowds_of, drained, live, now_us
from hil_tests.load.figures import Figures, quantiles
from hil_tests.load.player import Player
from hil_tests.load.simulated import Member
from hil_tests.load.site import Say, Site, running_site, spending

CALM_PACE_S = 0.05
CALM_BOXES = 3
FRESH = 20  # appliances whose events are fresh while others drain
SETTLED_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much of everything."""

    calm_s: float
    changes: int
    events: int
    appliances: int
    rate: float
    fleet_s: float
    storm: int
    backlog: int

    @property
    def settle_s(self) -> float:
        """How long a measurement waits until what it measures is under way."""
        return min(SETTLED_S, self.fleet_s / 4)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One measurement: `measure` gives its figures."""

    says: str
    measure: Callable[[Options, Path, Say], Awaitable[Figures]]


async def baseline(options: Options, folder: Path, say: Say) -> Figures:
    """Measure the bound of the disk, and the naive way."""
    del options
    async with running_site(folder, appliances=1) as site:
        say("single commits, then events committed and published one by one")
        return {
            "raw_commits_per_s": await asyncio.to_thread(baselines.commits_per_s, folder),
            "naive_events_per_s": await baselines.naive_per_s(folder, site.members[0]),
        }


async def calm(options: Options, folder: Path, say: Say) -> Figures:
    """Measure the time from a box's commit to the hub's row while there is little to do."""
    async with running_site(folder, boxes=CALM_BOXES) as site:
        say(f"{CALM_BOXES} boxes with 20 events/s each for {options.calm_s:.0f} s")
        players = [_player(box) for box in site.boxes]
        ends = time.monotonic() + options.calm_s

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                for player in players:
                    play = player.play(may_go_on=lambda: time.monotonic() < ends, together=1, pace_s=CALM_PACE_S)
                    group.create_task(play)
            await site.arrived(sum(len(player.committed_at) for player in players), within_s=60)

        spent = await spending(site, work())
        committed = {event_id: at for player in players for event_id, at in player.committed_at.items()}
        received = await site.received_us(committed)
        late = [max(0.0, us / 1000 - committed[event_id] * 1000) for event_id, us in received.items()]
        return {
            "commit_to_hub_ms": quantiles(late),
            "cpu_s_per_1000_events": spent.cpu_s_per_1000(len(committed)),
            "memory_mb": spent.memory_mb(),
        }


async def desired(options: Options, folder: Path, say: Say) -> Figures:
    """Measure the time from a change in the hub to its row of the box saying that it is followed."""
    async with running_site(folder, boxes=1) as site:
        say(f"{options.changes} changes of the policy of links, one after the other")
        took = dict[str, dict[str, float]]()

        async def work() -> None:
            took.update(await changes_ms(site.hub_side, site.boxes[0].node_id, options.changes))

        spent = await spending(site, work())
        return {**took, "cpu_s_per_1000_changes": spent.cpu_s_per_1000(options.changes), "memory_mb": spent.memory_mb()}


async def speed(options: Options, folder: Path, say: Say) -> Figures:
    """Measure one box from vision's hand-over to the hub's row, both ends with synchronous=FULL."""
    async with running_site(folder, boxes=1) as site:
        player = _player(site.boxes[0])
        await player.play(may_go_on=lambda: len(player.committed_at) < 1000)  # warm
        await site.arrived(1000, within_s=60)
        say(f"one box, {options.events} events as fast as they go")
        target = len(player.committed_at) + options.events
        began, ends = time.monotonic(), dict[str, float]()

        async def work() -> None:
            await player.play(may_go_on=lambda: len(player.committed_at) < target)
            ends["committed"] = time.monotonic()
            ends["stored"] = await site.arrived(target, within_s=WITHIN_S)

        spent = await spending(site, work())
        return {
            "committed_per_s": round(options.events / (ends["committed"] - began), 1),
            "events_per_s": round(options.events / (ends["stored"] - began), 1),
            "cpu_s_per_1000_events": spent.cpu_s_per_1000(options.events),
            "memory_mb": spent.memory_mb(),
        }


async def fleet(options: Options, folder: Path, say: Say) -> Figures:
    """Measure many appliances that each make a few events a second, and then come back with a backlog each."""
    say(f"{options.appliances} simulated appliances join")
    async with running_site(folder, appliances=options.appliances + FRESH) as site:
        members, fresh = site.members[FRESH:], site.members[:FRESH]
        steady = await _steady(site, members, options, say)
        say(f"all of them come back with {options.storm} events each")
        async with AsyncExitStack() as stack:
            order = Order(members=(), per_s=0, for_s=1, backlog=options.storm, drain_s=WITHIN_S)
            crowds = await crowds_of(stack, members, order)
            names, rows = [member.node_id for member in members], len(members) * options.storm
            already = await site.rows(names)
            storm = await drained(
                site,
                fresh=fresh,
                start=lambda: live(crowds),
                rows=already + rows,
                returning=names,
                settle_s=options.settle_s,
                say=say,
                crowds=crowds,
            )
        return {**steady, **{f"storm_{name}": value for name, value in storm.items()}}


async def _steady(site: Site, members: Sequence[Member], options: Options, say: Say) -> Figures:
    async with AsyncExitStack() as stack:
        order = Order(members=(), per_s=options.rate / len(members), for_s=options.fleet_s)
        crowds = await crowds_of(stack, members, order)
        say(f"{options.rate:.0f} events/s in all for {options.fleet_s:.0f} s")
        seen = dict[str, float]()
        accounts = list[Account]()

        async def watch() -> None:
            await asyncio.sleep(options.settle_s)
            rows, began, seen["since_us"] = await site.rows(), time.monotonic(), now_us()
            await asyncio.sleep(options.fleet_s - 2 * options.settle_s)
            seen["per_s"] = (await site.rows() - rows) / (time.monotonic() - began)

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(watch())
                living = [group.create_task(crowd.live()) for crowd in crowds]
            accounts.extend(task.result() for task in living)

        spent = await spending(site, work(), crowds=[crowd.pid for crowd in crowds])
    events = sum(account.produced for account in accounts)
    late = await site.latencies_ms([member.node_id for member in members], int(seen["since_us"]))
    return {
        "appliances": len(members),
        "events_per_s": round(seen["per_s"], 1),
        "events_not_delivered": events - sum(account.acknowledged for account in accounts),
        "made_to_hub_ms": quantiles(late),
        "cpu_s_per_1000_events": spent.cpu_s_per_1000(events),
        "memory_mb": spent.memory_mb(),
    }


async def days(options: Options, folder: Path, say: Say) -> Figures:
    """Measure how one box hands over what it kept for days, and what fresh events of others suffer meanwhile."""
    async with running_site(folder, boxes=1, appliances=FRESH) as site:
        box = site.boxes[0]
        await box.agent.hold()
        began = time.monotonic()
        await asyncio.to_thread(backlog.write, box.folder / "data" / "appliance.db", options.backlog)
        say(f"a backlog of {options.backlog} events, written in {time.monotonic() - began:.1f} s")

        async def start() -> None:
            box.agent.release()

        return await drained(
            site,
            fresh=site.members,
            start=start,
            rows=options.backlog,
            returning=[box.node_id],
            settle_s=options.settle_s,
            say=say,
        )


def _player(box: Box) -> Player:
    return Player(box.folder / "run" / "agent.sock")


SCENARIOS: Mapping[str, Scenario] = {
    "baseline": Scenario(says="what the disk and the naive way give", measure=baseline),
    "calm": Scenario(says="latency while there is little to do", measure=calm),
    "desired": Scenario(says="how soon a box follows a change", measure=desired),
    "speed": Scenario(says="one box as fast as it goes", measure=speed),
    "fleet": Scenario(says="many appliances, a few events a second each; then a backlog each", measure=fleet),
    "backlog": Scenario(says="one box that comes back after days", measure=days),
}
