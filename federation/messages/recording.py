"""What of a camera is recorded, and how its recording goes."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from federation.messages.calendar import Calendar
from federation.messages.wire import WireModel

OnvifUrl = Annotated[str, StringConstraints(pattern=r"^(https?://[^\s/@]+(/[^\s@]*)?)?$", max_length=300)]


class RecordingSpec(WireModel):
    """What of a camera is recorded, and for how long it is kept; by default nothing is recorded."""

    calendar: Calendar | None = Field(
        default=None, description="when everything is recorded: without windows always, absent never"
    )
    on_event: bool = Field(default=False, description="record around events where the calendar is closed")
    before_s: int = Field(default=5, ge=0, le=60, description="what an event's recording holds before the event")
    after_s: int = Field(default=30, ge=1, le=3600, description="what it holds after the last event")
    keep_days: int = Field(default=30, ge=1, le=3650, description="older recordings are removed, locked ones are not")
    backfill: bool = Field(default=False, description="fetch what an outage left out from the camera's own record")

    @property
    def records(self) -> bool:
        """Whether anything is ever recorded."""
        return self.calendar is not None or self.on_event


class RecordingState(StrEnum):
    """How the recording of a camera goes."""

    OFF = "off"  # nobody wants it
    WAITING = "waiting"  # outside its calendar
    ARMED = "armed"  # waits for an event; the seconds before it are held in memory
    STARTING = "starting"
    RECORDING = "recording"
    INTERRUPTED = "interrupted"  # the camera sends nothing that could be recorded
    PAUSED = "paused"  # the disk does not take it


class RecordingReport(WireModel):
    """How the recording of one camera goes; `reason` is a stable code with detail for people after a colon."""

    state: RecordingState
    reason: str = ""
    newest_age_s: float | None = Field(default=None, ge=0, description="age of the newest pictures on the disk")
    dropped: int = Field(default=0, ge=0, description="fragments that the disk did not take in time")
