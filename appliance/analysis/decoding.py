"""Access units to pictures. A key frame needs no other, so cameras of one codec and size share a decoder for theirs.

A camera whose every frame is decoded has a decoder of its own, as its frames build on one another.
"""

import itertools
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import cv2
import numpy as np
from av.codec.context import ThreadType
from av.codec.hwaccel import HWAccel

from appliance.analysis.finding import Picture
from appliance.local import FrameHeader
from federation.messages import Box

log = logging.getLogger(__name__)

av.logging.set_level(None)  # its log callback can deadlock under threads

IDLE_S = 30.0
MOST_DECODERS = 64
"""Of all kinds together; a decoder of 1080p takes some 12 MB."""

WIDEST_EVIDENCE_PX = 1920
JPEG_QUALITY = 85
_NAMES = {"h264": "h264", "h265": "hevc", "mjpeg": "mjpeg"}
_ON_CARDS = frozenset({"h264", "h265"})
_SHARED_CONTEXT = 1
"""FFmpeg's AV_CUDA_USE_PRIMARY_CONTEXT: a context for every decoder would take a second and 500 MB each."""

# What PyAV raises where there is no such card, no decoder on it, or no room.
_REFUSED = (av.FFmpegError, NotImplementedError, RuntimeError)
TRIAL_PX = 256
"""The smallest picture that every card of this century decodes is 146 px wide."""

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

    def __init__(self, *, cards: tuple[int, ...] = ()) -> None:
        """Start without decoders; those `cards` are used in turn that can decode, and else the cores."""
        able = tuple(card for card in cards if decodes(card))
        self.on_cards = bool(able)
        self._cards = itertools.cycle(able)
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
        return _Decoder(context=self._open(key[0], own=bool(key[3])), used_s=0.0)

    def _open(self, codec: str, *, own: bool) -> "av.VideoCodecContext":
        """Open a decoder: on a card for a camera's own, as single key frames are cheaper on the cores."""
        if own and self.on_cards and codec in _ON_CARDS:
            with suppress(*_REFUSED):  # there is no room on it at this moment
                return open_decoder(codec, card=next(self._cards))
        return open_decoder(codec)

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


def open_decoder(codec: str, *, card: int | None = None) -> "av.VideoCodecContext":
    """Return a decoder of one thread, or one on a card whose pictures come back into memory."""
    way = (
        None
        if card is None
        else HWAccel("cuda", device=str(card), flags=_SHARED_CONTEXT, allow_software_fallback=False)
    )
    context = cast("av.VideoCodecContext", av.CodecContext.create(_NAMES[codec], "r", hwaccel=way))
    context.thread_count = 1
    context.thread_type = ThreadType.SLICE
    return context


def decodes(card: int) -> bool:
    """Return whether the card decodes: a grey picture of H.264 is tried."""
    try:
        context = open_decoder("h264", card=card)
        frames = [*context.decode(av.Packet(_grey_key_frame())), *context.decode(None)]
        return bool(frames) and _bgr(frames[0]).shape[1] == TRIAL_PX
    except _REFUSED as error:
        log.warning("card %d decodes nothing, the cores do: %s", card, error)
        return False


def _grey_key_frame() -> bytes:
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.framerate = TRIAL_PX, TRIAL_PX, "yuv420p", Fraction(1)
    picture = av.VideoFrame.from_ndarray(np.full((TRIAL_PX, TRIAL_PX, 3), 128, np.uint8), format="bgr24")
    return b"".join(bytes(packet) for packet in (*context.encode(picture), *context.encode(None)))
