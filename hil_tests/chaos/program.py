"""One program that is kept running: whatever ends it, it is started again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from hil_tests.chaos.beside import beside
from hil_tests.network.cell import DIES_WITH_US

RESTART_PAUSE_S = 0.2
STOP_WITHIN_S = 10.0


class Program:
    """A child process with its log file; made by `kept_running`."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        """Prepare; nothing runs yet."""
        self.starts = 0
        self._command = (*DIES_WITH_US, *command)
        self._log = log
        self._environment = {**os.environ, **environment}  # noqa: TID251 - of the child
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = asyncio.Event()
        self._ended = asyncio.Event()
        self._wanted.set()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    def kill(self) -> None:
        """End it by SIGKILL, as a power cut would; it starts again by itself."""
        if (pid := self.pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def hold(self) -> None:
        """End it by SIGKILL and keep it from starting until `release`."""
        self._wanted.clear()
        self.kill()
        while self.pid is not None:
            self._ended.clear()
            await self._ended.wait()

    def release(self) -> None:
        """Let it start again."""
        self._wanted.set()

    async def run(self) -> None:
        """Keep it running until cancelled; then end it in order."""
        try:
            while True:
                await self._wanted.wait()
                await self._start()
                assert self._process is not None  # noqa: S101 - `_start` made it
                await self._process.wait()
                self._ended.set()
                await asyncio.sleep(RESTART_PAUSE_S)
        finally:
            await self._stop()

    async def _start(self) -> None:
        file = await asyncio.to_thread(self._log.open, "ab")
        with file:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdout=file, stderr=file, stdin=asyncio.subprocess.DEVNULL, env=self._environment
            )
        self.starts += 1

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def kept_running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Keep a program running for as long as the context is open."""
    program = Program(command, log, environment or {})
    async with beside(program.run()):
        yield program
