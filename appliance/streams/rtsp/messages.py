"""RTSP messages and interleaved frames, cut out of the bytes of one TCP connection."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from appliance.streams.errors import Violation

HEAD_LIMIT_BYTES = 16 << 10
BODY_LIMIT_BYTES = 64 << 10
BUFFER_BYTES = 128 << 10  # holds the largest head with the largest body, and any interleaved frame

_DOLLAR = 0x24
_STATUS_LINE = re.compile(r"RTSP/1\.\d (\d{3})(?: (.*))?\Z")
_REQUEST_LINE = re.compile(r"([A-Z_]{3,32}) (\S+) RTSP/1\.\d\Z")
_DECIMAL = re.compile(r"[0-9]{1,9}\Z")

Headers = tuple[tuple[str, str], ...]


class Interleaved(NamedTuple):
    """One frame of a media channel; `payload` is valid only until the parser gets more bytes."""

    channel: int
    payload: memoryview


@dataclass(frozen=True, kw_only=True)
class Message:
    """What responses and requests share; header names are lower case."""

    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first header called `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        """Return every header called `name` (lower case)."""
        return [value for key, value in self.headers if key == name]

    @property
    def sequence(self) -> int:
        """The number of the exchange, -1 if there is none."""
        text = (self.header("cseq") or "").strip()
        return int(text) if _DECIMAL.match(text) else -1


@dataclass(frozen=True, kw_only=True)
class Response(Message):
    """An answer of the camera."""

    status: int
    phrase: str = ""


@dataclass(frozen=True, kw_only=True)
class Request(Message):
    """A request, ours or (rarely) the camera's."""

    method: str
    url: str

    def to_bytes(self) -> bytes:
        """Return the request as it goes over the wire."""
        lines = [f"{self.method} {self.url} RTSP/1.0", *(f"{name}: {value}" for name, value in self.headers)]
        if any("\r" in line or "\n" in line for line in lines):
            raise Violation("a line break in a header would make two of it")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def answer(request: Request, status: int, phrase: str) -> bytes:
    """Return an empty response to a request of the camera."""
    return f"RTSP/1.0 {status} {phrase}\r\nCSeq: {max(0, request.sequence)}\r\n\r\n".encode()


class Parser:
    """Cuts one connection's bytes into messages and interleaved frames; holds at most `BUFFER_BYTES`.

    Write into `space()`, then iterate over `filled(n)` to the end before the next `space()`.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._end = 0

    def space(self) -> memoryview:
        """Return where the next bytes go; it is never empty."""
        return self._view[self._end :]

    def filled(self, count: int) -> Iterator[Interleaved | Response | Request]:
        """Yield what is complete now that `count` bytes more stand in the buffer; raise Violation."""
        self._end += count
        start = 0
        try:
            while start < self._end:
                if self._buffer[start] == _DOLLAR:
                    if self._end - start < 4:
                        break
                    stop = start + 4 + (self._buffer[start + 2] << 8 | self._buffer[start + 3])
                    if stop > self._end:
                        break
                    yield Interleaved(self._buffer[start + 1], self._view[start + 4 : stop])
                    start = stop
                elif self._buffer[start] in b"\r\n":  # some cameras put blank lines between messages
                    start += 1
                else:
                    message, stop = self._message(start)
                    if message is None:
                        break
                    yield message
                    start = stop
        finally:
            rest = self._end - start
            if start and rest:
                self._buffer[:rest] = self._buffer[start : self._end]
            self._end = rest

    def _message(self, start: int) -> tuple[Response | Request | None, int]:
        head_end = self._buffer.find(b"\r\n\r\n", start, self._end)
        if head_end < 0:
            if self._end - start > HEAD_LIMIT_BYTES:
                raise Violation(f"a message's head exceeds {HEAD_LIMIT_BYTES} bytes")
            if not _can_begin_message(bytes(self._buffer[start : min(self._end, start + 8)])):
                raise Violation("neither an RTSP message nor an interleaved frame")
            return None, start
        if head_end - start > HEAD_LIMIT_BYTES:
            raise Violation(f"a message's head exceeds {HEAD_LIMIT_BYTES} bytes")
        first, headers = _head(bytes(self._buffer[start:head_end]))
        length = _body_length(headers)
        stop = head_end + 4 + length
        if stop > self._end:
            return None, start
        return _make(first, headers, bytes(self._buffer[head_end + 4 : stop])), stop


def _can_begin_message(head: bytes) -> bool:
    return all(byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_" for byte in head.split(b" ")[0].split(b"/")[0])


def _head(head: bytes) -> tuple[str, Headers]:
    lines = head.decode("utf-8", "replace").split("\r\n")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise Violation(f"a header line without a colon: {line[:60]!r}")
        headers.append((name.strip().lower(), value.strip()))
    return lines[0], tuple(headers)


def _body_length(headers: Headers) -> int:
    text = next((value for name, value in headers if name == "content-length"), "0")
    if not _DECIMAL.match(text) or int(text) > BODY_LIMIT_BYTES:
        raise Violation(f"a body of {text[:20]!r} bytes; at most {BODY_LIMIT_BYTES} are taken")
    return int(text)


def _make(first: str, headers: Headers, body: bytes) -> Response | Request:
    status = _STATUS_LINE.match(first)
    if status is not None:
        return Response(status=int(status[1]), phrase=(status[2] or "")[:120], headers=headers, body=body)
    request = _REQUEST_LINE.match(first)
    if request is not None:
        return Request(method=request[1], url=request[2], headers=headers, body=body)
    raise Violation(f"no RTSP message begins with {first[:60]!r}")
