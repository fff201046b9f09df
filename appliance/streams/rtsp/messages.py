"""RTSP messages and interleaved frames, cut out of the bytes of one TCP connection (RFC 2326 §10.12)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from appliance.streams.errors import Violation

HEAD_LIMIT_BYTES = 16 << 10
BODY_LIMIT_BYTES = 64 << 10
GARBAGE_LIMIT_BYTES = 256 << 10
BUFFER_BYTES = 256 << 10  # holds the largest head with the largest body, and any interleaved frame

_DOLLAR = 0x24
_STATUS_LINE = re.compile(r"RTSP/\d\.\d (\d{3})(?: (.*))?\Z")
_REQUEST_LINE = re.compile(r"([A-Z_]{3,32}) (\S+) RTSP/\d\.\d\Z")
_DECIMAL = re.compile(r"[0-9]{1,9}\Z")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ_"

Headers = tuple[tuple[str, str], ...]


class Taker(Protocol):
    """Takes the packets of one channel. What stands in `view` is valid until the call returns."""

    def feed(self, view: memoryview, start: int, stop: int) -> None:
        """Take the packet in `view[start:stop]`."""

    def skim(self, view: memoryview, start: int, end: int, channel: int) -> int:
        """Take as many whole frames of `channel` from `start` as need no second look; return where they end."""


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


class Inlet:
    """Where bytes arrive. One serves every connection of an event loop: they are dealt with before others come."""

    def __init__(self) -> None:
        """Make the buffer."""
        self.buffer = bytearray(BUFFER_BYTES)
        self.view = memoryview(self.buffer)


class Parser:
    """Cuts one connection's bytes into messages and interleaved frames.

    Let bytes be written into `space()`, then say in `filled` how many they are. Between the two calls the inlet must
    not be used for another connection. Frames of a channel go to `takers[channel]`, others are skipped; messages go
    to `take_message`. At most one unfinished frame or message is kept.
    """

    def __init__(self, inlet: Inlet, take_message: Callable[[Response | Request], None]) -> None:
        """Start with nothing, and without takers."""
        self.takers: dict[int, Taker] = {}
        self._inlet = inlet
        self._take_message = take_message
        self._rest = b""
        self._garbage_bytes = 0
        self._open: Response | None = None  # its body ends where nothing more comes

    @property
    def has_open_body(self) -> bool:
        """Tell whether a description without Content-Length is arriving: `end_body` says that it is whole."""
        return self._open is not None

    def space(self) -> memoryview:
        """Return where the next bytes go; it is never empty."""
        kept = len(self._rest)
        if kept:
            self._inlet.buffer[:kept] = self._rest
        return self._inlet.view[kept:]

    def filled(self, count: int) -> None:
        """Give away what is complete now that `count` bytes more stand in the inlet; raise Violation."""
        end = len(self._rest) + count
        start = 0
        try:
            start = self._cut(end)
        finally:
            self._rest = bytes(self._inlet.view[start:end])

    def end_body(self) -> None:
        """Take the bytes that have come for the open body as all of it."""
        if self._open is not None:
            whole = Response(
                status=self._open.status, phrase=self._open.phrase, headers=self._open.headers, body=self._rest
            )
            self._open, self._rest = None, b""
            self._take_message(whole)

    def _cut(self, end: int) -> int:
        """Give away whole frames and messages up to `end`; return where the unfinished one begins."""
        buffer, view, takers = self._inlet.buffer, self._inlet.view, self.takers
        start = 0
        while start < end:
            if buffer[start] != _DOLLAR or self._open is not None:
                stop = self._cut_message(start, end)
                if stop == start:
                    break
                start = stop
                continue
            if end - start < 4:
                break
            stop = start + 4 + (buffer[start + 2] << 8 | buffer[start + 3])
            if stop > end:
                break
            taker = takers.get(buffer[start + 1])
            if taker is not None:
                taker.feed(view, start + 4, stop)
                stop = taker.skim(view, stop, end, buffer[start + 1])
            start = stop
        return start

    def _cut_message(self, start: int, end: int) -> int:
        """Give away the message at `start`; return where it ends, `start` while it is not whole."""
        buffer = self._inlet.buffer
        if self._open is not None:
            if end - start > BODY_LIMIT_BYTES:
                raise Violation(f"a body of more than {BODY_LIMIT_BYTES} bytes")
            return start
        if buffer[start] in b"\r\n":  # some cameras put blank lines between messages
            return start + 1
        if not _can_begin_message(buffer[start : min(end, start + 8)]):
            return self._skip_garbage(start, end)
        found = _HEAD_END.search(buffer, start, min(end, start + HEAD_LIMIT_BYTES + 4))
        if found is None:
            if end - start > HEAD_LIMIT_BYTES:
                raise Violation(f"a message's head exceeds {HEAD_LIMIT_BYTES} bytes")
            return start
        return self._message(start, found.start(), found.end(), end)

    def _message(self, start: int, head_end: int, body: int, end: int) -> int:
        first, headers = _head(bytes(self._inlet.view[start:head_end]))
        length = _body_length(headers)
        if length is None:
            self._open = _open_response(first, headers)
            return body
        if body + length > end:
            return start
        self._take_message(_make(first, headers, bytes(self._inlet.view[body : body + length])))
        return body + length

    def _skip_garbage(self, start: int, end: int) -> int:
        """Go on at what looks like a frame of a known channel; cameras under load may send half a frame."""
        if not self.takers:
            raise Violation("neither an RTSP message nor an interleaved frame")
        places = [self._inlet.buffer.find(bytes([_DOLLAR, channel]), start + 1, end) for channel in self.takers]
        stop = min((place for place in places if place >= 0), default=end)
        self._garbage_bytes += stop - start
        if self._garbage_bytes > GARBAGE_LIMIT_BYTES:
            raise Violation(f"more than {GARBAGE_LIMIT_BYTES} bytes that belong to no frame")
        return stop


def _can_begin_message(head: bytes | bytearray) -> bool:
    return all(byte in _CAPITALS for byte in head.split(b" ")[0].split(b"/")[0])


def _head(head: bytes) -> tuple[str, Headers]:
    """Return the first line and the headers; lines that are no header are passed over, folded ones joined."""
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if line[:1] in {" ", "\t"} and headers:
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
        elif colon:
            headers.append((name.strip().lower(), value.strip()))
    return lines[0].strip(), tuple(headers)


def _body_length(headers: Headers) -> int | None:
    """Return the length of the body, None for a description whose length is not told."""
    named = dict(reversed(headers))
    text = named.get("content-length")
    if text is None:
        return None if named.get("content-type", "").lower().startswith("application/sdp") else 0
    if not _DECIMAL.match(text) or int(text) > BODY_LIMIT_BYTES:
        raise Violation(f"a body of {text[:20]!r} bytes; at most {BODY_LIMIT_BYTES} are taken")
    return int(text)


def _open_response(first: str, headers: Headers) -> Response:
    message = _make(first, headers, b"")
    if not isinstance(message, Response):
        raise Violation("a request with a body of unknown length")
    return message


def _make(first: str, headers: Headers, body: bytes) -> Response | Request:
    status = _STATUS_LINE.match(first)
    if status is not None:
        return Response(status=int(status[1]), phrase=(status[2] or "")[:120], headers=headers, body=body)
    request = _REQUEST_LINE.match(first)
    if request is not None:
        return Request(method=request[1], url=request[2], headers=headers, body=body)
    raise Violation(f"no RTSP message begins with {first[:60]!r}")
