"""How much of each camera is decoded: key frames, or all where key frames are too rare to show what happens."""

from dataclasses import dataclass

from appliance.local import DecodeLevel, FrameHeader

LONG_GOP_S = 4.0
"""Key frames further apart than this ("smart" codecs reach ten seconds and more) are not enough to judge by."""

_CLOCK_HZ = 90_000


@dataclass(kw_only=True)
class _Seen:
    """What is known of one camera's key frames; times are monotonic seconds."""

    asked_s: float
    session: int = 0
    key_ticks: int = 0
    key_s: float | None = None
    gop_s: float = 0.0


class Levels:
    """Chooses the level of every camera by the distance of its key frames."""

    def __init__(self) -> None:
        """Start with nothing known."""
        self._seen: dict[str, _Seen] = {}

    def note(self, header: FrameHeader, now_s: float) -> None:
        """Note an access unit of a camera."""
        seen = self._seen.setdefault(header.point_id, _Seen(asked_s=now_s))
        if not header.key:
            return
        if seen.key_s is not None and header.session == seen.session:
            seen.gop_s = max(0.0, (header.rtp_time - seen.key_ticks) / _CLOCK_HZ)
        seen.session, seen.key_ticks, seen.key_s = header.session, header.rtp_time, now_s

    def choose(self, points: frozenset[str], now_s: float) -> dict[str, DecodeLevel]:
        """Return the level of each of the wanted cameras; what is known of others is forgotten."""
        self._seen = {point: self._seen.get(point, _Seen(asked_s=now_s)) for point in points}
        return {point: _level(seen, now_s) for point, seen in self._seen.items()}

    def gop_s(self, point_id: str) -> float:
        """Return the distance of a camera's key frames in seconds, 0 while unknown."""
        seen = self._seen.get(point_id)
        return seen.gop_s if seen is not None else 0.0


def _level(seen: _Seen, now_s: float) -> DecodeLevel:
    if seen.gop_s > LONG_GOP_S:
        return DecodeLevel.FULL
    waits_since_s = seen.asked_s if seen.key_s is None else seen.key_s
    return DecodeLevel.FULL if now_s - waits_since_s > LONG_GOP_S else DecodeLevel.KEYFRAME
