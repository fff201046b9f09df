"""The session description (SDP) of a clip."""

import base64

from hil_tests.rig.rtsp import nal
from hil_tests.rig.rtsp.behaviour import Behaviour
from hil_tests.rig.rtsp.clip import CLOCK_HZ, Clip

PAYLOAD_TYPE = 96
TRACK = "trackID=0"


def describe(clip: Clip, name: str, behaviour: Behaviour | None = None, *, base: str = "") -> str:
    """Return the SDP of `clip` under the session name `name`, as a camera at the URL `base` describes itself.

    An odd camera has an audio track first, controls its tracks by absolute URLs and keeps its parameter sets to itself.
    """
    ways = behaviour or Behaviour()
    sets = [] if ways.odd else [f"a=fmtp:{PAYLOAD_TYPE} {_format(clip, bad_sps=ways.bad_sps)}"]
    audio = ["m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", f"a=control:{base}audio"] if ways.odd else []
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        f"s={name}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        *audio,
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {clip.codec.upper()}/{CLOCK_HZ}",
        *sets,
        f"a=control:{base if ways.odd else ''}{TRACK}",
    ]
    return "\r\n".join(lines) + "\r\n"


def _format(clip: Clip, *, bad_sps: bool) -> str:
    sets = [spoilt(unit, clip.codec) if bad_sps else unit for unit in clip.parameter_sets]
    coded = {nal.kind(unit, clip.codec): base64.b64encode(unit).decode() for unit in reversed(sets)}
    if clip.codec == "h265":
        return f"sprop-vps={coded[32]};sprop-sps={coded[33]};sprop-pps={coded[34]}"
    profile = next(unit for unit in clip.parameter_sets if nal.kind(unit, clip.codec) == 7)[1:4].hex()
    return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={coded[7]},{coded[8]}"


def spoilt(unit: bytes, codec: nal.Codec) -> bytes:
    """Return `unit` with nonsense in it if it is a sequence parameter set, else as it is."""
    wanted = 7 if codec == "h264" else 33
    return unit[:2] + b"\xff" * (len(unit) - 2) if nal.kind(unit, codec) == wanted else unit
