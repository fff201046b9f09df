"""Coded pictures for tests: what a camera sends, made by real encoders."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any, cast

import av
import av.bitstream
import numpy as np

from appliance.mp4.fragments import nal_bounds
from appliance.mp4.track import TIMESCALE
from appliance.streams.access_unit import AccessUnit, Codec, CodecParameters
from appliance.streams.rtp.nal import Syntax, codec_parameters

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)  # what is older than a month is removed

_ENCODERS = {"h264": "libx264", "h265": "libx265"}


@cache
def coded(
    codec: Codec = "h264",
    *,
    seconds: float = 4.0,
    fps: int = 10,
    gop: int = 10,
    b_frames: int = 0,
    width_px: int = 320,
    height_px: int = 192,
    session: int = 1,
) -> tuple[AccessUnit, ...]:
    """Return access units in decoding order; the first is a key frame at tick 900,000 and `START`."""
    context = cast("av.VideoCodecContext", av.CodecContext.create(_ENCODERS[codec], "w"))
    context.width, context.height, context.pix_fmt = width_px, height_px, "yuv420p"
    context.framerate = Fraction(fps)
    context.options = _options(codec, gop, b_frames)
    packets: list[av.Packet[Any]] = []
    for number in range(round(seconds * fps)):
        packets += context.encode(_picture(number, width_px, height_px))
    packets += context.encode(None)
    parameters = _parameters(codec, bytes(packets[0]))
    return tuple(
        AccessUnit(
            point_id="p1",
            parameters=parameters,
            session=session,
            sequence=index + 1,
            key=packet.is_keyframe,
            pts=10 * TIMESCALE + (packet.pts or 0) * TIMESCALE // fps,
            payload=bytes(packet),
            arrived_s=index / fps,
            arrived_at=START + timedelta(seconds=index / fps),
        )
        for index, packet in enumerate(packets)
    )


def later(units: Sequence[AccessUnit], *, by_s: float, session: int | None = None) -> list[AccessUnit]:
    """Return the same pictures `by_s` seconds later, by their ticks and by the clock."""
    return [
        replace(
            unit,
            pts=unit.pts + round(by_s * TIMESCALE),
            sequence=unit.sequence + len(units),
            session=session or unit.session,
            arrived_s=unit.arrived_s + by_s,
            arrived_at=unit.arrived_at + timedelta(seconds=by_s),
        )
        for unit in units
    ]


def _parameters(codec: Codec, first: bytes) -> CodecParameters:
    syntax = Syntax.of(codec)
    units = [first[start:stop] for start, stop in nal_bounds(first)]
    return codec_parameters(codec, tuple(unit for unit in units if syntax.type_of(unit[0]) in syntax.set_types))


def _picture(number: int, width_px: int, height_px: int) -> av.VideoFrame:
    shade = np.tile(np.linspace(40, 200, width_px, dtype=np.uint8), (height_px * 3 // 2, 1))
    shade[:height_px, number * 7 % (width_px - 32) :][:, :32] = 235
    shade[height_px:] = 128
    frame = av.VideoFrame.from_ndarray(shade, format="yuv420p")
    frame.pts = number
    return frame


def _options(codec: Codec, gop: int, b_frames: int) -> dict[str, str]:
    if codec == "h264":
        return {"preset": "ultrafast", "g": str(gop), "bf": str(b_frames), "sc_threshold": "0", "forced-idr": "1"}
    settings = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:bframes={b_frames}:log-level=none:repeat-headers=1"
    return {"preset": "ultrafast", "x265-params": settings}
