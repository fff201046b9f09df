"""An event: what an algorithm saw at a point, with CloudEvents 1.0 attribute names."""

from pydantic import AwareDatetime, Field

from federation.messages.geometry import Box, Polygon, Share
from federation.messages.identifiers import Digest, PresetToken, Slug
from federation.messages.presence import ClockState
from federation.messages.wire import WireModel


class Detection(WireModel):
    """One thing found in the picture of an event."""

    label: str = Field(min_length=1, max_length=64)
    score: Share
    box: Box


class EvidenceRef(WireModel):
    """A picture that proves an event; its bytes travel by HTTP and are known by their digest."""

    digest: Digest
    media_type: str = "image/jpeg"
    size_bytes: int = Field(gt=0, le=32 * 2**20)
    width_px: int = Field(gt=0, le=16384)
    height_px: int = Field(gt=0, le=16384)


class EventData(WireModel):
    """What is particular to Fengsui in an event."""

    point_id: Slug
    task_id: str
    generation: int = Field(ge=1, description="fencing number of the task's placement")
    algorithm_id: str
    algorithm_version: str
    score: Share
    detections: tuple[Detection, ...] = Field(default=(), max_length=256)
    region: Polygon | None = None
    preset: PresetToken | None = Field(
        default=None, description="at which preset of the camera it was judged; absent: at none, or it is not known"
    )
    preset_name: str = Field(default="", max_length=64, description="as the camera calls it; empty where not known")
    dwell_s: float = Field(default=0.0, ge=0, description="how long it lasted when reported, in s")
    detected_at: AwareDatetime = Field(description="when the rule fired, on the appliance's clock")
    clock: ClockState = Field(default=ClockState.SYNCHRONISED, description="how far the times can be believed")
    evidence: tuple[EvidenceRef, ...] = Field(default=(), max_length=8)


class Event(WireModel):
    """One event. `time` is when the frame reached the appliance."""

    id: str = Field(description="UUIDv7", min_length=36, max_length=36)
    source: Slug = Field(description="the node that saw it")
    type: str = Field(description="event code, unique in the repository", min_length=1, max_length=128)
    time: AwareDatetime
    specversion: str = "1.0"
    data: EventData
