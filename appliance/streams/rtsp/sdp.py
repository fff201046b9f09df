"""The video track in a camera's session description (RFC 8866)."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from appliance.streams.access_unit import PARAMETER_SET_LIMIT_BYTES, Codec
from appliance.streams.errors import Refused, Violation

LINE_LIMIT = 1000

_CODECS: dict[str, Codec] = {"h264": "h264", "h265": "h265", "hevc": "h265"}
_SPROPS = {"h264": ("sprop-parameter-sets",), "h265": ("sprop-vps", "sprop-sps", "sprop-pps")}
_RTPMAP = re.compile(r"(\d{1,3})\s+([A-Za-z0-9_.-]{1,32})/(\d{1,9})")
_URL = re.compile(r"rtsps?://", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class VideoTrack:
    """What must be known of a track before it can be set up."""

    codec: Codec
    payload_type: int
    control_url: str
    parameter_sets: tuple[bytes, ...] = ()
    foreign_types: frozenset[int] = frozenset()  # payload types of other things that share the track


@dataclass(kw_only=True)
class _Section:
    """The lines of one medium; the description's own lines stand in the first."""

    media: str = ""
    payload_types: list[int] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def first(self, name: str) -> str:
        return next((value for key, value in self.attributes if key == name), "")


def find_video(description: bytes, *, base_url: str) -> tuple[VideoTrack, str]:
    """Return the first video track that we can take, and the URL that controls the whole session.

    `base_url` is the Content-Base of the answer, or the requested URL. Tracks without video are left alone: they are
    not set up, so the camera does not send them. Raises Violation for what is
    no session description, and Refused with code `unsupported_codec` if no track can be taken.
    """
    sections = _sections(description)
    session_url = control_url(base_url, sections[0].first("control"))
    seen: list[str] = []
    for section in sections[1:]:
        if section.media != "video":
            continue
        encodings = _encodings(section)
        for payload_type, encoding in encodings:
            codec = _CODECS.get(encoding.lower())
            if codec is None:
                seen.append(encoding)
                continue
            track = VideoTrack(
                codec=codec,
                payload_type=payload_type,
                control_url=control_url(base_url, section.first("control")),
                parameter_sets=_parameter_sets(section, codec, payload_type),
                foreign_types=frozenset(number for number, other in encodings if _CODECS.get(other.lower()) != codec),
            )
            return track, session_url
    if not seen:
        raise Refused("no_video", "the camera offers no video at this address")
    raise Refused("unsupported_codec", f"the camera offers {', '.join(seen)}; H.264 or H.265 is needed")


def control_url(base_url: str, control: str) -> str:
    """Return the URL to control: `control` itself, or `base_url` with it appended as cameras expect."""
    if control in {"", "*"}:
        return base_url
    if _URL.match(control):
        return control
    return f"{base_url.rstrip('/')}/{control.lstrip('/')}"


def _sections(description: bytes) -> list[_Section]:
    sections = [_Section()]
    lines = description.decode("utf-8", "replace").splitlines()
    if not lines or not lines[0].startswith("v=") or len(lines) > LINE_LIMIT:
        raise Violation("the answer is no session description")
    for line in lines:
        kind, _, value = line.partition("=")
        if kind == "m":
            words = value.split()
            numbers = [int(word) for word in words[3:] if word.isascii() and word.isdigit() and len(word) <= 3]
            sections.append(_Section(media=words[0].lower() if words else "", payload_types=numbers))
        elif kind == "a":
            name, _, content = value.partition(":")
            sections[-1].attributes.append((name.strip().lower(), content.strip()))
    return sections


def _encodings(section: _Section) -> list[tuple[int, str]]:
    found = [(26, "JPEG")] if 26 in section.payload_types else []  # the one static type that cameras use (RFC 3551)
    for name, value in section.attributes:
        match = _RTPMAP.match(value) if name == "rtpmap" else None
        if match is not None and int(match[1]) in section.payload_types:
            found.append((int(match[1]), match[2]))
    return found


def _parameter_sets(section: _Section, codec: Codec, payload_type: int) -> tuple[bytes, ...]:
    sets: list[bytes] = []
    for name, value in section.attributes:
        number, _, rest = value.partition(" ")
        if name != "fmtp" or number != str(payload_type):
            continue
        pairs = [item.strip().partition("=") for item in rest.split(";")]
        values = {key.strip().lower(): content.strip() for key, _, content in pairs}
        for prop in _SPROPS[codec]:
            sets += [_decoded(text) for text in values.get(prop, "").split(",") if text]
    return tuple(item for item in sets if item)[:16]


def _decoded(text: str) -> bytes:
    """Return the bytes of one parameter set, or nothing if they are unusable: in-band ones will do."""
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
    return content if len(content) <= PARAMETER_SET_LIMIT_BYTES else b""
