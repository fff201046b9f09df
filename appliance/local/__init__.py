"""What the processes of one appliance say to each other, over Unix sockets of mode 0600."""

from appliance.local.messages import (
    Answer,
    CameraDecoding,
    CameraTrial,
    DecodeLevel,
    EngineReport,
    FirstLook,
    FrameHeader,
    LocalEvent,
    LocalPackage,
    LocalPicture,
    ModelReport,
    PartReport,
    Plan,
    StreamsReport,
    VisionReport,
)

__all__ = [
    "Answer",
    "CameraDecoding",
    "CameraTrial",
    "DecodeLevel",
    "EngineReport",
    "FirstLook",
    "FrameHeader",
    "LocalEvent",
    "LocalPackage",
    "LocalPicture",
    "ModelReport",
    "PartReport",
    "Plan",
    "StreamsReport",
    "VisionReport",
]
