"""Access units: what every consumer of a camera gets, with all that a muxer or a decoder needs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Codec = Literal["h264", "h265", "mjpeg"]

CLOCK_HZ = 90_000
"""Ticks of `AccessUnit.pts` in a second, for every codec and source."""

PARAMETER_SET_LIMIT_BYTES = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class CodecParameters:
    """What a decoder or a file header needs; units of a camera share one object until it changes.

    `sets` are NAL units without start codes in the order VPS, SPS, PPS; empty for MJPEG. The size is
    that of the shown picture in px, 0 while it is unknown.
    """

    codec: Codec
    sets: tuple[bytes, ...] = ()
    width_px: int = 0
    height_px: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessUnit:
    """One coded picture of a camera.

    `session` grows with every connection, `sequence` with every unit of the camera, also with those that
    are withheld: where numbers are missing, the next unit is a key unit. `pts` counts 90 kHz ticks of the
    camera's clock and is comparable within a session only. A key unit's payload begins with its parameter
    sets; H.264 and H.265 payloads are Annex B byte streams, MJPEG ones are JPEG files. `starts` are the places in the
    payload where its NAL units start, each behind a start code of four bytes; empty where nobody has counted them.
    """

    point_id: str
    parameters: CodecParameters
    session: int
    sequence: int
    key: bool
    pts: int
    payload: bytes
    arrived_s: float  # monotonic
    arrived_at: datetime
    sent_at: datetime | None = None  # by the camera's own clock, where it tells one (RTCP sender reports)
    starts: tuple[int, ...] = ()
