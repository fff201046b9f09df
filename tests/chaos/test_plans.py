"""The watch over a box's plan finds every task that would be started anew."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from federation.testing.waiting import until
from hil_tests.chaos.beside import beside
from hil_tests.chaos.plans import PlanWatch

WITHIN_S = 60.0


def plan(version: int, **tasks: int) -> dict[str, Any]:
    listed = [{"task_id": name, "generation": generation} for name, generation in tasks.items()]
    return {"version": version, "tasks": listed}


class PlayedAgent:
    """Answers as the agent does; `plan` is what it wants now."""

    def __init__(self) -> None:
        self.plan = plan(1, a=1, b=1)
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        if int(request.query["after"]) >= self.plan["version"]:
            return web.Response(status=204)
        return web.Response(body=json.dumps(self.plan), content_type="application/json")


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[tuple[PlayedAgent, PlanWatch]]:
    agent, watch = PlayedAgent(), PlanWatch(folder / "agent.sock")
    app = web.Application()
    app.router.add_get("/plan", agent.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(folder / "agent.sock")).start()
        async with beside(watch.follow()):
            await until(lambda: watch.tasks == 2, within_s=WITHIN_S, what="the first plan")
            watch.settle()
            yield agent, watch
    finally:
        await runner.cleanup()


async def asked_again(agent: PlayedAgent) -> None:
    seen = agent.asked
    await until(lambda: agent.asked > seen + 1, within_s=WITHIN_S, what="the watch has asked again")


async def test_a_plan_that_stays_restarts_nothing(tmp_path: Path) -> None:
    async with watched(tmp_path) as (agent, watch):
        await asked_again(agent)
        agent.plan = plan(2, a=1, b=1)
        await asked_again(agent)

        assert watch.restarts == 0


async def test_tasks_that_go_come_or_change_are_counted(tmp_path: Path) -> None:
    async with watched(tmp_path) as (agent, watch):
        agent.plan = plan(2, a=2, b=1)
        await until(lambda: watch.restarts == 1, within_s=WITHIN_S, what="a changed task is seen")
        agent.plan = plan(3, a=2)
        await until(lambda: watch.restarts == 2, within_s=WITHIN_S, what="a task that is gone is seen")
        agent.plan = plan(4, a=2, b=1)
        await until(lambda: watch.restarts == 3, within_s=WITHIN_S, what="a task that came is seen")
