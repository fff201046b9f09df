"""Orders of snapshots as plain values, and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from federation.captures import FRESH_S, TAKEN_WITHIN_S
from federation.messages import Want, WayAim


class Origin(StrEnum):
    """Who wants a picture, the most urgent first."""

    SYNC = "sync"  # somebody waits for it
    ASYNC = "async"  # somebody asks later
    PLAN = "plan"


Pauses = Mapping[Origin, tuple[float, ...]]
"""Between the attempts at an order, in s; the attempt after the last of them is the last."""

PAUSES_S: Pauses = {Origin.SYNC: (), Origin.ASYNC: (5.0, 20.0, 60.0), Origin.PLAN: (5.0,)}
"""Who waits is told the first reason; a plan comes again soon by itself."""


FINAL_CODES = frozenset(
    {"unknown_camera", "unknown_preset", "cannot_turn", "device_cannot", "device_refuses_credentials"}
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """One picture that is wanted. One that is at most `fresh_s` old will do; an attempt takes at most `within_s`.

    A camera that is turned for it rests for `dwell_s` first.

    `attempts` have failed so far. Its picture goes on to a service if it is to be `delivered`, to an algorithm if it is
    to be `analysed`; the hub learns what became of it if it is `for_hub`.
    """

    id: str
    point_id: str
    want: Want
    origin: Origin
    asked_at: datetime
    plan_id: str = ""
    fresh_s: float = FRESH_S
    dwell_s: float = 0.0
    within_s: float = TAKEN_WITHIN_S
    attempts: int = 0
    delivered: bool = False
    analysed: bool = False
    for_hub: bool = False

    @cached_property
    def key(self) -> tuple[str, str]:
        """What is the same with all orders that one picture serves; a way to turn is gone for each of them."""
        return self.point_id, self.id if isinstance(self.want.aim, WayAim) else self.want.model_dump_json()


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A picture that was taken: JPEG, its size in px, and when the camera's picture reached the box."""

    content: bytes
    width_px: int
    height_px: int
    taken_at: datetime


class NotTaken(Exception):
    """There is no picture. `code` is stable, where it can be the one of the camera's health; the text is for people."""

    def __init__(self, code: str, detail: str) -> None:
        """Describe why by a stable `code` and a sentence."""
        super().__init__(detail)
        self.code = code

    @classmethod
    def because(cls, reason: str) -> "NotTaken":
        """Return the error for a camera's `reason`, which is a code, a colon and a sentence."""
        code, _, detail = reason.partition(": ")
        return cls(code, detail or code)

    @property
    def reason(self) -> str:
        """Code and sentence in one line."""
        return f"{self.code}: {self}"

    @property
    def is_final(self) -> bool:
        """Whether another attempt would fail in the same way."""
        return self.code in FINAL_CODES
