"""The session description (SDP) of a clip."""

import base64

from hil_tests.rig.rtsp import nal
from hil_tests.rig.rtsp.clip import CLOCK_HZ, Clip

PAYLOAD_TYPE = 96
TRACK = "trackID=0"


def describe(clip: Clip, name: str) -> str:
    """Return the SDP of `clip`, its parameter sets included, under the session name `name`."""
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        f"s={name}",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} {clip.codec.upper()}/{CLOCK_HZ}",
        f"a=fmtp:{PAYLOAD_TYPE} {_format(clip)}",
        f"a=control:{TRACK}",
    ]
    return "\r\n".join(lines) + "\r\n"


def _format(clip: Clip) -> str:
    coded = {nal.kind(unit, clip.codec): base64.b64encode(unit).decode() for unit in reversed(clip.parameter_sets)}
    if clip.codec == "h265":
        return f"sprop-vps={coded[32]};sprop-sps={coded[33]};sprop-pps={coded[34]}"
    profile = next(unit for unit in clip.parameter_sets if nal.kind(unit, clip.codec) == 7)[1:4].hex()
    return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={coded[7]},{coded[8]}"
