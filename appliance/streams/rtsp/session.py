"""One attempt to pull a camera by RTSP: from the first request to the end of the stream."""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import NoReturn

from appliance.streams.errors import Moved, Refused, Unreachable
from appliance.streams.rtp.depacketiser import Depacketiser, Unit
from appliance.streams.rtp.rtcp import Reception, SenderClock, read_rtcp, receiver_report
from appliance.streams.rtsp.address import Address, follow, read_address
from appliance.streams.rtsp.auth import Authorizer, Credentials
from appliance.streams.rtsp.connection import Connection
from appliance.streams.rtsp.dialling import Dialler
from appliance.streams.rtsp.media import Datagrams, Interleaved, datagrams
from appliance.streams.rtsp.messages import Inlet, Response, Taker
from appliance.streams.rtsp.replay import REQUIRE, Stamped, Stretch
from appliance.streams.rtsp.sdp import VideoTrack, find_video
from appliance.streams.source import Intake, Picture, Traffic

MOST_REDIRECTS = 5
DEFAULT_SESSION_S = 60
SHORTEST_SESSION_S = 2
REPORT_EVERY_S = 5.0
FIRST_REPORT_AFTER_S = 1.0
LONGEST_KEEPALIVE_S = 30.0
_TIMEOUT = re.compile(r"timeout\s*=\s*(\d{1,6})")
_GONE = 454  # Session Not Found
_ANY_URL = re.compile(r"rtsps?://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Approach:
    """How a camera wants to be asked. `transport` is `auto`, `tcp` or `udp`; `trust` see `security.context`.

    With `replay` the address is that of what the camera has recorded, and `transport` is `tcp`.
    """

    url: str
    credentials: Credentials = field(default_factory=lambda: Credentials(username="", password=""))
    transport: str = "auto"
    trust: str = "verify"
    replay: Stretch | None = None


class RtspSource:
    """Pulls one camera by RTSP until it ends."""

    def __init__(self, approach: Approach, intake: Intake, *, inlet: Inlet, dialler: Dialler) -> None:
        """Prepare an attempt."""
        self._approach = approach
        self._intake = intake
        self._inlet = inlet
        self._dialler = dialler
        self._session: _Session | None = None

    def hold(self, wait: bool) -> None:  # noqa: FBT001 - a seam's signature
        """Let the camera wait, or go on, with a replay."""
        if self._session is not None:
            self._session.hold(wait=wait)

    async def run(self) -> NoReturn:
        """Pull until the stream ends; raise the StreamError that says why."""
        address = first = read_address(self._approach.url)
        for _ in range(MOST_REDIRECTS + 1):
            try:
                await self._pull(address, is_first_host=address.host == first.host)
            except Moved as moved:
                address = follow(address, moved.url)
        raise Refused("moved_too_often", f"the camera redirects more than {MOST_REDIRECTS} times")

    def tick(self, now_s: float) -> None:
        """Keep the session alive and report what arrives."""
        if self._session is not None:
            self._session.tick(now_s)

    def traffic(self) -> Traffic:
        """Return what has been received so far."""
        return Traffic() if self._session is None else self._session.traffic()

    async def _pull(self, address: Address, *, is_first_host: bool) -> NoReturn:
        authorizer = Authorizer(self._approach.credentials, allow_basic=is_first_host or address.secure)
        connection = await self._dialler.dial(
            address, lambda: Connection(self._inlet, authorizer), trust=self._approach.trust
        )
        session = _Session(connection, address, self._intake, self._approach.replay)
        try:
            await session.open(self._approach.transport)
            self._session = session
            raise await connection.ended
        finally:
            self._session = None
            session.close()


class _Session:
    """What was negotiated over one connection."""

    def __init__(self, connection: Connection, address: Address, intake: Intake, replay: Stretch | None) -> None:
        self._connection = connection
        self._address = address
        self._intake = intake
        self._depacketiser = Depacketiser("h264", take=self._unit)
        self._replay = replay
        self._stamped: Stamped | None = None
        self._clock = SenderClock()
        self._media: Interleaved | Datagrams | None = None
        self._url = address.url  # of the whole session
        self._source = secrets.randbits(32)
        self._keepalive = "OPTIONS"
        self._keepalive_every_s = DEFAULT_SESSION_S / 2
        self._keepalive_at_s = 0.0
        self._report_at_s = 0.0

    async def open(self, transport: str) -> None:
        """Negotiate up to PLAY; raise StreamError."""
        await self._ask_for_options()
        response = await self._connection.ask("DESCRIBE", self._address.url, ("Accept", "application/sdp"))
        track = self._read_description(response)
        self._depacketiser = Depacketiser(
            track.codec,
            track.parameter_sets,
            take=self._unit,
            keep_all=self._intake.wants_all,
            foreign_types=track.foreign_types,
        )
        name = await self._set_up(track, transport)
        self._intake.begin(track.codec, track.parameter_sets, transport=name)
        wish = (("Range", "npt=0.000-"),) if self._replay is None else self._replay.headers
        await self._connection.ask("PLAY", self._url, *wish)
        now_s = time.monotonic()
        self._keepalive_at_s = now_s + self._keepalive_every_s
        self._report_at_s = now_s + FIRST_REPORT_AFTER_S

    def tick(self, now_s: float) -> None:
        """Send what is due."""
        if now_s >= self._keepalive_at_s:
            self._keepalive_at_s = now_s + self._keepalive_every_s
            self._connection.tell(self._keepalive, self._url, then=self._kept_alive)
        if now_s >= self._report_at_s:
            self._report_at_s = now_s + REPORT_EVERY_S
            self._send_report(now_s)

    def traffic(self) -> Traffic:
        """Return what has been received so far."""
        count, due = self._depacketiser.count, self._depacketiser.due
        beside = self._media.received_bytes if self._media is not None else 0
        return Traffic(
            received_bytes=self._connection.received_bytes + beside,
            packets=max(0, count.sent(due) - count.lost),
            lost=count.lost,
        )

    def hold(self, *, wait: bool) -> None:
        """Read nothing more for now, or go on."""
        self._connection.hold(wait=wait)

    def close(self) -> None:
        """End the session, and free what it holds."""
        if self._connection.session_id is not None:
            self._connection.tell("TEARDOWN", self._url)
        self._connection.close()
        if self._media is not None:
            self._media.close()

    async def _ask_for_options(self) -> None:
        """Learn how to keep the session alive; a camera that does not answer this politely may still play."""
        try:
            response = await self._connection.ask("OPTIONS", self._address.url)
        except Refused as refused:
            if refused.code != "camera_refused":
                raise
            return
        if "GET_PARAMETER" in (response.header("public") or "").upper():
            self._keepalive = "GET_PARAMETER"

    def _read_description(self, response: Response) -> VideoTrack:
        told = (response.header("content-base") or response.header("content-location") or "").strip()
        base = told if _ANY_URL.match(told) else self._address.url
        track, self._url = find_video(response.body, base_url=base)
        return track

    async def _set_up(self, track: VideoTrack, transport: str) -> str:
        """Set the track up and return the name of its transport; raise StreamError."""
        if transport != "udp":
            self._media = Interleaved(self._connection, self._packets(), self._rtcp)
            try:
                await self._ask_set_up(track, self._media)
            except Refused as refused:
                if transport == "tcp" or refused.code != "unsupported_transport":
                    raise
            else:
                return "tls" if self._address.secure else "tcp"
        self._media = await datagrams(self._connection, self._depacketiser, self._rtcp)
        await self._ask_set_up(track, self._media)
        return "udp"

    def _packets(self) -> Taker:
        """Return what takes the packets of the track."""
        if self._replay is None:
            return self._depacketiser
        self._stamped = Stamped(self._depacketiser)
        return self._stamped

    async def _ask_set_up(self, track: VideoTrack, media: Interleaved | Datagrams) -> None:
        more = () if self._replay is None else (REQUIRE,)
        response = await self._connection.ask("SETUP", track.control_url, ("Transport", media.offer), *more)
        media.begin(response.header("transport") or "")
        name, _, rest = (response.header("session") or "").partition(";")
        self._connection.session_id = name.strip() or None
        told = _TIMEOUT.search(rest)
        session_s = max(SHORTEST_SESSION_S, int(told[1])) if told else DEFAULT_SESSION_S
        self._keepalive_every_s = min(session_s / 2, LONGEST_KEEPALIVE_S)

    def _kept_alive(self, response: Response) -> None:
        if response.status == _GONE:
            self._connection.end(Unreachable("session_ended", "the camera has forgotten the session"))
        elif response.status >= 400:
            self._keepalive = "OPTIONS"

    def _rtcp(self, packet: memoryview) -> None:
        heard = read_rtcp(packet)
        known = self._depacketiser.time >= 0
        if heard.report is not None and known and heard.report.source == self._depacketiser.source:
            self._clock.take(
                heard.report,
                raw_time=self._depacketiser.raw_time,
                time=self._depacketiser.time,
                now_s=time.monotonic(),
            )
        if heard.goodbye:
            self._connection.end(Unreachable("session_ended", "the camera said goodbye"))

    def _send_report(self, now_s: float) -> None:
        depacketiser, media, newest = self._depacketiser, self._media, self._clock.newest
        if media is None or depacketiser.source < 0:
            return
        reception = Reception(
            source=depacketiser.source,
            fraction_lost=depacketiser.count.fraction_lost(depacketiser.due),
            lost=depacketiser.count.lost,
            highest=depacketiser.count.extended(depacketiser.due),
            last_report_ntp=newest.ntp if newest is not None else 0,
            since_report_s=now_s - self._clock.heard_s,
        )
        media.send_rtcp(receiver_report(self._source, reception))

    def _unit(self, unit: Unit) -> None:
        depacketiser = self._depacketiser
        clock = self._clock if self._stamped is None else self._stamped
        self._intake.take(
            Picture(
                key=unit.key,
                pts=unit.rtp_time,
                usable=unit.usable,
                payload=unit.payload,
                starts=unit.starts,
                sets=depacketiser.parameter_sets if unit.key else None,
                sent_at=clock.at(unit.rtp_time) if unit.payload else None,
            )
        )
        depacketiser.keep_all = self._intake.wants_all
