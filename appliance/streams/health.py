"""What is known of one camera's stream. Nothing here asks a clock: whoever tells of a happening says when it was.

    connecting --usable picture--> live --no picture for a while--> stalled
    any state --failure--> stalled, refused or unreachable, by the kind of failure; --usable picture--> live

    connecting, live --nobody needs the stream--> idle

A camera that is tried again stays what it was: only a picture makes it live.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from appliance.streams.access_unit import CLOCK_HZ, CodecParameters
from appliance.streams.errors import Refused, Stalled, StreamError, Unreachable
from appliance.streams.source import Traffic
from federation.messages import CameraReport, CameraState

STALL_S = 4.0  # and the tick that notices: an operator knows within 5 s
KEY_WITHIN_S = 30.0
USABLE_WITHIN_S = 10.0
LONG_GOP_S = 4.0
"""Between key frames of a camera; where they are rarer, key frames alone do not show what happens."""

AGES_WITHIN_S = 30.0
"""So old the ages may be in the report of a camera that is not live: a thousand dead ones shall cost nothing."""

LIVE_AGES_WITHIN_S = 0.9
"""The same of one that is live: reports are made oftener while other cameras come and go."""

_UNREADABLE = "unreadable_parameters: the stream does not say how large its pictures are; a decoder may show nothing"
_WINDOW_S = 5.0
_LOSS_WINDOW_S = 60.0


def state_after(error: StreamError) -> CameraState:
    """Return what a camera is whose stream ended for the reason `error`."""
    if isinstance(error, Refused):
        return CameraState.REFUSED
    if isinstance(error, Unreachable):
        return CameraState.UNREACHABLE
    return CameraState.STALLED


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A camera's state, the reason where it is not live, and since when."""

    state: CameraState
    reason: str = ""
    since: datetime

    def turned(self, state: CameraState, reason: str, at: datetime) -> "Condition":
        """Return the condition now; the time stays while the state does."""
        if (state, reason) == (self.state, self.reason):
            return self
        return Condition(state=state, reason=reason, since=self.since if state is self.state else at)


class _Sample(NamedTuple):
    """Sums at a moment; `picture_s` is when the newest picture came."""

    at_s: float
    picture_s: float
    pictures: int
    traffic: Traffic


@dataclass(kw_only=True)
class _Attempt:
    """What has come since the camera was tried last."""

    playing_s: float | None = None
    arrived_s: float | None = None
    usable_s: float | None = None
    has_key: bool = False
    pictures: int = 0
    traffic: Traffic = field(default_factory=Traffic)
    samples: deque[_Sample] = field(default_factory=deque)
    losses: deque[_Sample] = field(default_factory=deque)


class Health:
    """The measured state of one camera. Times called `_s` are seconds of one monotonic clock."""

    def __init__(self, point_id: str) -> None:
        """Start connecting."""
        self.condition = Condition(state=CameraState.CONNECTING, since=datetime.now(UTC))
        self.attempts = 0
        self._point_id = point_id
        self._lives = 0  # how often it became live
        self._parameters: CodecParameters | None = None
        self._transport = ""
        self._picture_s: float | None = None
        self._key_s: float | None = None
        self._key_pts = 0
        self._gop_s = 0.0
        self._lost_before = 0
        self._now = _Attempt()
        self._reported: CameraReport | None = None
        self._reported_of = self.condition
        self._report_again_s = 0.0

    @property
    def state(self) -> CameraState:
        """What the camera is now."""
        return self.condition.state

    @property
    def reason(self) -> str:
        """Why it is not live: a stable code, a colon and a sentence."""
        return self.condition.reason

    @property
    def gop_s(self) -> float:
        """Seconds between the newest two key frames of a session, 0 while unknown."""
        return self._gop_s

    def attempt(self) -> None:
        """Note that the camera is tried (again)."""
        self.attempts += 1
        self._lost_before += self._now.traffic.lost
        self._now = _Attempt()

    def began(self, now_s: float, *, transport: str) -> None:
        """Note that the camera has agreed to send."""
        self._now.playing_s = now_s
        self._transport = transport

    def described(self, parameters: CodecParameters) -> None:
        """Note what the stream is."""
        self._parameters = parameters

    def picture(self, now_s: float, *, key: bool, pts: int, usable: bool) -> None:
        """Note one coded picture; `usable` tells that a decoder could show it."""
        self._now.pictures += 1
        self._now.arrived_s = now_s
        if not usable:
            return
        if key:
            if self._now.has_key:
                self._gop_s = max(0.0, (pts - self._key_pts) / CLOCK_HZ)
            self._now.has_key = True
            self._key_s, self._key_pts = now_s, pts
        self._now.usable_s = self._picture_s = now_s

    def turn_live(self, at: datetime) -> bool:
        """Note that a usable picture has come; tell whether this changes the state."""
        before = self.condition
        self._lives += before.state is not CameraState.LIVE
        reason = "" if self._parameters and self._parameters.width_px else _UNREADABLE
        self.condition = before.turned(CameraState.LIVE, reason, at)
        return self.condition is not before

    def failed(self, error: StreamError, at: datetime) -> bool:
        """Note why the attempt ended; tell whether this changes the state or the reason."""
        before = self.condition
        self.condition = before.turned(state_after(error), error.reason, at)
        return self.condition is not before

    def rested(self, at: datetime) -> bool:
        """Note that the camera is not pulled for now; tell whether this changes the state. One that fails, fails on."""
        before = self.condition
        if before.state in {CameraState.CONNECTING, CameraState.LIVE}:
            self._lives -= before.state is CameraState.LIVE  # to be called again is no reconnect
            self.condition = before.turned(CameraState.IDLE, "", at)
        return self.condition is not before

    def overdue(self, now_s: float) -> StreamError | None:
        """Return why an attempt that is playing has to end now, None if it goes well."""
        if self._now.playing_s is None:
            return None
        arrived_s = self._now.playing_s if self._now.arrived_s is None else self._now.arrived_s
        usable_s = self._now.playing_s if self._now.usable_s is None else self._now.usable_s
        if now_s - arrived_s > STALL_S:
            return Stalled("no_pictures", f"connected, but no picture for {STALL_S:.0f} s")
        if not self._now.has_key and now_s - self._now.playing_s > KEY_WITHIN_S:
            return Stalled("no_key_frame", f"pictures arrive, but no key frame among them for {KEY_WITHIN_S:.0f} s")
        if self._now.has_key and now_s - usable_s > USABLE_WITHIN_S + self._gop_s:
            return Stalled("damaged", f"pictures arrive, but none is whole for {now_s - usable_s:.0f} s")
        return None

    def sample(self, now_s: float, traffic: Traffic) -> None:
        """Note the sums of the attempt now; called about twice a second."""
        self._now.traffic = traffic
        sample = _Sample(now_s, self._now.arrived_s or now_s, self._now.pictures, traffic)
        self._now.samples.append(sample)
        while now_s - self._now.samples[0].at_s > _WINDOW_S:
            self._now.samples.popleft()
        if not self._now.losses or now_s - self._now.losses[-1].at_s >= _WINDOW_S:
            self._now.losses.append(sample)
        while now_s - self._now.losses[0].at_s > _LOSS_WINDOW_S:
            self._now.losses.popleft()

    def report(self, now_s: float) -> CameraReport:
        """Return the camera's report: the same object as before while nothing but ages has changed."""
        live = self.state is CameraState.LIVE
        reported = self._reported
        if reported is None or self._reported_of is not self.condition or now_s >= self._report_again_s:
            made = self._made_report(now_s)
            reported = self._reported = made if made != reported else reported
            again_s = LIVE_AGES_WITHIN_S if live else AGES_WITHIN_S
            self._reported_of, self._report_again_s = self.condition, now_s + again_s
        return reported

    def _made_report(self, now_s: float) -> CameraReport:
        is_live = self.state is CameraState.LIVE
        parameters = self._parameters
        return CameraReport(
            point_id=self._point_id,
            state=self.state,
            reason=self.reason,
            since=self.condition.since,
            fps=self._fps() if is_live else 0.0,
            bitrate_kbps=self._bitrate_kbps() if is_live else 0.0,
            gop_s=round(self._gop_s, 2),
            key_frame_age_s=_age_s(self._key_s, now_s),
            unit_age_s=_age_s(self._picture_s, now_s),
            loss_share=self._loss_share(),
            packets_lost=self._lost_before + self._now.traffic.lost,
            reconnects=max(0, self._lives - 1),
            codec=parameters.codec if parameters else "",
            width_px=parameters.width_px if parameters else 0,
            height_px=parameters.height_px if parameters else 0,
            transport=self._transport,
        )

    def _fps(self) -> float:
        if len(self._now.samples) < 2:
            return 0.0
        first, last = self._now.samples[0], self._now.samples[-1]
        span_s = last.picture_s - first.picture_s
        return round((last.pictures - first.pictures) / span_s, 1) if span_s > 0 else 0.0

    def _bitrate_kbps(self) -> float:
        if len(self._now.samples) < 2:
            return 0.0
        first, last = self._now.samples[0], self._now.samples[-1]
        size = last.traffic.received_bytes - first.traffic.received_bytes
        return round(size * 8 / (last.at_s - first.at_s) / 1000, 1)

    def _loss_share(self) -> float:
        if not self._now.losses:
            return 0.0
        before = self._now.losses[0].traffic
        lost, came = self._now.traffic.lost - before.lost, self._now.traffic.packets - before.packets
        return round(lost / (lost + came), 4) if lost + came > 0 else 0.0


def _age_s(then_s: float | None, now_s: float) -> float | None:
    return None if then_s is None else round(max(0.0, now_s - then_s), 2)
