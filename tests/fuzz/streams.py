"""Coverage-guided fuzzing of everything that reads a camera's bytes: make fuzz [TARGET=rtp] [ARGS=-max_total_time=60].

No bytes may do more than end their own connection with a StreamError, nor take more memory than the limits say. What
atheris finds it writes to build/fuzz/crash-…; `make fuzz TARGET=rtp ARGS=build/fuzz/crash-…` runs it again.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["appliance.streams"]):
    from appliance.streams.access_unit import Codec
    from appliance.streams.errors import StreamError
    from appliance.streams.jpeg import jpeg_size
    from appliance.streams.rtp.depacketiser import ACCESS_UNIT_LIMIT_BYTES, Depacketiser, Unit
    from appliance.streams.rtp.nal import codec_parameters
    from appliance.streams.rtp.reorder import WINDOW_PACKETS, ReorderWindow
    from appliance.streams.rtp.rtcp import read_rtcp
    from appliance.streams.rtsp.auth import Authorizer, Credentials, read_challenges
    from appliance.streams.rtsp.messages import BUFFER_BYTES, Inlet, Parser
    from appliance.streams.rtsp.sdp import find_video

CORPUS = Path("build/fuzz")
_SETS = (b"\x67\x42\x00\x1e", b"\x68\xce\x31")
_INLET = Inlet()


def rtp(data: bytes) -> None:
    """RTP packets, interleaved as they come in a connection and one by one as datagrams."""
    codec: Codec = "h265" if data[:1] > b"\x7f" else "h264"
    depacketiser = Depacketiser(codec, _SETS, take=_check, keep_all=data[1:2] > b"\x7f")
    parser = Parser(_INLET, lambda _message: None)
    parser.takers[0] = depacketiser
    with contextlib.suppress(StreamError):
        _fill(parser, data[2:])
    window = ReorderWindow()
    for place in range(2, len(data), 40):
        for packet in window.put(data[place : place + 40]):
            depacketiser.feed(memoryview(packet), 0, len(packet))
    assert len(window._held) <= WINDOW_PACKETS
    codec_parameters(codec, depacketiser.parameter_sets)


def rtsp(data: bytes) -> None:
    """Messages, and the challenges and descriptions in them."""
    parser = Parser(_INLET, lambda message: _read_message(message.body, message.all("www-authenticate")))
    with contextlib.suppress(StreamError):
        _fill(parser, data)
        parser.end_body()
    assert len(parser._rest) <= BUFFER_BYTES


def sdp(data: bytes) -> None:
    """Session descriptions."""
    with contextlib.suppress(StreamError):
        find_video(b"v=0\r\nm=video 0 RTP/AVP 96\r\n" + data, base_url="rtsp://camera/")


def sets(data: bytes) -> None:
    """Parameter sets, RTCP packets and JPEG pictures."""
    codecs: tuple[Codec, ...] = ("h264", "h265")
    for codec in codecs:
        for first in (b"\x67", b"\x42\x01"):
            codec_parameters(codec, (first + data,))
    read_rtcp(memoryview(data))
    jpeg_size(b"\xff\xd8" + data)


def _read_message(body: bytes, challenges: list[str]) -> None:
    authorizer = Authorizer(Credentials(username="u", password="p"))
    if authorizer.take(read_challenges(challenges), answered=False):
        authorizer.header("PLAY", "rtsp://camera/")
    if body:
        find_video(body, base_url="rtsp://camera/")


def _fill(parser: Parser, data: bytes) -> None:
    for place in range(0, len(data), 700):
        piece = data[place : place + 700]
        parser.space()[: len(piece)] = piece
        parser.filled(len(piece))


def _check(unit: Unit) -> None:
    assert unit.rtp_time >= 0
    assert len(unit.payload) <= 2 * ACCESS_UNIT_LIMIT_BYTES


TARGETS: dict[str, Callable[[bytes], None]] = {"rtp": rtp, "rtsp": rtsp, "sdp": sdp, "sets": sets}


def main(argv: list[str]) -> None:
    """Fuzz the target that is named first; the rest is for libFuzzer."""
    name = argv[1] if len(argv) > 1 else ""
    if name not in TARGETS:
        print(f"fuzz: name a target: {', '.join(TARGETS)}", file=sys.stderr)
        sys.exit(2)
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    prefix = f"-artifact_prefix={CORPUS}{os.sep}"
    atheris.Setup([argv[0], prefix, *argv[2:], str(folder)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
