"""Which cameras are looked at when: each every few seconds, and only so many at one time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from appliance.local import FrameHeader
from appliance.quality.measures import Picture
from appliance.quality.watch import Watch
from federation.messages import CameraSpec, PictureReport

EVERY_S = 10.0
MOST_AT_ONCE = 16
"""Cameras whose next key frame is awaited: with more than about 160 each is looked at less often than `EVERY_S`."""

SLOT_S = 15.0
"""A camera that sends no key frame for so long lets the next one have its turn."""


@dataclass(kw_only=True)
class _Turn:
    watch: Watch
    due_s: float = 0.0
    waits_since_s: float | None = None
    looked_at: tuple[int, int] = (0, 0)  # session and sequence of the access unit


class Inspection:
    """All cameras under watch. `now_s` is monotonic; `show` may run on another thread than the rest."""

    def __init__(self) -> None:
        """Start without cameras."""
        self._turns: dict[str, _Turn] = {}
        self._news: dict[str, PictureReport] = {}

    def adopt(self, cameras: Iterable[CameraSpec]) -> None:
        """Watch those of the cameras that are always pulled; what is known of one that stays is kept."""
        turns = self._turns
        watched = [camera for camera in cameras if camera.pull == "always"]
        self._turns = {
            camera.point_id: turns.get(camera.point_id) or _Turn(watch=Watch(can_turn=camera.turns))
            for camera in watched
        }

    def awaited(self, now_s: float) -> frozenset[str]:
        """Return the cameras of which a key frame is wanted now, those that have waited longest first."""
        due = sorted((turn.due_s, point) for point, turn in self._turns.items() if turn.due_s <= now_s)
        chosen = [point for _, point in due[:MOST_AT_ONCE]]
        for point in chosen:
            turn = self._turns[point]
            if turn.waits_since_s is None:
                turn.waits_since_s = now_s
            elif now_s - turn.waits_since_s > SLOT_S:
                turn.due_s, turn.waits_since_s = now_s + EVERY_S, None
        return frozenset(chosen)

    def is_due(self, point_id: str, now_s: float) -> bool:
        """Tell whether the next picture of a camera is to be shown."""
        turn = self._turns.get(point_id)
        return turn is not None and turn.due_s <= now_s

    def show(self, header: FrameHeader, picture: Picture, now_s: float) -> None:
        """Look at a picture, if its camera is due and it is another one than last time; takes some milliseconds."""
        turn = self._turns.get(header.point_id)
        unit = (header.session, header.sequence)
        if turn is None or turn.due_s > now_s or unit == turn.looked_at:
            return
        turn.looked_at, turn.due_s, turn.waits_since_s = unit, now_s + EVERY_S, None
        self._news[header.point_id] = turn.watch.look(picture, header.received_at)

    def news(self) -> Mapping[str, PictureReport]:
        """Return what was found since `told`, by camera."""
        return dict(self._news)

    def told(self, news: Mapping[str, PictureReport]) -> None:
        """Forget what has been told."""
        for point, report in news.items():
            if self._news.get(point) is report:
                del self._news[point]
