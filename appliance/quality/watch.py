"""One camera's picture under watch: what is suspected becomes a fault when it stays, and ends when it stays away."""

from collections import Counter
from datetime import datetime, timedelta

from appliance.quality.diagnosis import suspicions
from appliance.quality.measures import Measures, Picture, measure
from appliance.quality.reference import Reference, learned
from federation.messages import PictureFault, PictureReport

SAID_AFTER = 3
"""Pictures in a row that must show a fault, half a minute: a lorry before the lens, or one odd picture, is none."""

FROZEN_AFTER = 6
"""A minute: a picture in which nothing moves is normal at night, and its noise may be filtered away for a while."""

GONE_AFTER = 3
"""Pictures in a row that must not show it any more."""

ADOPTED_AFTER = timedelta(minutes=30)
"""So long a scene that has changed stays a fault; then it is taken for what the camera shall show."""

GREY_CHROMA, GREY_VARIETY = 2.0, 2.0
"""At night many cameras see infrared, in grey, and materials look otherwise: that scene has a reference of its own."""


class Watch:
    """Follows one camera. One that `can_turn` shows many scenes: its pictures are held against no reference."""

    def __init__(self, *, can_turn: bool = False) -> None:
        """Start with nothing known."""
        self._can_turn = can_turn
        self.report: PictureReport | None = None
        self._references: dict[bool, Reference] = {}
        self._before: Measures | None = None
        self._shown: Counter[PictureFault] = Counter()  # pictures in a row that show it
        self._gone: Counter[PictureFault] = Counter()  # pictures in a row that do not show a fault that was said
        self._since: dict[PictureFault, datetime] = {}

    def look(self, picture: Picture, at: datetime) -> PictureReport:
        """Look at the next picture, taken `at` an aware moment, seconds after the last; return what is wrong now."""
        seen = measure(picture)
        grey = seen.chroma < GREY_CHROMA and seen.variety < GREY_VARIETY
        suspected = suspicions(seen, self._before, self._references.get(grey))
        self._before = seen
        self._settle(suspected, at)
        if not suspected and not self._can_turn and PictureFault.MOVED not in self._since:
            self._references[grey] = learned(self._references.get(grey), seen)
        self._adopt(at)
        faults = tuple(fault for fault in PictureFault if fault in self._since)
        since = min((self._since[fault] for fault in faults), default=None)
        self.report = PictureReport(faults=faults, since=since, checked_at=at)
        return self.report

    def _settle(self, suspected: frozenset[PictureFault], at: datetime) -> None:
        for fault in PictureFault:
            if fault in suspected:
                self._shown[fault] += 1
                self._gone[fault] = 0
                if self._shown[fault] >= (FROZEN_AFTER if fault is PictureFault.FROZEN else SAID_AFTER):
                    self._since.setdefault(fault, at)
            else:
                self._shown[fault] = 0
                self._gone[fault] += 1
                if self._gone[fault] >= GONE_AFTER:
                    self._since.pop(fault, None)

    def _adopt(self, at: datetime) -> None:
        since = self._since.get(PictureFault.MOVED)
        if since is not None and at - since >= ADOPTED_AFTER:
            self._references.clear()


def first_look(picture: Picture) -> tuple[PictureFault, ...]:
    """Return what is suspected of the first picture of a camera, of which nothing else is known."""
    suspected = suspicions(measure(picture), None, None)
    return tuple(fault for fault in PictureFault if fault in suspected)
