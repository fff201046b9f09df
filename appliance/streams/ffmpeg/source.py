"""In the process `streams`: attempts that a child of the nursery carries out."""

import asyncio
import itertools
import logging
import socket
import sys
from typing import NoReturn

from appliance.streams.errors import Refused, Stalled, StreamError, Unreachable, Violation
from appliance.streams.ffmpeg.wire import (
    HEADER,
    HEADER_LIMIT_BYTES,
    LENGTHS,
    PAYLOAD_LIMIT_BYTES,
    Began,
    Begin,
    End,
    Ended,
    Pull,
    Shown,
)
from appliance.streams.source import Intake, Picture, Traffic

log = logging.getLogger(__name__)

OPEN_WITHIN_S = 15.0  # FFmpeg gives up by itself before that
END_WITHIN_S = 2.0
_ERRORS: dict[str, type[Refused | Stalled | Unreachable]] = {
    "refused": Refused,
    "stalled": Stalled,
    "unreachable": Unreachable,
}


class Nursery:
    """The nursery as `streams` sees it: started at the first order, and again if it has died."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._numbers = itertools.count(1)
        self._control: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def begin(self, pull: Pull, out: socket.socket) -> int:
        """Let a child pull into `out`; return its number. Raise Unreachable if there is no nursery."""
        control = await self._running()
        number = next(self._numbers)
        try:
            socket.send_fds(control, [Begin(number=number, pull=pull).model_dump_json().encode()], [out.fileno()])
        except OSError as error:
            raise Unreachable("no_process", "the process that pulls by FFmpeg does not answer") from error
        return number

    def end(self, number: int) -> None:
        """Let the child of that number be killed, if it is still there."""
        if self._control is not None:
            try:
                self._control.send(End(number=number).model_dump_json().encode())
            except OSError:
                log.debug("the nursery has died, and its children with it")

    async def close(self) -> None:
        """End the nursery with all its children."""
        if self._control is not None:
            self._control.close()
        if self._process is not None and self._process.returncode is None:
            try:
                async with asyncio.timeout(END_WITHIN_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def _running(self) -> socket.socket:
        async with self._starting:
            if self._control is not None and self._process is not None and self._process.returncode is None:
                return self._control
            await self.close()
            own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            own.setblocking(False)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "appliance.streams.ffmpeg.nursery",
                    str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                )
            self._control = own
            return own


class FfmpegSource:
    """Pulls one camera through a child until its stream ends."""

    def __init__(self, pull: Pull, intake: Intake, nursery: Nursery) -> None:
        """Prepare an attempt."""
        self._pull = pull
        self._intake = intake
        self._nursery = nursery
        self._received_bytes = 0

    async def run(self) -> NoReturn:
        """Pull until the stream ends; raise the StreamError that says why."""
        own, theirs = socket.socketpair()
        own.setblocking(False)
        writer: asyncio.StreamWriter | None = None
        number = 0
        try:
            with theirs:
                number = await self._nursery.begin(self._pull, theirs)
            reader, writer = await asyncio.open_connection(sock=own)
            await self._follow(reader)
        finally:
            self._nursery.end(number)
            if writer is not None:
                writer.transport.abort()
            else:
                own.close()

    def tick(self, now_s: float) -> None:
        """Nothing is due: the child does all."""

    def traffic(self) -> Traffic:
        """Return what has been received so far."""
        return Traffic(received_bytes=self._received_bytes)

    async def _follow(self, reader: asyncio.StreamReader) -> NoReturn:
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                header, _ = await self._next(reader)
            self._begin(header)
            while True:
                header, payload = await self._next(reader)
                if isinstance(header, Began):  # a file begins anew
                    self._begin(header)
                else:
                    self._show(header, payload)
        except TimeoutError as error:
            raise Stalled("no_answer", "nothing comes from the camera") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Unreachable("no_process", "the process that pulled this camera has died") from error
        except ValueError as error:
            raise Violation(str(error)) from error

    async def _next(self, reader: asyncio.StreamReader) -> tuple[Began | Shown, bytes]:
        header_bytes, payload_bytes = LENGTHS.unpack(await reader.readexactly(LENGTHS.size))
        if header_bytes > HEADER_LIMIT_BYTES or payload_bytes > PAYLOAD_LIMIT_BYTES:
            raise Violation("a picture is larger than allowed")
        header = HEADER.validate_json(await reader.readexactly(header_bytes))
        payload = await reader.readexactly(payload_bytes)
        self._received_bytes += payload_bytes
        if isinstance(header, Ended):
            raise _error(header)
        return header, payload

    def _begin(self, header: Began | Shown) -> None:
        if not isinstance(header, Began):
            raise Violation("a picture before the beginning of its stream")
        self._intake.begin(header.codec, (), transport=header.transport)

    def _show(self, header: Shown, payload: bytes) -> None:
        sets = None if header.sets is None else tuple(bytes.fromhex(item) for item in header.sets)
        wanted = header.key or self._intake.wants_all
        self._intake.take(
            Picture(key=header.key, pts=header.pts, usable=True, payload=payload if wanted else b"", sets=sets)
        )


def _error(ended: Ended) -> StreamError:
    return _ERRORS[ended.kind](ended.code, ended.detail)
