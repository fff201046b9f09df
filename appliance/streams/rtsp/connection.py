"""One RTSP connection with its media interleaved (RFC 2326 §10.12): the requests, and their answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from appliance.streams.errors import Refused, Stalled, StreamError, Unreachable, Violation
from appliance.streams.rtsp.auth import Authorizer, Credentials, read_challenges
from appliance.streams.rtsp.messages import Interleaved, Parser, Request, Response, answer
from appliance.streams.rtsp.sdp import VideoTrack, find_video

DEFAULT_PORT = 554
CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 5.0
DEFAULT_SESSION_S = 60
AGENT = "Fengsui"

TakePacket = Callable[[memoryview], None]


class Connection(asyncio.BufferedProtocol):
    """A connection to one camera. Packets of channel 0 go to `take` while the parser holds them."""

    def __init__(self, url: str, credentials: Credentials, take: TakePacket) -> None:
        """Prepare; `connected` makes the connection."""
        self.session_timeout_s = DEFAULT_SESSION_S
        self.ended: asyncio.Future[StreamError] = asyncio.get_running_loop().create_future()
        self._url = url
        self._authorizer = Authorizer(credentials)
        self._take = take
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None
        self._sequence = 0
        self._answers: dict[int, asyncio.Future[Response]] = {}
        self._session_id: str | None = None
        self._session_url = url

    async def describe(self) -> VideoTrack:
        """Return the camera's video track; raise StreamError."""
        response = await self._request("DESCRIBE", self._url, ("Accept", "application/sdp"))
        base = response.header("content-base") or response.header("content-location") or self._url
        track, self._session_url = find_video(response.body, base_url=base.strip())
        return track

    async def play(self, track: VideoTrack) -> None:
        """Set the track up on channels 0 and 1 and let it play; raise StreamError."""
        transport = ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1")
        response = await self._request("SETUP", track.control_url, transport)
        name, _, rest = (response.header("session") or "").partition(";")
        self._session_id = name.strip() or None
        if rest.strip().startswith("timeout=") and rest.strip()[8:].isdigit():
            self.session_timeout_s = max(10, min(3600, int(rest.strip()[8:])))
        await self._request("PLAY", self._session_url, ("Range", "npt=0.000-"))

    async def keep_alive(self) -> None:
        """Tell the camera that we are still there; raise StreamError."""
        await self._request("GET_PARAMETER", self._session_url, tolerate=True)

    def close(self) -> None:
        """End the session and the connection."""
        if self._transport is not None and not self._transport.is_closing():
            if self._session_id is not None:
                self._send("TEARDOWN", self._session_url)
            self._transport.close()

    # asyncio calls the methods below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio promises it for TCP
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        """Give the parser's free space."""
        return self._parser.space()

    def buffer_updated(self, nbytes: int) -> None:
        """Deal with everything that is complete now."""
        try:
            for item in self._parser.filled(nbytes):
                if isinstance(item, Interleaved):
                    if item.channel == 0:
                        self._take(item.payload)
                elif isinstance(item, Response):
                    self._answered(item)
                elif self._transport is not None:
                    self._transport.write(answer(item, 200, "OK"))
        except Violation as violation:
            self._end(violation)
            if self._transport is not None:
                self._transport.abort()

    def eof_received(self) -> bool:
        """Treat the end of a live stream as a failure."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody who waits."""
        reason = "the camera closed the connection" if error is None else str(error)
        self._end(Unreachable("connection_lost", reason))

    def _end(self, error: StreamError) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)
        self._answers.clear()

    def _answered(self, response: Response) -> None:
        future = self._answers.pop(response.sequence, None)
        if future is None and response.sequence < 0 and len(self._answers) == 1:
            _, future = self._answers.popitem()  # some cameras forget CSeq
        if future is not None and not future.done():
            future.set_result(response)

    async def _request(self, method: str, url: str, *headers: tuple[str, str], tolerate: bool = False) -> Response:
        response = await self._exchange(method, url, headers)
        if response.status == 401:
            challenges = read_challenges(response.all("www-authenticate"))
            if self._authorizer.take(challenges):
                response = await self._exchange(method, url, headers)
        if response.status in {401, 403}:
            raise Refused("wrong_password", "the camera refuses this user name or password")
        if response.status >= 300 and not tolerate:
            words = f"{method}: {response.status} {response.phrase}".strip()
            raise Refused("camera_refused", f"the camera answers {words}")
        return response

    async def _exchange(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> Response:
        if self.ended.done():
            raise self.ended.result()
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answers[self._send(method, url, *headers)] = future
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await future
        except TimeoutError as error:
            raise Stalled("no_answer", f"the camera does not answer {method}") from error

    def _send(self, method: str, url: str, *headers: tuple[str, str]) -> int:
        self._sequence += 1
        own = [("CSeq", str(self._sequence)), ("User-Agent", AGENT)]
        if self._session_id is not None:
            own.append(("Session", self._session_id))
        authorization = self._authorizer.header(method, url)
        if authorization is not None:
            own.append(("Authorization", authorization))
        request = Request(method=method, url=url, headers=(*own, *headers))
        if self._transport is not None:
            self._transport.write(request.to_bytes())
        return self._sequence


@asynccontextmanager
async def connected(url: str, credentials: Credentials, take: TakePacket) -> AsyncIterator[Connection]:
    """Give a connection to the camera at `url`; raise Unreachable or Refused."""
    host, port = _address(url)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            _, connection = await loop.create_connection(lambda: Connection(url, credentials, take), host, port)
    except UnicodeError as error:
        raise Refused("bad_address", "the address names no host that could exist") from error
    except (OSError, TimeoutError) as error:
        detail = getattr(error, "strerror", None) or "no answer in time"
        raise Unreachable("no_connection", f"nothing answers at {host}:{port}: {detail}") from error
    try:
        yield connection
    finally:
        connection.close()


def _address(url: str) -> tuple[str, int]:
    """Return host and port of `url`; raise Refused, since a plan may bring any text as an address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("bad_address", f"the address is not rtsp://host:port/…: {error}") from error
    if parts.scheme != "rtsp" or not host:
        raise Refused("bad_address", "the address is not rtsp://host…")
    return host, port or DEFAULT_PORT
