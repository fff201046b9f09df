"""The rig as a running command: prepares clips in worker processes and puts each camera on air when it is ready."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hil_tests.rig.cameras import VirtualCameras, virtual_cameras
from hil_tests.rig.control import control_channel
from hil_tests.rig.errors import FootageError, SettingError
from hil_tests.rig.rtsp.challenge import Credentials
from hil_tests.rig.rtsp.clip import read_clip
from hil_tests.rig.scene.clips import clip_path, write_truth
from hil_tests.rig.scene.script import Script

WORKERS = 2
PHASES = 8
"""Copies are so many parts of their clip apart: cameras do not send all their key pictures at one moment."""

_STOP_LIMIT_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a camera shows: a script, or a file of footage; `copies` cameras may show the same."""

    name: str
    name_zh: str
    name_en: str
    script: Script | None = None
    footage: Path | None = None
    copies: int = 1

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras that show this."""
        return (self.name,) if self.copies == 1 else tuple(f"{self.name}-{each + 1}" for each in range(self.copies))

    @property
    def kind(self) -> str:
        """`scripted` or `footage`."""
        return "footage" if self.script is None else "scripted"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `fengsui rig serve` was told."""

    sources: tuple[Source, ...]
    host: str
    port: int
    credentials: Credentials
    cache: Path
    ready_file: Path | None
    control_socket: Path | None


class Station:
    """Keeps the ready file true while cameras come on air."""

    def __init__(self, settings: Settings, cameras: VirtualCameras, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._cameras = cameras
        self._say = say
        self._started: dict[str, datetime] = {}
        self._failed: dict[str, str] = {}
        home = settings.ready_file.parent if settings.ready_file else settings.cache
        self._truth_folder = home / "truth"

    async def prepare(self) -> None:
        """Announce every camera, then prepare and start all of them; a camera that cannot be is reported and left."""
        for name in (name for source in self._settings.sources for name in source.cameras):
            self._cameras.announce(name)
        await asyncio.to_thread(self._write_truths)
        await asyncio.to_thread(self._write_ready_file)
        waiting = [source for source in self._settings.sources if not await self._start_from_cache(source)]
        async with asyncio.TaskGroup() as workers:
            for number in range(WORKERS):
                share = waiting[number::WORKERS]
                if share:
                    workers.create_task(self._work(share), name=f"prepare {number}")

    async def _start_from_cache(self, source: Source) -> bool:
        if source.script is None:
            return False
        path = clip_path(source.script, self._settings.cache)
        if not path.exists():
            return False
        await self._start(source, path)
        return True

    async def _work(self, share: Sequence[Source]) -> None:
        by_name = {source.name: source for source in share}
        async with _worker(share, self._settings.cache) as lines:
            async for line in lines:
                done = json.loads(line)
                source = by_name.pop(done["name"])
                if "clip" in done:
                    await self._start(source, Path(done["clip"]))
                else:
                    self._give_up(source, done["error"])
        for source in by_name.values():
            self._give_up(source, "the process that prepared it ended early")
        await asyncio.to_thread(self._write_ready_file)

    async def _start(self, source: Source, path: Path) -> None:
        try:
            clip = await asyncio.to_thread(read_clip, path)
        except FootageError as error:
            self._give_up(source, str(error))
            return
        for number, name in enumerate(source.cameras):
            self._cameras.add(name, clip, phase_s=number % PHASES * clip.loop_s / PHASES)
        await asyncio.sleep(0)  # let it begin, so that it knows when it began
        self._started[source.name] = self._cameras.figures(source.cameras[0]).started_at
        await asyncio.to_thread(self._note_start, source)
        self._say(f"{source.name} on air ({len(self._started)} of {len(self._settings.sources)})")

    def _give_up(self, source: Source, reason: str) -> None:
        self._failed[source.name] = reason
        self._say(f"{source.name} cannot be served: {reason}")

    def _note_start(self, source: Source) -> None:
        if source.script is not None:
            write_truth(source.script, self._truth_path(source), started_at=self._started[source.name])
        self._write_ready_file()

    def _write_truths(self) -> None:
        for source in self._settings.sources:
            if source.script is not None:
                write_truth(source.script, self._truth_path(source))

    def _truth_path(self, source: Source) -> Path:
        return self._truth_folder / f"{source.name}.json"

    def _write_ready_file(self) -> None:
        path = self._settings.ready_file
        if path is None:
            return
        told = {
            "port": self._cameras.port,
            "pid": os.getpid(),
            "mounts": [self._mount(source, name) for source in self._settings.sources for name in source.cameras],
        }
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
        partial.replace(path)

    def _mount(self, source: Source, name: str) -> dict[str, Any]:
        started = self._started.get(source.name)
        return {
            "path": f"/{name}",
            "name_zh": source.name_zh,
            "name_en": source.name_en,
            "kind": source.kind,
            "ready": started is not None,
            "started_at": None if started is None else started.isoformat(),
            "truth_file": None if source.script is None else str(self._truth_path(source)),
            "error": self._failed.get(source.name),
        }


@asynccontextmanager
async def _worker(share: Sequence[Source], cache: Path) -> AsyncIterator[asyncio.StreamReader]:
    """Run a process that prepares the clips of `share` and prints one JSON line for each."""
    wanted = [f"--camera={s.name}" if s.script else f"--file={s.name}={s.footage}" for s in share]
    command = [sys.executable, "-m", "hil_tests.rig", "prepare", "--cache", str(cache), *wanted]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None:
        raise SettingError("the worker has no output")
    try:
        yield process.stdout
    finally:
        # Signalling one that ends by itself looks after it first, and takes its end from whoever waits for that.
        if process.returncode is None and not process.stdout.at_eof():
            process.terminate()
        async with asyncio.timeout(_STOP_LIMIT_S):
            await process.wait()


async def run_station(settings: Settings, stop: asyncio.Event, say: Callable[[str], None]) -> None:
    """Serve all cameras until `stop` is set; raise OSError if folder, port or control socket cannot be had."""
    for folder in (settings.cache, *(path.parent for path in (settings.ready_file, settings.control_socket) if path)):
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with virtual_cameras({}, credentials=settings.credentials, host=settings.host, port=settings.port) as cameras:
        station = Station(settings, cameras, say)
        if settings.control_socket is None:
            await _prepare_until(station, stop)
        else:
            async with control_channel(settings.control_socket, cameras):
                await _prepare_until(station, stop)
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)


async def _prepare_until(station: Station, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        preparing = tasks.create_task(station.prepare(), name="prepare")
        await stop.wait()
        preparing.cancel()
