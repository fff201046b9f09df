"""What a simulated camera is and does: where it looks, what it remembers, and how it misbehaves."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

UNITS_PER_S = 1.0  # how fast it turns, in its generic spaces


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the camera looks: pan and tilt from -1 to 1, zoom from 0 to 1."""

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0

    def bounded(self) -> "View":
        """Return the nearest view that the mechanics reach."""
        return View(pan=_within(self.pan, -1.0), tilt=_within(self.tilt, -1.0), zoom=_within(self.zoom, 0.0))

    def distance(self, other: "View") -> float:
        """Return the longest way of one axis to `other`."""
        return max(abs(self.pan - other.pan), abs(self.tilt - other.tilt), abs(self.zoom - other.zoom))


class Proof(StrEnum):
    """How the camera wants to know who asks."""

    TOKEN = "token"  # noqa: S105 - WS-Security's UsernameToken, no secret
    HTTP_DIGEST = "http_digest"
    EITHER = "either"


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What sort of camera it is; the defaults are those of a good one."""

    second_media: bool = True
    lists_services: bool = True
    turns: bool = True
    proof: Proof = Proof.EITHER
    clock_ahead: timedelta = timedelta()
    told_host: str = ""  # an address of its own that leads nowhere, as behind address translation
    answers: bytes | None = None  # given in the place of every answer
    pause_s: float = 0.0
    told_pan: str = ""  # in the place of its pan
    told_space: str = ""  # the space in which it says that its pan and tilt are


@dataclass(frozen=True, kw_only=True)
class OwnRecord:
    """What the camera has recorded itself, and the address at which it plays it."""

    token: str
    url: str
    first: datetime


@dataclass(kw_only=True)
class SimulatedCamera:
    """One camera's state; `stream_url` is where its video is, `picture` what it sees of a view."""

    name: str
    serial: str
    stream_url: str
    picture: Callable[[View], bytes]
    username: str = ""
    password: str = field(default="", repr=False)
    encoding: str = "H265"
    behaviour: Behaviour = field(default_factory=Behaviour)
    clock_s: Callable[[], float] = time.monotonic
    records: tuple[OwnRecord, ...] = ()
    presets: dict[str, tuple[str, View]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    _from: View = field(default_factory=View)
    _to: View = field(default_factory=View)
    _began_s: float = 0.0

    def view(self) -> View:
        """Return where the camera looks now."""
        way = self._from.distance(self._to)
        done = 1.0 if way == 0.0 else min(1.0, (self.clock_s() - self._began_s) * UNITS_PER_S / way)
        a, b = self._from, self._to
        return View(
            pan=a.pan + (b.pan - a.pan) * done,
            tilt=a.tilt + (b.tilt - a.tilt) * done,
            zoom=a.zoom + (b.zoom - a.zoom) * done,
        )

    @property
    def moving(self) -> bool:
        """Whether it has not come to rest."""
        return self.view().distance(self._to) > 1e-9

    def turn_to(self, view: View) -> None:
        """Begin to turn to a view."""
        self._from, self._to, self._began_s = self.view(), view.bounded(), self.clock_s()

    def turn_by(self, way: View) -> None:
        """Begin to turn by a way."""
        now = self.view()
        self.turn_to(View(pan=now.pan + way.pan, tilt=now.tilt + way.tilt, zoom=now.zoom + way.zoom))

    def keep_turning(self, speed: View, for_s: float) -> None:
        """Turn with a speed, in shares of the fastest, for some seconds."""
        way = UNITS_PER_S * for_s
        self.turn_by(View(pan=speed.pan * way, tilt=speed.tilt * way, zoom=speed.zoom * way))

    def stop(self) -> None:
        """Stay where it looks now."""
        now = self.view()
        self._from = self._to = now

    def become(self, **changes: Any) -> None:
        """Behave otherwise from now on; `changes` are fields of `Behaviour`."""
        self.behaviour = replace(self.behaviour, **changes)


def _within(value: float, lowest: float) -> float:
    return min(1.0, max(lowest, value))
