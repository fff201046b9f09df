"""One picture as rules get it, and the interface of all rules."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from appliance.analysis.finding import Area, Finding, Picture
from federation.messages import Detection

State = TypeVar("State")


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """What was seen at the aware moment `at`.

    `ages_s`, if there are any, say of each detection how long it has been there, for what knows that better than a
    rule can. `areas` are what is known by more than boxes. `picture` is there for rules that compare.
    """

    at: datetime
    detections: tuple[Detection, ...] = ()
    ages_s: tuple[float, ...] = ()
    areas: tuple[Area, ...] = ()
    picture: Picture | None = None


class Rule(Protocol[State]):
    """One event of one task. Calls come in order of time."""

    def begin(self) -> State:
        """Return the state before the first picture."""

    def step(self, state: State, seen: Seen) -> tuple[State, tuple[Finding, ...]]:
        """Return the state after a picture, and what is to be reported of it; changes neither argument."""
