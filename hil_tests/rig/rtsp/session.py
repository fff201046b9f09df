"""One RTSP connection: reads requests, answers them as the camera behaves, and seats the client at a mount."""

import asyncio
import secrets
from collections.abc import Mapping

from hil_tests.rig.errors import RequestError
from hil_tests.rig.rtsp.behaviour import Behaviour
from hil_tests.rig.rtsp.challenge import Credentials, Doorman
from hil_tests.rig.rtsp.mount import Mount, Viewer
from hil_tests.rig.rtsp.record import RECORD, Asked, replayed
from hil_tests.rig.rtsp.request import (
    BODY_LIMIT_BYTES,
    Request,
    Response,
    TransportOffer,
    choose_transport,
    parse_request,
)
from hil_tests.rig.rtsp.sdp import TRACK, describe
from hil_tests.rig.rtsp.viewer import DatagramViewer, InterleavedViewer, MediaPorts

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"

_IDLE_LIMIT_S = 10.0  # before a session exists
_HEAD_LIMIT_S = 10.0  # from the first byte of a request to its last
_REFUSAL_LIMIT = 4
_DECENT = Behaviour()


class Session:
    """The server's side of one connection; `serve` returns when it is over."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        mounts: Mapping[str, Mount | None],
        credentials: Credentials,
        media: MediaPorts,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._mounts = mounts
        self._doorman = Doorman(credentials)
        self._media = media
        self._id = secrets.token_hex(8)
        self._mount: Mount | None = None
        self._viewer: Viewer | None = None
        self._refusals = 0
        self._asked: Asked | None = None

    async def serve(self) -> None:
        """Answer requests until the client leaves, breaks the protocol or falls silent."""
        try:
            while await self._serve_one():
                pass
        except RequestError as error:
            self._writer.write(Response(status=error.status, cseq=None).encode())
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            pass
        finally:
            self._leave()
            self._writer.close()

    @property
    def _behaviour(self) -> Behaviour:
        return _DECENT if self._mount is None else self._mount.behaviour

    async def _serve_one(self) -> bool:
        request = await self._next_request()
        cseq = request.headers["cseq"]
        try:
            response = self._answer(request, cseq)
        except RequestError as error:
            response = Response(status=error.status, cseq=cseq)
        if response is None:
            self._writer.transport.abort()
            return False
        if self._behaviour.state == "silent" or request.method == self._behaviour.stalls_in:
            return True
        await self._write(response.encode(self._behaviour))
        if request.method == "PLAY" and response.status == 200 and self._mount and self._viewer:
            if self._asked is None:
                self._mount.admit(self._viewer)  # after the answer, so that no packet overtakes it
            else:
                await self._replay(self._mount, self._viewer, self._asked)
        return request.method != "TEARDOWN" and self._refusals < _REFUSAL_LIMIT

    async def _replay(self, mount: Mount, viewer: Viewer, asked: Asked) -> None:
        """Play what the camera has recorded, as fast as it is taken."""
        for unit in replayed(mount.timeline, asked):
            viewer.send(unit)
            async with asyncio.timeout(_HEAD_LIMIT_S):
                await self._writer.drain()

    async def _write(self, content: bytes) -> None:
        drip = self._behaviour.drip_bytes_per_s
        for place in range(len(content) if drip else 0):
            self._writer.write(content[place : place + 1])
            await asyncio.sleep(1 / drip)
        if not drip:
            self._writer.write(content)
        async with asyncio.timeout(_HEAD_LIMIT_S):
            if self._viewer is None:
                await self._writer.drain()

    async def _next_request(self) -> Request:
        while True:
            limit_s = _IDLE_LIMIT_S if self._viewer is None else self._behaviour.session_timeout_s * 1.5
            async with asyncio.timeout(limit_s):
                lead = await self._reader.readexactly(1)
            async with asyncio.timeout(_HEAD_LIMIT_S):
                if lead != b"$":
                    return await self._read_request(lead)
                frame = await self._reader.readexactly(3)
                content = await self._reader.readexactly(int.from_bytes(frame[1:]))
                self._hear(content)

    async def _read_request(self, lead: bytes) -> Request:
        try:
            head = lead + await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise RequestError(400, "the request is too large") from error
        request = parse_request(head)
        await self._reader.readexactly(min(request.body_size_bytes, BODY_LIMIT_BYTES))
        return request

    def _answer(self, request: Request, cseq: str) -> Response | None:
        """Return the response, or None when the camera is off and must look dead."""
        mount = self._known(request.path)
        if mount is not None and self._mount is None:
            self._mount = mount
            mount.connections.add(self._writer.transport)
        if mount is not None and mount.behaviour.state == "stopped":
            return None
        if request.method == "OPTIONS":
            more = ", GET_PARAMETER" if self._behaviour.answers_get_parameter else ""
            return Response(status=200, cseq=cseq, headers={"Public": METHODS + more})
        if not self._is_allowed(request):
            challenge = self._doorman.challenge(self._behaviour)
            return Response(status=401, cseq=cseq, headers={"WWW-Authenticate": challenge.header()})
        return self._answer_allowed(request, cseq, self._find(request.path))

    def _answer_allowed(self, request: Request, cseq: str, mount: Mount) -> Response:
        if self._mount is not None and self._mount is not mount:
            raise RequestError(455, "one connection serves one camera")
        if mount.behaviour.redirect_to and request.method == "DESCRIBE":
            return Response(status=302, cseq=cseq, headers={"Location": mount.behaviour.redirect_to})
        match request.method:
            case "DESCRIBE":
                return self._describe(request, cseq, mount)
            case "SETUP":
                return self._set_up(request, cseq)
            case "PLAY":
                return self._play(request, cseq, mount)
            case "GET_PARAMETER" if not mount.behaviour.answers_get_parameter:
                return Response(status=405, cseq=cseq, headers={"Allow": METHODS})
            case "GET_PARAMETER" | "TEARDOWN":
                return Response(status=200, cseq=cseq, headers={"Session": self._id})
            case _:
                return Response(status=405, cseq=cseq, headers={"Allow": METHODS})

    def _is_allowed(self, request: Request) -> bool:
        authorization = request.headers.get("authorization", "")
        met = self._doorman.admits(self._behaviour, authorization=authorization, method=request.method, uri=request.uri)
        if not met and authorization:
            self._refusals += 1
        elif met:
            self._refusals = 0
        return met

    def _known(self, path: str) -> Mount | None:
        return self._mounts.get(_name(path))

    def _find(self, path: str) -> Mount:
        name = _name(path)
        if name not in self._mounts:
            raise RequestError(404, "no such camera")
        mount = self._mounts[name]
        if mount is None:
            raise RequestError(503, "this camera is still being prepared")
        return mount

    def _describe(self, request: Request, cseq: str, mount: Mount) -> Response:
        base = request.uri.rstrip("/") + "/"
        content_base = {} if mount.behaviour.odd else {"Content-Base": base}
        headers = {**content_base, "Content-Type": "application/sdp"}
        body = describe(mount.clip, mount.name, mount.behaviour, base=base)
        return Response(status=200, cseq=cseq, headers=headers, body=body)

    def _set_up(self, request: Request, cseq: str) -> Response:
        if self._viewer is not None:
            raise RequestError(455, "the session is set up already")
        offer = choose_transport(request.headers.get("transport", ""))
        refused = self._behaviour.refuses_tcp if offer.protocol == "tcp" else self._behaviour.refuses_udp
        if refused:
            raise RequestError(461, "this camera does not send in this way")
        self._viewer, transport = self._seat(offer)
        session = f"{self._id};timeout={self._behaviour.session_timeout_s}"
        return Response(status=200, cseq=cseq, headers={"Transport": transport, "Session": session})

    def _seat(self, offer: TransportOffer) -> tuple[Viewer, str]:
        session = self._writer.transport
        pair = f"{offer.first}-{offer.first + 1}"
        if offer.protocol == "tcp":
            return InterleavedViewer(session, offer.first), f"RTP/AVP/TCP;unicast;interleaved={pair}"
        peer: str = session.get_extra_info("peername")[0]
        ports = f"client_port={pair};server_port={self._media.rtp.number}-{self._media.rtcp.number}"
        return DatagramViewer(self._media, (peer, offer.first), session, self._hear), f"RTP/AVP;unicast;{ports}"

    def _play(self, request: Request, cseq: str, mount: Mount) -> Response:
        if self._viewer is None:
            raise RequestError(455, "SETUP must come first")
        if request.headers.get("session", "").partition(";")[0] != self._id:
            raise RequestError(454, "no such session")
        if _is_record(request.path):
            self._asked = Asked.of(request.headers.get("range", ""))
            return Response(status=200, cseq=cseq, headers={"Session": self._id, "Range": request.headers["range"]})
        sequence, timestamp = mount.next_key()
        base = request.uri.rstrip("/")
        headers = {
            "Session": self._id,
            "Range": "npt=now-",
            "RTP-Info": f"url={base}/{TRACK};seq={sequence};rtptime={timestamp}",
        }
        return Response(status=200, cseq=cseq, headers=headers)

    def _hear(self, packet: bytes) -> None:
        if self._mount is not None:
            self._mount.hear(packet)

    def _leave(self) -> None:
        if self._mount is not None:
            self._mount.connections.discard(self._writer.transport)
        if self._viewer is not None:
            self._viewer.leave()
            if self._mount is not None:
                self._mount.dismiss(self._viewer)


def _name(path: str) -> str:
    """Return the name of the camera at a path."""
    return path.removesuffix(TRACK).rstrip("/").removesuffix(f"/{RECORD}")


def _is_record(path: str) -> bool:
    return path.removesuffix(TRACK).rstrip("/").endswith(f"/{RECORD}")
