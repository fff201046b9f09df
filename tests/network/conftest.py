"""Both grounds, so that each test of a line is made on relays and in namespaces."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest

from hil_tests.network.cell import why_not
from hil_tests.network.ground import Endpoint, Ground
from hil_tests.network.namespaced import namespaced_ground
from hil_tests.network.relayed import relayed_ground

ANSWER_WITHIN_S = 60.0

ECHO = """
import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
with Server((sys.argv[1], int(sys.argv[2])), Echo) as server:
    print("listening", flush=True)
    server.serve_forever()
"""

SPEAKER = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    print("connected", flush=True)
    file = connection.makefile("rw")
    try:
        for line in sys.stdin:
            file.write(line)
            file.flush()
            answer = file.readline()
            if not answer:
                break
            print(answer, end="", flush=True)
    except OSError:
        pass
print("gone", flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A program that says lines to another program and tells what it hears."""

    process: asyncio.subprocess.Process

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def hear(self, within_s: float = ANSWER_WITHIN_S) -> str:
        """Return the next line; raise TimeoutError when there is none."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within_s):
            return (await self.process.stdout.readline()).decode().strip()


@asynccontextmanager
async def program(command: tuple[str, ...]) -> AsyncIterator[Talk]:
    """Run a program until the context ends."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield Talk(process=process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def echo_at(command: Callable[..., tuple[str, ...]], endpoint: Endpoint) -> AbstractAsyncContextManager[Talk]:
    """Run a server that says everything again."""
    return program(command(sys.executable, "-c", ECHO, endpoint.host, str(endpoint.port)))


def speaker_to(command: Callable[..., tuple[str, ...]], endpoint: Endpoint) -> AbstractAsyncContextManager[Talk]:
    """Run a client of such a server."""
    return program(command(sys.executable, "-c", SPEAKER, endpoint.host, str(endpoint.port)))


@pytest.fixture(params=["relay", "namespaces"])
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    """Give each ground in turn; skips namespaces where they are not permitted."""
    if request.param == "relay":
        async with relayed_ground() as relayed:
            yield relayed
        return
    if reason := await why_not():
        pytest.skip(f"no namespaces here: {reason}")
    async with namespaced_ground() as namespaced:
        yield namespaced
