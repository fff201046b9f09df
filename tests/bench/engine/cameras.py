"""What one camera more costs the real process `vision`, which sees a key frame of 1080p of each every two seconds."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from aiohttp import web

from appliance.local import LocalPackage, Plan, VisionReport
from appliance.local.sockets import AGENT_SOCKET
from appliance.mp4.fragments import nal_bounds
from appliance.streams.access_unit import AccessUnit
from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from appliance.streams.rtp.nal import Syntax, codec_parameters
from federation.messages import CameraSpec, TaskSpec
from federation.testing.waiting import until
from tests.bench.engine.material import Material
from tests.bench.engine.throughput import KEY
from tests.bench.streams.field import running

FEW, MANY = 10, 60
KEY_FRAME_S = 2.0
SETTLES_S = 15.0
READY_WITHIN_S = 120.0
WIDTH_PX, HEIGHT_PX = 1920, 1080
BIT_RATE = 4_000_000


class Agent:
    """The agent as vision knows it: gives a plan, takes reports and events."""

    def __init__(self) -> None:
        self.report: VisionReport | None = None
        self._plan = Plan(version=0)
        self._changed = asyncio.Condition()

    async def want(self, plan: Plan) -> None:
        """Let this be done from now on."""
        async with self._changed:
            self._plan = plan.model_copy(update={"version": self._plan.version + 1})
            self._changed.notify_all()

    async def give_plan(self, request: web.Request) -> web.Response:
        """Answer with the plan, once there is a new one."""
        after = int(request.query["after"])
        with suppress(TimeoutError):
            async with asyncio.timeout(20), self._changed:
                await self._changed.wait_for(lambda: self._plan.version > after)
                return web.Response(body=self._plan.to_bytes(), content_type="application/json")
        return web.Response(status=204)

    async def take_report(self, request: web.Request) -> web.Response:
        """Keep the newest report."""
        self.report = VisionReport.model_validate_json(await request.read())
        return web.Response(status=204)

    async def take_events(self, request: web.Request) -> web.Response:
        """Commit nothing, and say so kindly."""
        await request.read()
        return web.json_response({"refused": {}})

    def pictures(self) -> int:
        """Return how many frames the model has seen."""
        return sum(model.pictures for model in self.report.engine.models) if self.report else 0


async def measure(material: Material, _seconds: float) -> dict[str, Any]:
    """Return the memory of vision and its children with few cameras, and what each of many more adds."""
    units = await asyncio.to_thread(key_units, material)
    with tempfile.TemporaryDirectory() as name:
        folder, feeds = Path(name), Feeds()
        async with (
            _agent(folder) as agent,
            serving(Consumers(feeds), folder),
            running("-m", "appliance.analysis", "--run-folder", str(folder)) as pid,
            asyncio.TaskGroup() as group,
        ):
            sending = group.create_task(_send(feeds, units))
            await agent.want(_plan(material, FEW))
            await until(agent.pictures, within_s=READY_WITHIN_S, what="a frame that the model has seen")
            before = await _settled(pid)
            await agent.want(_plan(material, MANY))
            after, seen, begun_s = await _settled(pid), agent.pictures(), time.perf_counter()
            await asyncio.sleep(SETTLES_S)
            per_s = (agent.pictures() - seen) / (time.perf_counter() - begun_s)
            sending.cancel()
    return {
        "few": FEW,
        "many": MANY,
        "key_frame_kb": round(sum(len(unit.payload) for unit in units) / len(units) / 1000, 1),
        "memory_mb_before": round(before / 1e6, 1),
        "memory_mb_after": round(after / 1e6, 1),
        "memory_mb_per_camera": round((after - before) / 1e6 / (MANY - FEW), 2),
        "frames_per_s": round(per_s, 2),
    }


@asynccontextmanager
async def _agent(folder: Path) -> AsyncIterator[Agent]:
    agent = Agent()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_get("/plan", agent.give_plan)
    app.router.add_post("/report/vision", agent.take_report)
    app.router.add_post("/events", agent.take_events)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.UnixSite(runner, str(folder / AGENT_SOCKET)).start()
    try:
        yield agent
    finally:
        await runner.cleanup()


def _plan(material: Material, cameras: int) -> Plan:
    points = [f"camera{number}" for number in range(cameras)]
    return Plan(
        version=0,
        cameras=tuple(CameraSpec(point_id=point, name=point, url="rtsp://127.0.0.1/none") for point in points),
        tasks=tuple(
            TaskSpec(task_id=point, generation=1, point_id=point, algorithm_id=KEY[0], algorithm_version=KEY[1])
            for point in points
        ),
        packages=(LocalPackage(algorithm_id=KEY[0], version=KEY[1], path=material.package.path),),
    )


async def _send(feeds: Feeds, units: list[AccessUnit]) -> None:
    """Let a key frame of every camera arrive every two seconds, evenly one after the other; for ever."""
    sequence = 0
    while True:
        sequence += 1
        for number in range(MANY):
            unit = units[(sequence + number) % len(units)]
            feeds.of(f"camera{number}").send(
                replace(
                    unit,
                    point_id=f"camera{number}",
                    sequence=sequence,
                    pts=round(sequence * KEY_FRAME_S * 90_000),
                    arrived_s=time.monotonic(),
                    arrived_at=datetime.now(UTC),
                )
            )
            await asyncio.sleep(KEY_FRAME_S / MANY)


async def _settled(pid: int) -> int:
    await asyncio.sleep(SETTLES_S)
    return await asyncio.to_thread(lambda: sum(map(_memory_bytes, _family(pid))))


def _family(pid: int) -> Iterator[int]:
    yield pid
    children: list[str] = []
    with suppress(OSError):  # a thread has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += (task / "children").read_text(encoding="ascii").split()
    for child in children:
        yield from _family(int(child))


def _memory_bytes(pid: int) -> int:
    with suppress(OSError):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        return int(rollup.split("Pss:", 1)[1].split()[0]) << 10
    return 0


def street_packets(material: Material, *, frames: int, key_every: int) -> list[bytes]:
    """Return the street as access units of H.264 at 1080p."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    context.framerate, context.bit_rate = Fraction(10), BIT_RATE
    context.options = {"preset": "ultrafast", "g": str(key_every), "bf": "0", "forced-idr": "1", "sc_threshold": "0"}
    packets: list[av.Packet[Any]] = []
    for picture in material.pictures(frames):
        large = np.asarray(cv2.resize(picture, (WIDTH_PX, HEIGHT_PX)), np.uint8)
        packets += context.encode(av.VideoFrame.from_ndarray(large, format="bgr24"))
    packets += context.encode(None)
    return [bytes(packet) for packet in packets]


def key_units(material: Material) -> list[AccessUnit]:
    """Return key frames of the street."""
    packets = street_packets(material, frames=8, key_every=1)
    syntax, first = Syntax.of("h264"), packets[0]
    sets = tuple(first[start:stop] for start, stop in nal_bounds(first))
    parameters = codec_parameters("h264", tuple(item for item in sets if syntax.type_of(item[0]) in syntax.set_types))
    return [
        AccessUnit(
            point_id="p",
            parameters=parameters,
            session=1,
            sequence=1,
            key=True,
            pts=0,
            payload=packet,
            arrived_s=0.0,
            arrived_at=datetime.now(UTC),
        )
        for packet in packets
    ]
