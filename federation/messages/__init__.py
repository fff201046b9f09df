"""Every message that crosses the network between appliance and hub, as frozen pydantic models."""

from federation.messages.calendar import Calendar, Window
from federation.messages.custody import (
    BATCH_ROWS,
    EXACT_LANES,
    Ack,
    Batch,
    ExactLane,
    Hello,
    Lane,
    Promise,
    Tombstone,
    batch_bytes,
)
from federation.messages.desired import CameraSpec, DesiredState, PackageRef, StreamUrl, TaskSpec
from federation.messages.enrolment import Enrolled, EnrolmentRequest, Issued, RenewalRequest
from federation.messages.event import Detection, Event, EventData, EvidenceRef
from federation.messages.geometry import Box, Polygon
from federation.messages.identifiers import DIGEST_PATTERN, SLUG_PATTERN, Digest, Site, Slug, new_id
from federation.messages.presence import Presence
from federation.messages.recording import RecordingReport, RecordingSpec, RecordingState
from federation.messages.reported import (
    CameraReport,
    CameraState,
    LaneReport,
    ReportedState,
    TaskReport,
    TaskState,
)
from federation.messages.result import Result, ResultData
from federation.messages.wire import WireModel

__all__ = [
    "BATCH_ROWS",
    "DIGEST_PATTERN",
    "EXACT_LANES",
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
    "Enrolled",
    "EnrolmentRequest",
    "Event",
    "EventData",
    "EvidenceRef",
    "ExactLane",
    "Hello",
    "Issued",
    "Lane",
    "LaneReport",
    "PackageRef",
    "Polygon",
    "Presence",
    "Promise",
    "RecordingReport",
    "RecordingSpec",
    "RecordingState",
    "RenewalRequest",
    "ReportedState",
    "Result",
    "ResultData",
    "Site",
    "Slug",
    "StreamUrl",
    "TaskReport",
    "TaskSpec",
    "TaskState",
    "Tombstone",
    "Window",
    "WireModel",
    "batch_bytes",
    "new_id",
]
