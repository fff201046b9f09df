"""What a scenario works with: virtual cameras, the process `streams` and its agent."""

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from federation.messages import CameraSpec, CameraState
from federation.testing.waiting import until
from hil_tests.chaos.processes import Cost, cost_of
from tests.bench.streams.agent import PlayedAgent, played_agent

USER = "camera"
READY_WITHIN_S = 120.0
LIVE_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Field:
    """Everything is in place, and no camera is pulled yet."""

    run_folder: Path
    agent: PlayedAgent
    streams_pid: int
    rig_pid: int
    rig_port: int
    rig_control: Path
    password: str
    options: argparse.Namespace
    say: Callable[[str], None]

    def cameras(self) -> tuple[CameraSpec, ...]:
        """Return how each virtual camera is pulled."""
        return tuple(
            CameraSpec(
                point_id=f"cam1-{number}",
                name=f"cam1-{number}",
                url=f"rtsp://127.0.0.1:{self.rig_port}/cam1-{number}",
                username=USER,
                password=self.password,
            )
            for number in range(1, self.options.cameras + 1)
        )

    async def pull_all(self) -> float:
        """Let all cameras be pulled; return after how many seconds all of them were live."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        cameras = self.cameras()
        await self.agent.want(cameras)
        await self.agent.until(
            lambda: self.agent.count(CameraState.LIVE) == len(cameras), within_s=LIVE_WITHIN_S, what="live cameras"
        )
        return loop.time() - began_s

    async def control(self, orders: list[dict[str, Any]]) -> None:
        """Give orders to the rig, one after the other on one connection."""
        reader, writer = await asyncio.open_unix_connection(str(self.rig_control))
        try:
            for order in orders:
                writer.write(json.dumps(order).encode() + b"\n")
                answer = json.loads(await asyncio.wait_for(reader.readline(), 10))
                if not answer["ok"]:
                    raise RuntimeError(answer["message"])
        finally:
            writer.close()

    async def costs(self, *pids: int, at_least_s: float = 0.0) -> list[dict[str, float]]:
        """Measure for the wanted time, or longer, what processes cost: cores and megabytes of each."""
        loop = asyncio.get_running_loop()
        before = [await asyncio.to_thread(cost_of, pid) for pid in pids]
        began_s = loop.time()
        await asyncio.sleep(max(self.options.seconds, at_least_s))
        after = [await asyncio.to_thread(cost_of, pid) for pid in pids]
        took_s = loop.time() - began_s
        return [_spent(old, new, took_s) for old, new in zip(before, after, strict=True)]


def _spent(old: Cost, new: Cost, took_s: float) -> dict[str, float]:
    return {
        "cores": round((new.cpu_s - old.cpu_s) / took_s, 3),
        "memory_mb": round(new.memory_bytes / 1e6, 1),
    }


def descriptors(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - a path object for each would be waste


@asynccontextmanager
async def running_field(
    folder: Path, footage: Path, options: argparse.Namespace, say: Callable[[str], None]
) -> AsyncIterator[Field]:
    """Start the rig, the agent and streams; end all of them after the body."""
    password = secrets.token_urlsafe(12)
    (folder / "account.json").write_text(json.dumps({"username": USER, "password": password}))
    ready, control = folder / "ready.json", folder / "rig.sock"
    rig = [
        *("-m", "hil_tests.rig", "serve", "--footage", str(footage), "--copies", str(options.cameras)),
        *("--credentials-file", str(folder / "account.json"), "--cache", str(folder), "--ready-file", str(ready)),
        *("--control-socket", str(control)),
    ]
    async with running(*rig) as rig_pid:
        await until(lambda: _is_ready(ready), within_s=READY_WITHIN_S, what="virtual cameras on air")
        async with (
            played_agent(folder) as agent,
            running("-m", "appliance.streams", "--run-folder", str(folder)) as streams_pid,
        ):
            yield Field(
                run_folder=folder,
                agent=agent,
                streams_pid=streams_pid,
                rig_pid=rig_pid,
                rig_port=json.loads(ready.read_text())["port"],
                rig_control=control,
                password=password,
                options=options,
                say=say,
            )


def _is_ready(path: Path) -> bool:
    return path.exists() and all(mount["ready"] for mount in json.loads(path.read_text())["mounts"])


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[int]:
    """Run a Python program while the body runs; give its process id."""
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
