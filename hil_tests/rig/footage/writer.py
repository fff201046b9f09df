"""Write pictures as a video file that a virtual camera can play."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from hil_tests.rig.rtsp.nal import Codec

Picture = NDArray[np.uint8]
"""BGR picture of shape (height, width, 3), or I420 planes of shape (height * 3 / 2, width)."""

_ENCODERS: dict[Codec, str] = {"h264": "libx264", "h265": "libx265"}


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How to encode. Sizes are even; without `bit_rate` the encoder keeps the quality `crf` instead."""

    width_px: int
    height_px: int
    fps: Fraction
    gop_s: float = 1.0
    codec: Codec = "h264"
    preset: str = "superfast"
    crf: int = 24
    bit_rate: int | None = None
    threads: int = 1


def write_video(path: Path, pictures: Iterable[Picture], encoding: Encoding) -> int:
    """Write `pictures` to the MP4 file `path` through a temporary name; blocks. Return how many there were."""
    partial = path.with_suffix(".partial.mp4")
    count = 0
    with av.open(str(partial), "w", format="mp4") as container:
        stream = cast(
            "VideoStream",
            container.add_stream(_ENCODERS[encoding.codec], rate=encoding.fps, options=_options(encoding)),
        )
        stream.width, stream.height, stream.pix_fmt = encoding.width_px, encoding.height_px, "yuv420p"
        stream.codec_context.thread_count = encoding.threads
        if encoding.bit_rate is not None:
            stream.bit_rate = encoding.bit_rate
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24" if picture.ndim == 3 else "yuv420p")
            frame.pts, frame.time_base = count, 1 / encoding.fps
            container.mux(stream.encode(frame))
            count += 1
        container.mux(stream.encode())
    partial.replace(path)
    return count


def _options(encoding: Encoding) -> dict[str, str]:
    gop = max(1, round(encoding.gop_s * encoding.fps))
    options = {"preset": encoding.preset, "g": str(gop), "bf": "0"}
    if encoding.codec == "h264":
        options |= {"sc_threshold": "0", "forced-idr": "1", "keyint_min": str(gop)}
    else:
        options["x265-params"] = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:bframes=0:log-level=none"
    if encoding.bit_rate is None:
        options["crf"] = str(encoding.crf)
    return options
