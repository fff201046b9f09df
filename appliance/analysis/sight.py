"""One camera as vision sees it: which of its access units are decoded, and which pictures are shown to the judges."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.analysis.decoding import CannotDecode, DecoderPool
from appliance.analysis.finding import Picture
from appliance.local import CameraDecoding, DecodeLevel
from appliance.local.frames import AccessUnit

SHOWN_EVERY_S = 1.0
"""Of a camera whose every frame is decoded because its key frames are rare, so often one is shown."""

_CLOCK_HZ = 90_000


@dataclass(kw_only=True)
class Sight:
    """Decodes one camera. `see` runs on any thread, one access unit at a time or each a key frame."""

    point_id: str
    pool: DecoderPool
    level: DecodeLevel = DecodeLevel.KEYFRAME
    decoded: int = 0
    failed: int = 0
    _shown_session: int = 0
    _shown_ticks: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def see(self, unit: AccessUnit) -> Picture | None:
        """Decode one access unit; return its picture if it is to be judged. Counts what cannot be decoded."""
        header = unit.header
        try:
            if self.level is DecodeLevel.FULL:
                due = self._is_due(header.session, header.rtp_time)
                picture = self.pool.next_frame(header, unit.payload, shown=due)
                if picture is not None:
                    self._shown_session, self._shown_ticks = header.session, header.rtp_time
            elif header.key:
                picture = self.pool.key_frame(header.codec, unit.payload, size=(header.width_px, header.height_px))
            else:
                return None  # it was on its way when the level was lowered
        except CannotDecode:
            with self._counting:
                self.failed += 1
            return None
        with self._counting:
            self.decoded += 1
        return picture

    def report(self, gop_s: float) -> CameraDecoding:
        """Return what is decoded of the camera."""
        return CameraDecoding(
            point_id=self.point_id,
            level=self.level,
            gop_s=round(gop_s, 2),
            decoded=self.decoded,
            failed=self.failed,
        )

    def _is_due(self, session: int, ticks: int) -> bool:
        return session != self._shown_session or abs(ticks - self._shown_ticks) >= SHOWN_EVERY_S * _CLOCK_HZ


@dataclass(kw_only=True)
class Sights:
    """The sights of all cameras that are looked at; counts also those that are looked at no more."""

    pool: DecoderPool
    by_point: dict[str, Sight] = field(default_factory=dict)
    _former: Counter[str] = field(default_factory=Counter)

    @property
    def decoded(self) -> int:
        """Access units decoded since the process began."""
        return self._former["decoded"] + sum(sight.decoded for sight in self.by_point.values())

    @property
    def failed(self) -> int:
        """Access units that no decoder could use."""
        return self._former["failed"] + sum(sight.failed for sight in self.by_point.values())

    def adopt(self, levels: dict[str, DecodeLevel]) -> None:
        """Look at exactly these cameras, each at its level."""
        for point_id in set(self.by_point) - set(levels):
            gone = self.by_point.pop(point_id)
            self._former.update(decoded=gone.decoded, failed=gone.failed)
        for point_id, level in levels.items():
            sight = self.by_point.setdefault(point_id, Sight(point_id=point_id, pool=self.pool))
            sight.level = level

    def report(self, gop_s: Callable[[str], float]) -> tuple[CameraDecoding, ...]:
        """Return what is decoded of every camera."""
        return tuple(sight.report(gop_s(point_id)) for point_id, sight in self.by_point.items())
