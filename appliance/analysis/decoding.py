"""Access units to pictures. A key frame needs no other, so cameras of one codec and size share a decoder for theirs.

A camera whose every frame is decoded has a decoder of its own, as its frames build on one another.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any, cast

import av
import cv2
import numpy as np
from av.codec.context import ThreadType

from appliance.analysis.finding import Picture
from appliance.local import FrameHeader
from federation.messages import Box

av.logging.set_level(None)  # its log callback can deadlock under threads

IDLE_S = 30.0
MOST_DECODERS = 64
"""Of all kinds together; a decoder of 1080p takes some 12 MB."""

WIDEST_EVIDENCE_PX = 1920
JPEG_QUALITY = 85
_NAMES = {"h264": "h264", "h265": "hevc", "mjpeg": "mjpeg"}

# Codec and size of those who share; a camera whose every frame is decoded has one of its own.
_Key = tuple[str, int, int, str]


class CannotDecode(Exception):
    """An access unit is damaged, or does not follow on what was decoded before."""


@dataclass(kw_only=True)
class _Decoder:
    context: "av.VideoCodecContext"
    used_s: float
    sequence: int = 0  # of the access unit that was decoded last, for a camera's own decoder
    session: int = 0


class DecoderPool:
    """Decodes for all cameras. Threads may call it at the same time; one camera's frames come one after the other."""

    def __init__(self) -> None:
        """Start without decoders."""
        self._lock = threading.Lock()
        self._idle: dict[_Key, list[_Decoder]] = {}

    def __len__(self) -> int:
        """Return how many decoders there are that nobody uses at this moment."""
        return sum(map(len, self._idle.values()))

    def key_frame(self, codec: str, payload: bytes, *, size: tuple[int, int] = (0, 0)) -> Picture:
        """Return the picture of a key access unit as BGR, `size` being its width and height; raise CannotDecode."""
        key = (codec, *size, "")
        decoder = self._take(key)
        frames = self._decode(decoder, payload, last=True)
        self._give_back(key, decoder)
        if not frames:
            raise CannotDecode("the access unit holds no whole picture")
        return _bgr(frames[0])

    def next_frame(self, header: FrameHeader, payload: bytes, *, shown: bool) -> Picture | None:
        """Decode the next access unit of a camera whose every frame is decoded; return the picture if it is `shown`.

        After a gap everything is refused up to the next key frame. Raises CannotDecode.
        """
        key = (header.codec, header.width_px, header.height_px, header.point_id)
        decoder = self._take(key)
        follows = decoder.session == header.session and decoder.sequence + 1 == header.sequence
        if not follows and not header.key:
            self._give_back(key, decoder)
            raise CannotDecode("frames before this one are missing")
        if not follows:
            decoder.context.flush_buffers()
        frames = self._decode(decoder, payload, last=False)
        decoder.session, decoder.sequence = header.session, header.sequence
        self._give_back(key, decoder)
        return _bgr(frames[-1]) if shown and frames else None

    def sweep(self, now_s: float) -> None:
        """Drop decoders that nobody has used for some time."""
        with self._lock:
            for key, items in list(self._idle.items()):
                self._keep(key, [item for item in items if now_s - item.used_s <= IDLE_S])

    def _decode(self, decoder: _Decoder, payload: bytes, *, last: bool) -> list["av.VideoFrame"]:
        """Return the pictures that an access unit completes; with `last` nothing is kept for a following one."""
        try:
            frames = decoder.context.decode(av.Packet(payload))
            if last:
                frames = frames or decoder.context.decode(None)
                decoder.context.flush_buffers()
        except (av.FFmpegError, ValueError, EOFError) as error:
            raise CannotDecode(str(error)) from error
        return frames

    def _take(self, key: _Key) -> _Decoder:
        with self._lock:
            items = self._idle.get(key)
            if items:
                decoder = items.pop()
                self._keep(key, items)
                return decoder
        return _Decoder(context=_open(key[0]), used_s=0.0)

    def _give_back(self, key: _Key, decoder: _Decoder) -> None:
        decoder.used_s = time.monotonic()
        with self._lock:
            self._idle.setdefault(key, []).append(decoder)
            while len(self) > MOST_DECODERS:
                oldest = min(self._idle, key=lambda each: self._idle[each][0].used_s)
                self._keep(oldest, self._idle[oldest][1:])

    def _keep(self, key: _Key, items: list[_Decoder]) -> None:
        """Let these be the idle decoders of one kind, those that were used last at the end."""
        if items:
            self._idle[key] = items
        else:
            self._idle.pop(key, None)


def _bgr(frame: "av.VideoFrame") -> Picture:
    return cast("Picture", frame.to_ndarray(format="bgr24"))


def cropped(picture: Picture, region: Box) -> Picture:
    """Return the part of a picture that `region` names, at least one px wide and high."""
    height, width = picture.shape[:2]
    left, top = min(int(region.x * width), width - 1), min(int(region.y * height), height - 1)
    right = max(left + 1, round((region.x + region.width) * width))
    bottom = max(top + 1, round((region.y + region.height) * height))
    return picture[top:bottom, left:right]


def jpeg(picture: Picture, *, widest_px: int = WIDEST_EVIDENCE_PX) -> tuple[bytes, int, int]:
    """Return the picture as JPEG of at most `widest_px` width, with its width and height in px."""
    height, width = picture.shape[:2]
    if width > widest_px:
        size = (widest_px, round(height * widest_px / width))
        picture = cast("Picture", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        height, width = picture.shape[:2]
    done, buffer = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        msg = "the picture could not be written as JPEG"
        raise CannotDecode(msg)
    return cast("Any", np.asarray(buffer)).tobytes(), width, height


def _open(codec: str) -> "av.VideoCodecContext":
    context = cast("av.VideoCodecContext", av.CodecContext.create(_NAMES[codec], "r"))
    context.thread_count = 1
    context.thread_type = ThreadType.SLICE
    return context
