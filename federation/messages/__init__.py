"""Every message that crosses the network between appliance and hub, as frozen pydantic models."""

from federation.messages.calendar import Calendar, Window
from federation.messages.custody import Ack, Batch, Hello, Lane
from federation.messages.desired import CameraSpec, DesiredState, PackageRef, TaskSpec
from federation.messages.event import Detection, Event, EventData, EvidenceRef
from federation.messages.geometry import Box, Polygon
from federation.messages.identifiers import DIGEST_PATTERN, SLUG_PATTERN, Digest, Site, Slug, new_id
from federation.messages.presence import Presence
from federation.messages.reported import (
    CameraReport,
    CameraState,
    LaneReport,
    ReportedState,
    TaskReport,
    TaskState,
)
from federation.messages.wire import WireModel

__all__ = [
    "DIGEST_PATTERN",
    "SLUG_PATTERN",
    "Ack",
    "Batch",
    "Box",
    "Calendar",
    "CameraReport",
    "CameraSpec",
    "CameraState",
    "DesiredState",
    "Detection",
    "Digest",
    "Event",
    "EventData",
    "EvidenceRef",
    "Hello",
    "Lane",
    "LaneReport",
    "PackageRef",
    "Polygon",
    "Presence",
    "ReportedState",
    "Site",
    "Slug",
    "TaskReport",
    "TaskSpec",
    "TaskState",
    "Window",
    "WireModel",
    "new_id",
]
