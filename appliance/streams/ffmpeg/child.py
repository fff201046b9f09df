"""In a child of the nursery: one camera, pulled by FFmpeg until its stream ends."""

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import av
import av.bitstream
import av.error
from av.video.stream import VideoStream

from appliance.streams.access_unit import CLOCK_HZ, PARAMETER_SET_LIMIT_BYTES, Codec
from appliance.streams.ffmpeg.wire import Began, Ended, Header, Pull, Shown
from appliance.streams.rtp.nal import Syntax

TIMEOUT_US = 4_000_000
MEMORY_LIMIT_BYTES = 4 << 30  # of addresses, which is far more than what is used
SETS_WITHIN_BYTES = 16 << 10
_CODECS: dict[str, Codec] = {"h264": "h264", "hevc": "h265", "mjpeg": "mjpeg"}
_FILTERS = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}
# FFmpeg's RTMP takes `timeout` as an order to listen. The others end a silent connection by it, none by `stimeout`.
_TIMEOUTS = {"rtmp": "rw_timeout", "rtmps": "rw_timeout"}

# By default FFmpeg looks at 5 s of a stream before it gives any of it away.
_SHORT_PROBE = {"analyzeduration": "500000", "probesize": "65536", "fpsprobesize": "0"}

_TIMELESS = "mpjpeg"  # JPEG pictures in a multipart document

Write = Callable[[Header, bytes], None]

av.logging.set_level(None)  # its log callback can deadlock, and would tell passwords


def pull(wanted: Pull, write: Write) -> None:
    """Write what the camera sends until that ends, and then why; raise OSError when nobody reads any more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    try:
        ended = _pull(wanted, write)
    except (av.error.FFmpegError, ValueError, MemoryError) as error:
        ended = _reason(error)
    write(ended, b"")


def _pull(wanted: Pull, write: Write) -> Ended:
    start = 0
    address, is_file = _address(wanted), wanted.folder is not None
    if address is None:
        return _refused("bad_address", "file: addresses name files in the folder of footage only")
    while True:
        with av.open(address, options={} if is_file else _options(wanted.url)) as container:
            if not container.streams.video:
                return Ended(kind="refused", code="no_video", detail="there is no video at this address")
            stream = container.streams.video[0]
            codec = _CODECS.get(stream.codec_context.name)
            if codec is None:
                detail = f"the camera offers {stream.codec_context.name}; H.264, H.265 or MJPEG is needed"
                return Ended(kind="refused", code="unsupported_codec", detail=detail)
            write(Began(codec=codec, transport=urlsplit(wanted.url).scheme), b"")
            start = _copy(container, stream, codec, write, start=start if is_file else None)
        if not is_file:
            return Ended(kind="unreachable", code="connection_lost", detail="the stream ended")


def _address(wanted: Pull) -> str | None:
    """Return what FFmpeg opens, credentials inside, which nobody is told; None for a file that is none of footage."""
    parts = urlsplit(wanted.url)
    if wanted.folder is not None:
        folder = Path(wanted.folder).resolve()
        path = (folder / unquote(parts.path).lstrip("/")).resolve()
        return str(path) if path.is_relative_to(folder) else None
    if not wanted.username:
        return wanted.url
    account = f"{quote(wanted.username, safe='')}:{quote(wanted.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{account}@{parts.netloc}"))


def _options(url: str) -> dict[str, str]:
    scheme = urlsplit(url).scheme
    options = {_TIMEOUTS.get(scheme, "timeout"): str(TIMEOUT_US), **_SHORT_PROBE}
    if scheme in {"rtsp", "rtsps"}:
        options["rtsp_transport"] = "tcp"
    return options


def _copy(
    container: "av.container.InputContainer", stream: VideoStream, codec: Codec, write: Write, *, start: int | None
) -> int:
    """Write every packet of the stream; a file that begins at the time `start` as fast as it was made.

    Returns the time after the last packet, in ticks.
    """
    scale = float(stream.time_base or 1) * CLOCK_HZ
    step = round(CLOCK_HZ / (stream.average_rate or 25))
    timeless = container.format.name == _TIMELESS  # FFmpeg makes times up for it
    began_s = time.monotonic()
    first: int | None = None
    after = start or 0
    for packet in _annex_b(container, stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if timeless:
            pts = round((time.monotonic() - began_s) * CLOCK_HZ)
        else:
            pts = round(stamp * scale) if stamp is not None else after
        if start is not None:
            first = pts if first is None else first
            time.sleep(max(0.0, began_s + (pts - first) / CLOCK_HZ - time.monotonic()))
            pts += start - first
        after = max(after, pts + step)
        payload = bytes(packet)
        if codec == "mjpeg":
            write(Shown(key=True, pts=pts, sets=()), payload)
        elif packet.is_keyframe:
            payload, sets = _with_sets(payload, codec, stream.codec_context.extradata or b"")
            write(Shown(key=True, pts=pts, sets=tuple(item.hex() for item in sets)), payload)
        else:
            write(Shown(key=False, pts=pts), payload)
    return after


def _annex_b(container: "av.container.InputContainer", stream: VideoStream) -> Iterator["av.Packet[VideoStream]"]:
    """Yield the stream's packets in Annex B form, which FLV and MP4 do not have."""
    name = _FILTERS.get(stream.codec_context.name)
    to_annex_b = av.bitstream.BitStreamFilterContext(name, stream) if name else None
    for packet in container.demux(stream):
        if packet.size == 0:
            return
        if to_annex_b is None:
            yield packet
        else:
            yield from to_annex_b.filter(packet)


def _with_sets(payload: bytes, codec: Codec, extradata: bytes) -> tuple[bytes, list[bytes]]:
    """Return a key access unit that brings its parameter sets, and these."""
    sets = _sets(payload[:SETS_WITHIN_BYTES], codec)
    if sets or not extradata.startswith((b"\0\0\1", b"\0\0\0\1")):
        return payload, sets
    return extradata + payload, _sets(extradata, codec)


def _sets(content: bytes, codec: Codec) -> list[bytes]:
    syntax = Syntax.of(codec)
    units = [unit.rstrip(b"\0") for unit in content.split(b"\0\0\1")]
    found = [unit for unit in units if unit and syntax.type_of(unit[0]) in syntax.set_types]
    return [unit for unit in found if len(unit) <= PARAMETER_SET_LIMIT_BYTES]


def _reason(error: Exception) -> Ended:
    """Return what an error of FFmpeg means; its own text may hold the password and is not told."""
    known: tuple[tuple[type[Exception], Ended], ...] = (
        (av.error.HTTPUnauthorizedError, _refused("wrong_password", "the camera refuses this user name or password")),
        (av.error.HTTPForbiddenError, _refused("forbidden", "this user may not see this stream")),
        (av.error.HTTPNotFoundError, _refused("not_found", "the camera has no stream at this address")),
        (av.error.InvalidDataError, _refused("no_video", "what comes from this address is no video")),
        (av.error.ProtocolNotFoundError, _refused("bad_address", "the address has an unknown protocol")),
        (ConnectionRefusedError, Ended(kind="unreachable", code="port_closed", detail="the port is closed")),
        (FileNotFoundError, _refused("not_found", "there is no such file")),
        (TimeoutError, Ended(kind="stalled", code="no_answer", detail="nothing comes from the camera")),
        (MemoryError, _refused("too_large", "the stream needs more memory than a camera may take")),
    )
    for kind, ended in known:
        if isinstance(error, kind):
            return ended
    return Ended(kind="unreachable", code="no_connection", detail=f"FFmpeg: {type(error).__name__}")


def _refused(code: str, detail: str) -> Ended:
    return Ended(kind="refused", code=code, detail=detail)
