"""A box goes down in the middle of a picture task: a real agent that is killed, a vision process that waits."""

import asyncio
import json
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from appliance.config import Config, load
from appliance.local.sockets import VISION_SOCKET
from federation.testing.waiting import until
from federation.viewing.pictures import PictureVerdict
from tests.appliance.panel.test_api import PASSWORD, signed_in

pytestmark = pytest.mark.system

NAMES = [f"{number}.jpg" for number in range(6)]
SETTINGS = """
profile = "analysis"
data_folder = "data"
run_folder = "run"

[panel]
port = 0

[lan]
host = "127.0.0.1"
port = 0
discovery = false

[results_queue]
host = "127.0.0.1"
port = 1
"""


@dataclass(kw_only=True)
class PlayedVision:
    """Sees the pictures that it may: so many at once as `allowed`."""

    allowed: asyncio.Semaphore
    looks: Counter[str] = field(default_factory=Counter)

    async def look(self, request: web.Request) -> web.Response:
        """Answer one picture."""
        content = (await request.read()).decode()
        self.looks[content] += 1
        await self.allowed.acquire()
        return web.Response(body=PictureVerdict(width_px=4, height_px=3).to_bytes())

    @asynccontextmanager
    async def serving(self, run_folder: Path) -> AsyncIterator[None]:
        """Serve on the vision process's socket."""
        app = web.Application()
        app.router.add_post("/picture", self.look)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(run_folder / VISION_SOCKET)).start()
        try:
            yield
        finally:
            await runner.cleanup()


def box_in(folder: Path) -> Config:
    """Write a box's settings and six pictures; return its configuration."""
    (folder / "box.toml").write_text(SETTINGS)
    config = load(folder / "box.toml")
    config.run_folder.mkdir(parents=True, mode=0o700)
    yard = config.footage_folder / "yard"
    yard.mkdir(parents=True)
    for name in NAMES:
        (yard / name).write_text(name)
    return config


@asynccontextmanager
async def agent(config: Config, folder: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run the agent as a process of its own; it is killed at the end."""
    config.panel_note.unlink(missing_ok=True)
    command = [sys.executable, "-m", "appliance", "agent", "--config", str(folder / "box.toml")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        await until(config.panel_note.exists, within_s=90, what="the panel answers")
        yield json.loads(config.panel_note.read_text())["url"], process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def panel(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Sign in once more, after the first password was changed."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/api/v1/session", json={"username": "admin", "password": PASSWORD})
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        yield client


async def results_of(client: httpx.AsyncClient, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get(f"{path}/results")).json()["items"]
    return items


def queued(config: Config) -> list[str]:
    """Return the ids of the messages that wait for the queue, in their order."""
    with closing(sqlite3.connect(f"file:{config.database_file}?mode=ro", uri=True)) as db:
        return [json.loads(body)["id"] for (body,) in db.execute("SELECT body FROM queued_results ORDER BY number")]


async def test_a_task_at_work_when_the_box_was_killed_goes_on_with_what_is_left_and_each_result_comes_once(
    tmp_path: Path,
) -> None:
    config = await asyncio.to_thread(box_in, tmp_path)
    vision = PlayedVision(allowed=asyncio.Semaphore(3))
    async with vision.serving(config.run_folder):
        async with agent(config, tmp_path) as (url, process), signed_in(config, url) as client:
            order = {"algorithm_id": "a.b", "version": "1.0.0", "folder": "yard", "queue": True}
            made = await client.post("/api/v1/picture-jobs", json=order)
            path = f"/api/v1/picture-jobs/{made.json()['id']}"
            await until(lambda: vision.looks[NAMES[3]] > 0, within_s=90, what="the fourth picture being looked at")
            before = await results_of(client, path)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        for _ in NAMES:
            vision.allowed.release()
        async with agent(config, tmp_path) as (url, _), panel(url) as client:

            async def is_done() -> bool:
                return bool((await client.get(path)).json()["state"] == "done")

            await until(is_done, within_s=60, what="the end of the task")
            after = await results_of(client, path)

    assert [row["name"] for row in before] == NAMES[:3]
    assert [(row["number"], row["name"]) for row in after] == list(enumerate(NAMES, start=1))
    assert [vision.looks[name] for name in NAMES] == [1, 1, 1, 2, 1, 1]
    job_id = path.rpartition("/")[2]
    assert queued(config) == [f"{job_id}/{place}" for place in (1, 2, 3, 4, 5, 6, "end")]
