"""Key frames to pictures, by decoders that are shared by all cameras of one codec and size."""

import threading
from collections import OrderedDict
from typing import Any, cast

import av
import cv2
import numpy as np
from av.codec.context import ThreadType

from appliance.analysis.finding import Picture
from appliance.streams.rtp.nal import Syntax

av.logging.set_level(None)  # its log callback can deadlock under threads

DECODERS = 8
WIDEST_EVIDENCE_PX = 1920
JPEG_QUALITY = 85
SETS_WITHIN_BYTES = 4096
_NAMES = {"h264": "h264", "h265": "hevc"}


class CannotDecode(Exception):
    """An access unit is damaged, or is no key frame."""


class KeyFrameDecoder:
    """Decodes key frames, each by itself. Threads may call `decode` at the same time.

    A key frame brings its parameter sets along, so one decoder serves every camera that shares
    codec and parameter sets; at most `DECODERS` are kept, the least recently used goes first.
    """

    def __init__(self) -> None:
        """Start without decoders."""
        self._lock = threading.Lock()
        self._contexts: OrderedDict[tuple[str, bytes], av.VideoCodecContext] = OrderedDict()

    def decode(self, codec: str, payload: bytes) -> Picture:
        """Return the picture of an Annex B key access unit as BGR; raise CannotDecode."""
        key = (codec, parameter_sets(codec, payload))
        with self._lock:
            context = self._contexts.pop(key, None) or _open(codec)
        try:
            frames = context.decode(av.Packet(payload))
            frames = frames or context.decode(None)
            context.flush_buffers()
        except (av.FFmpegError, ValueError, EOFError) as error:
            raise CannotDecode(str(error)) from error
        if not frames:
            raise CannotDecode("the access unit holds no whole picture")
        self._keep(key, context)
        return cast("Picture", frames[0].to_ndarray(format="bgr24"))

    def _keep(self, key: tuple[str, bytes], context: "av.VideoCodecContext") -> None:
        with self._lock:
            self._contexts[key] = context
            while len(self._contexts) > DECODERS:
                self._contexts.popitem(last=False)


def parameter_sets(codec: str, payload: bytes) -> bytes:
    """Return the parameter sets at the head of a key access unit, which tell kinds of streams apart."""
    syntax = Syntax.of("h264" if codec == "h264" else "h265")
    units = payload[:SETS_WITHIN_BYTES].split(b"\0\0\1")
    return b"".join(unit for unit in units if unit and syntax.type_of(unit[0]) in syntax.set_types)


def jpeg(picture: Picture) -> tuple[bytes, int, int]:
    """Return the picture as JPEG of at most 1920 px width, with its width and height in px."""
    height, width = picture.shape[:2]
    if width > WIDEST_EVIDENCE_PX:
        size = (WIDEST_EVIDENCE_PX, round(height * WIDEST_EVIDENCE_PX / width))
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
