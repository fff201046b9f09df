"""A mount: one camera, with its viewers and its behaviour, showing a timeline."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from hil_tests.rig.rtsp.behaviour import Behaviour, State
from hil_tests.rig.rtsp.clip import CLOCK_HZ, Clip
from hil_tests.rig.rtsp.sdp import spoilt
from hil_tests.rig.rtsp.timeline import PackedUnit, Timeline

BEHIND_LIMIT_S = 30.0  # a viewer that takes nothing for so long is cut off
_RTP_HEADER_BYTES = 12


class Viewer(Protocol):
    """Where a mount sends its packets."""

    def has_room(self) -> bool:
        """Tell whether one more access unit may be queued for this viewer."""

    def send(self, unit: PackedUnit) -> None:
        """Queue `unit` without waiting."""

    def report(self, packet: bytes) -> None:
        """Queue an RTCP packet without waiting."""

    def abort(self) -> None:
        """Cut the viewer's connection at once."""

    def leave(self) -> None:
        """Free what the viewer holds at the server."""


@dataclass(kw_only=True)
class Seat:
    """A viewer at a mount. `dropped_units` counts what it was too slow to take."""

    viewer: Viewer
    needs_key: bool = True
    dropped_units: int = 0
    behind_since_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class MountFigures:
    """What a mount has done so far."""

    state: State
    viewers: int
    sent_units: int
    dropped_units: int
    connects: int
    receiver_reports: int
    started_at: datetime
    loop_s: float


@dataclass(kw_only=True)
class Mount:
    """One camera. All methods are called in the event loop of its timeline."""

    name: str
    timeline: Timeline
    behaviour: Behaviour = field(default_factory=Behaviour)
    connections: set[asyncio.WriteTransport] = field(default_factory=set)
    connects: int = 0
    receiver_reports: int = 0
    _seats: dict[Viewer, Seat] = field(default_factory=dict)
    _sent_units: int = 0
    _dropped_units: int = 0
    _own: Clip | None = None
    _dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - faults that can be repeated

    @property
    def clip(self) -> Clip:
        """What the camera shows now."""
        return self.timeline.clip

    @property
    def own_clip(self) -> Clip:
        """What it shows by itself."""
        return self._own or self.clip

    @property
    def is_watched(self) -> bool:
        """Tell whether anybody would get what is played now."""
        return bool(self._seats)

    def figures(self) -> MountFigures:
        """Return the counts, and the wall-clock time at which round 0 began."""
        return MountFigures(
            state=self.behaviour.state,
            viewers=len(self._seats),
            sent_units=self._sent_units,
            dropped_units=self._dropped_units,
            connects=self.connects,
            receiver_reports=self.receiver_reports,
            started_at=self.timeline.started_at,
            loop_s=self.clip.loop_s,
        )

    def admit(self, viewer: Viewer) -> None:
        """Send to `viewer` from the next key unit on."""
        self.connects += 1
        self._seats[viewer] = Seat(viewer=viewer)

    def dismiss(self, viewer: Viewer) -> None:
        """Send no more to `viewer`; nothing happens when it is not here."""
        self._seats.pop(viewer, None)

    def next_key(self) -> tuple[int, int]:
        """Return RTP sequence number and timestamp of the next key unit, if nothing is held back until then."""
        sequence, timestamp = self.timeline.next_key()
        return sequence, (timestamp + self._moved_ticks()) & 0xFFFFFFFF

    def behave(self, **changes: Any) -> None:
        """Change the behaviour; without power every connection is cut. Raise ControlError for what makes no sense."""
        self.behaviour = self.behaviour.changed(changes)
        if self.behaviour.state == "stopped":
            self.cut_connections()

    def show(self, timeline: Timeline) -> None:
        """Show another clip from now on, in the same sessions."""
        self._own = self.own_clip
        self.timeline.leave(self)
        self.timeline = timeline
        timeline.join(self)
        self.skip()

    def end_sessions(self) -> int:
        """Send TEARDOWN on every connection, as some cameras do before they restart; return how many there were."""
        self._seats.clear()
        for transport in self.connections:
            transport.write(b"TEARDOWN * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
        return len(self.connections)

    def hear(self, packet: bytes) -> None:
        """Note what a viewer reports by RTCP."""
        if packet[1:2] == b"\xc9":  # a receiver report
            self.receiver_reports += 1

    def cut_connections(self) -> int:
        """Abort every connection to this camera and return how many there were."""
        cut = tuple(self.connections)
        for transport in cut:
            transport.abort()
        return len(cut)

    def take(self, unit: PackedUnit, now_s: float) -> None:
        """Send one access unit to every viewer, unless the camera is not well."""
        if self.behaviour.state != "live":
            self.skip()
            return
        shown = self._spoilt(unit)
        for seat in tuple(self._seats.values()):
            self._offer(seat, shown, now_s)
        self._sent_units += 1

    def skip(self) -> None:
        """Let every viewer wait for a key unit."""
        for seat in self._seats.values():
            seat.needs_key = True

    def report(self, packet: bytes) -> None:
        """Send a sender report to every viewer."""
        if self.behaviour.state == "live":
            for viewer in self._seats:
                viewer.report(packet)

    def _offer(self, seat: Seat, unit: PackedUnit, now_s: float) -> None:
        if seat.needs_key and not unit.is_key and seat.behind_since_s is None:
            return
        if not seat.viewer.has_room() or (seat.needs_key and not unit.is_key):
            seat.needs_key = True
            seat.dropped_units += 1
            self._dropped_units += 1
            seat.behind_since_s = now_s if seat.behind_since_s is None else seat.behind_since_s
            if now_s - seat.behind_since_s > BEHIND_LIMIT_S:
                seat.viewer.abort()
            return
        seat.needs_key = False
        seat.behind_since_s = None
        seat.viewer.send(unit)

    def _spoilt(self, unit: PackedUnit) -> PackedUnit:
        """Return the unit as this camera sends it: the shared one, or a copy with its faults."""
        packets: Sequence[bytes] = unit.packets
        if self.behaviour.bad_sps:
            packets = [self._with_bad_sps(packet) for packet in packets]
        if self.behaviour.clock_jump_s:
            packets = [self._moved(packet) for packet in packets]
        if self.behaviour.loss:
            packets = [packet for packet in packets if self._dice.random() >= self.behaviour.loss]
        return unit if packets is unit.packets else PackedUnit(packets, is_key=unit.is_key)

    def _with_bad_sps(self, packet: bytes) -> bytes:
        return packet[:_RTP_HEADER_BYTES] + spoilt(packet[_RTP_HEADER_BYTES:], self.clip.codec)

    def _moved(self, packet: bytes) -> bytes:
        ticks = (int.from_bytes(packet[4:8]) + self._moved_ticks()) & 0xFFFFFFFF
        return packet[:4] + ticks.to_bytes(4) + packet[8:]

    def _moved_ticks(self) -> int:
        return round(self.behaviour.clock_jump_s * CLOCK_HZ)
