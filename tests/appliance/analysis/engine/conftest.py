"""An engine on this machine's cores, and packages of planted models for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.dispatcher import Clock
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.host import Host, Hosts
from appliance.analysis.engine.packages import PackageKey, Ready, Unusable
from appliance.analysis.engine.queue import Lane
from federation.messages import Detection
from federation.packages import Manifest, write_manifest, write_package
from tests.appliance.analysis.test_detector import WIDE, graph, manifest

WITHIN_S = 60.0
CPU = Device(kind="cpu", workers=2)
ROWS: dict[str, object] = {"decoder": "rows", "tensor": "o"}

Pack = Callable[..., Awaitable[Path]]


def one_box(*, score: float = 0.9, label: int = 1) -> bytes:
    """Return a model that sees one thing in every picture, always in the same place."""
    return graph(o=np.array([[[8, 12, 16, 20, score, label]]], np.float32))


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """Give what writes a package of a model and returns its path."""

    async def write(name: str, model: bytes, declared: Manifest | None = None, **files: bytes) -> Path:
        content = declared or manifest(ROWS)
        more = {f"models/{file}.onnx": data for file, data in files.items()}
        path = tmp_path / f"{name}.algpkg"
        parts = {"algorithm.yaml": write_manifest(content).encode(), "models/m.onnx": model, **more}
        await asyncio.to_thread(write_package, parts, path)
        return path

    return write


class Running:
    """An engine at work."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._changed = asyncio.Event()
        self._wanted: dict[PackageKey, Path] = {}
        engine.on_change = self._changed.set

    async def holds(self, packages: dict[PackageKey, Path]) -> dict[PackageKey, Ready | Unusable]:
        """Want these packages; return what has become of each."""
        self._wanted = packages
        self.engine.want(packages)
        async with asyncio.timeout(WITHIN_S):
            while set(self.engine.packages) != set(packages):
                self._changed.clear()
                await self._changed.wait()
        return dict(self.engine.packages)

    async def becomes(self, key: PackageKey, condition: Callable[[Ready | Unusable], bool]) -> None:
        """Have the engine look around; return once this holds of a package that is wanted."""
        self.engine.want(self._wanted)
        async with asyncio.timeout(WITHIN_S):
            while not condition(self.engine.packages[key]):
                self._changed.clear()
                await self._changed.wait()

    async def sees(
        self,
        packages: Iterable[PackageKey],
        picture: NDArray[Any] = WIDE,
        *,
        source: str = "gate",
        lane: Lane = Lane.PERSON,
    ) -> dict[PackageKey, tuple[Detection, ...] | Dropped]:
        """Show one picture; return what each package saw in it."""
        frame = Frame(source=source, at=datetime.now(UTC), decode=lambda: picture, gallery=self.engine.gallery)
        found: dict[PackageKey, tuple[Detection, ...] | Dropped] = {}
        async with asyncio.timeout(WITHIN_S):
            for asked in self.engine.look(frame, list(packages), lane=lane):
                answer = await asked.answer
                for key, head in asked.heads.items():
                    told = answer if isinstance(answer, Dropped) else answer[head]
                    found[key] = told if isinstance(told, Dropped) else told.detections
        return found


@asynccontextmanager
async def running(
    *,
    memory_mb: int = 4096,
    devices: tuple[Device, ...] = (CPU,),
    hosts: Hosts = Host,
    clock: Clock = time.monotonic,
) -> AsyncIterator[Running]:
    """Run an engine."""
    engine = Engine(devices=devices, memory_bytes=memory_mb << 20, hosts=hosts, clock=clock)
    task = asyncio.create_task(engine.run())  # noqa: TID251 - ended below
    try:
        yield Running(engine)
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def engine() -> AsyncIterator[Running]:
    """Give an engine at work."""
    async with running() as found:
        yield found
