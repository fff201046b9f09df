"""Looks where cameras look: those that a person has turned, and those for whose presets something is drawn."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.capture.heads import SAME, Head, Heads
from appliance.capture.order import NotTaken
from appliance.capture.views import distance
from appliance.onvif import Position

TICK_S = 0.2
WATCHED_EVERY_S = 1.0
"""A camera that somebody else turns is seen to turn within so long."""

BEGINS_WITHIN_S = 0.6
"""A camera that was told to turn begins to within so long: before, that it stands still says nothing."""

ASKED_AGAIN_AFTER_S = 30.0
PRESETS_EVERY_S = 300.0
AT_ONCE = 16


@dataclass(kw_only=True)
class _Look:
    """The last look at a camera; `until_s` is when to look again."""

    until_s: float
    position: Position | None = None
    turns: int = 0
    presets_s: float = 0.0


@dataclass(kw_only=True)
class Watcher:
    """Notes on the board of `heads` where cameras come to rest; a snapshot that turns one notes it itself.

    One that was turned and does not tell where it looks is taken to rest after `rests_after_s`.
    """

    heads: Heads
    watched: Callable[[], frozenset[str]]
    rests_after_s: float = 20.0
    _looks: dict[str, _Look] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                for point_id, head in self._due(time.monotonic()):
                    self._busy.add(point_id)
                    group.create_task(self._look(point_id, head), name=f"look at {point_id}")
                await asyncio.sleep(TICK_S)

    def _due(self, now_s: float) -> list[tuple[str, Head]]:
        points = self.watched() | self.heads.views.turning
        self._looks = {point_id: look for point_id, look in self._looks.items() if point_id in points}
        found = [(point_id, head) for point_id in points - self._busy if (head := self.heads.known(point_id))]
        free = [(point_id, head) for point_id, head in found if self._is_free(head, now_s)]
        due = sorted(free, key=lambda one: self._looks[one[0]].until_s if one[0] in self._looks else 0.0)
        return [one for one in due[: AT_ONCE - len(self._busy)] if self._is_due(one[0], now_s)]

    def _is_free(self, head: Head, now_s: float) -> bool:
        return not head.lock.locked() and now_s - head.sent_s >= BEGINS_WITHIN_S

    def _is_due(self, point_id: str, now_s: float) -> bool:
        look = self._looks.get(point_id)
        return look is None or look.until_s <= now_s

    async def _look(self, point_id: str, head: Head) -> None:
        before = self._looks.get(point_id) or _Look(until_s=0.0)
        turns = head.turns
        try:
            if before.presets_s <= time.monotonic():
                found = await self.heads.presets(head)
                head.spots.told = {each.token: each.position for each in found if each.position}
                before.presets_s = time.monotonic() + PRESETS_EVERY_S
            position, moves = await head.look()
        except NotTaken as why:
            self._not_told(point_id, head, why)
        else:
            if head.turns == turns and not head.lock.locked():
                self._told(point_id, head, before, None if moves else position)
        finally:
            self._busy.discard(point_id)

    def _told(self, point_id: str, head: Head, before: _Look, position: Position | None) -> None:
        """Take what a camera says: where it stands, or with None that it moves."""
        known = before.position if before.turns == head.turns else None
        stands = position is not None and known is not None and distance(position, known) <= SAME
        if position is not None and stands:
            self.heads.rests(head, position)
        elif position is None or known is not None:
            self.heads.moves(head)
        pause_s = WATCHED_EVERY_S if stands else TICK_S
        until_s = time.monotonic() + pause_s
        self._looks[point_id] = _Look(until_s=until_s, position=position, turns=head.turns, presets_s=before.presets_s)

    def _not_told(self, point_id: str, head: Head, why: NotTaken) -> None:
        """Bear with a camera that does not tell; one that was turned is taken to rest after a while."""
        now_s = time.monotonic()
        turning = point_id in self.heads.views.turning
        if turning and now_s - head.sent_s >= self.rests_after_s:
            self.heads.rests(head, None)
        late = not turning and why.code == "device_cannot"
        self._looks[point_id] = _Look(until_s=now_s + (ASKED_AGAIN_AFTER_S if late else WATCHED_EVERY_S))
