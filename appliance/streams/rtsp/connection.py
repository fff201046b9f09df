"""One RTSP connection: requests, their answers, and what the camera sends in between."""

import asyncio
from collections.abc import Callable

from appliance.streams.errors import Moved, Refused, Stalled, StreamError, Unreachable, Violation
from appliance.streams.rtsp.auth import Authorizer, read_challenges
from appliance.streams.rtsp.messages import Inlet, Parser, Request, Response, Taker, answer

ANSWER_WITHIN_S = 5.0
BODY_PAUSE_S = 0.3  # a description of unknown length has ended when nothing more came for so long
AGENT = "Fengsui"
_TOLD_LIMIT = 16
_UNAUTHORIZED = 401
_REFUSALS = {
    403: ("forbidden", "this user may not see this stream"),
    404: ("not_found", "the camera has no stream at this address"),
    453: ("camera_busy", "the camera serves as many viewers as it can"),
    461: ("unsupported_transport", "the camera does not send over this transport"),
    503: ("camera_busy", "the camera says that it is not ready"),
}


class Connection(asyncio.BufferedProtocol):
    """A connection to one camera; `ended` tells why it is over."""

    def __init__(self, inlet: Inlet, authorizer: Authorizer) -> None:
        """Prepare; a dialler connects."""
        self.ended: asyncio.Future[StreamError] = asyncio.get_running_loop().create_future()
        self.received_bytes = 0
        self.session_id: str | None = None
        self._authorizer = authorizer
        self._parser = Parser(inlet, self._message)
        self._transport: asyncio.Transport | None = None
        self._sequence = 0
        self._answers: dict[int, asyncio.Future[Response]] = {}
        self._told: dict[int, Callable[[Response], None]] = {}
        self._body_end: asyncio.TimerHandle | None = None

    @property
    def local_host(self) -> str:
        """The address of this box on the way to the camera."""
        return str(self._transport.get_extra_info("sockname")[0]) if self._transport else ""

    @property
    def remote_host(self) -> str:
        """The address of the camera."""
        return str(self._transport.get_extra_info("peername")[0]) if self._transport else ""

    def route(self, channel: int, taker: Taker) -> None:
        """Send interleaved packets of `channel` to `taker` from now on."""
        self._parser.takers[channel] = taker

    async def ask(self, method: str, url: str, *headers: tuple[str, str]) -> Response:
        """Return the camera's answer with status 2xx; raise StreamError."""
        response = await self._exchange(method, url, headers)
        for answered in (False, True):
            challenges = read_challenges(response.all("www-authenticate"))
            if response.status != _UNAUTHORIZED or not self._authorizer.take(challenges, answered=answered):
                break
            response = await self._exchange(method, url, headers)
        return self._accepted(method, response)

    def tell(self, method: str, url: str, *, then: Callable[[Response], None] | None = None) -> None:
        """Send a request and do not wait; `then` gets the answer if one comes, after a challenge was answered."""

        def again(response: Response) -> None:
            challenges = read_challenges(response.all("www-authenticate"))
            if response.status == _UNAUTHORIZED and self._authorizer.take(challenges, answered=False):
                self._expect(self._send(method, url, ()), then)
            elif then is not None:
                then(response)

        self._expect(self._send(method, url, ()), again)

    def send_packet(self, channel: int, packet: bytes) -> None:
        """Send an interleaved packet, RTCP that is."""
        self._write(bytes([0x24, channel]) + len(packet).to_bytes(2) + packet)

    def hold(self, *, wait: bool) -> None:
        """Read nothing more for now, or go on."""
        if self._transport is None or self._transport.is_closing():
            return
        if wait:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def end(self, error: StreamError) -> None:
        """End the connection for the reason `error`."""
        if not self.ended.done():
            self.ended.set_result(error)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever asked may be gone
        self._answers.clear()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close in peace, once what was sent is gone; nobody is told any more."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    # asyncio calls the methods below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio promises it for TCP and TLS
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        """Give the parser's free space."""
        return self._parser.space()

    def buffer_updated(self, nbytes: int) -> None:
        """Deal with everything that is complete now."""
        self.received_bytes += nbytes
        try:
            self._parser.filled(nbytes)
        except Violation as violation:
            self.end(violation)
            return
        if self._parser.has_open_body:
            self._await_body_end()

    def eof_received(self) -> bool:
        """Treat the end of a live stream as a failure."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell everybody who waits."""
        if self._parser.has_open_body:
            self._take_body()
        reason = "the camera closed the connection" if error is None else str(error)
        self.end(Unreachable("connection_lost", reason))

    def _expect(self, number: int, then: Callable[[Response], None] | None) -> None:
        if then is not None and len(self._told) < _TOLD_LIMIT:
            self._told[number] = then

    def _await_body_end(self) -> None:
        if self._body_end is not None:
            self._body_end.cancel()
        self._body_end = asyncio.get_running_loop().call_later(BODY_PAUSE_S, self._take_body)

    def _take_body(self) -> None:
        if self._body_end is not None:
            self._body_end.cancel()
            self._body_end = None
        self._parser.end_body()

    def _message(self, message: Response | Request) -> None:
        if isinstance(message, Response):
            self._answered(message)
        else:
            self._asked(message)

    def _answered(self, response: Response) -> None:
        number = response.sequence
        told = self._told.pop(number, None)
        if told is not None:
            told(response)
            return
        future = self._answers.pop(number, None)
        if future is None and number < 0 and len(self._answers) == 1:
            _, future = self._answers.popitem()  # some cameras forget CSeq
        if future is not None and not future.done():
            future.set_result(response)

    def _asked(self, request: Request) -> None:
        """Obey a request of the camera (RFC 2326 §10.10) or say that it is not known."""
        known = request.method in {"OPTIONS", "SET_PARAMETER", "GET_PARAMETER", "REDIRECT", "TEARDOWN", "ANNOUNCE"}
        self._write(answer(request, 200, "OK") if known else answer(request, 501, "Not Implemented"))
        if request.method == "REDIRECT":
            self.end(Moved(request.header("location") or ""))
        elif request.method == "TEARDOWN":
            self.end(Unreachable("session_ended", "the camera ended the session"))

    async def _exchange(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> Response:
        if self.ended.done():
            raise self.ended.result()
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        number = self._send(method, url, headers)
        self._answers[number] = future
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await future
        except TimeoutError as error:
            raise Stalled("no_answer", f"the camera does not answer {method}") from error
        finally:
            self._answers.pop(number, None)

    def _accepted(self, method: str, response: Response) -> Response:
        """Return a response of status 2xx; raise what any other one means."""
        status = response.status
        if status < 300:
            return response
        if status == _UNAUTHORIZED:
            raise self._authorizer.refusal()
        location = response.header("location")
        if status < 400 and location:
            raise Moved(location)
        words = f"{method}: {status} {response.phrase}".strip()
        code, sentence = _REFUSALS.get(status, ("camera_refused", "the camera refuses"))
        raise Refused(code, f"{sentence} ({words})")

    def _send(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> int:
        self._sequence += 1
        own = [("CSeq", str(self._sequence)), ("User-Agent", AGENT)]
        if self.session_id is not None:
            own.append(("Session", self.session_id))
        authorization = self._authorizer.header(method, url)
        if authorization is not None:
            own.append(("Authorization", authorization))
        self._write(Request(method=method, url=url, headers=(*own, *headers)).to_bytes())
        return self._sequence

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
