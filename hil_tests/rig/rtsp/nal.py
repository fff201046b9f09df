"""NAL units of H.264 and H.265: cut them, tell what they are, and pack them for RTP."""

import re
from collections.abc import Iterator
from typing import Literal

Codec = Literal["h264", "h265"]

PAYLOAD_LIMIT_BYTES = 1400  # fits an Ethernet frame with RTP, UDP and IPv6 headers

_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_H264_PARAMETER_SETS = frozenset({7, 8})
_H265_PARAMETER_SETS = frozenset({32, 33, 34})
_H264_FRAGMENT = 28  # FU-A, RFC 6184 §5.8
_H265_FRAGMENT = 49  # FU, RFC 7798 §4.4.3


def split(annex_b: bytes) -> list[bytes]:
    """Return the NAL units of an Annex B byte stream, without start codes."""
    return [unit for unit in _START_CODE.split(annex_b) if unit]


def kind(unit: bytes, codec: Codec) -> int:
    """Return the nal_unit_type of `unit`, which must not be empty."""
    return unit[0] & 31 if codec == "h264" else (unit[0] >> 1) & 63


def is_parameter_set(unit: bytes, codec: Codec) -> bool:
    """Tell whether `unit` is a VPS, SPS or PPS."""
    kinds = _H264_PARAMETER_SETS if codec == "h264" else _H265_PARAMETER_SETS
    return kind(unit, codec) in kinds


def starts_decoding(unit: bytes, codec: Codec) -> bool:
    """Tell whether a decoder can start at `unit`: an IDR slice, or any IRAP slice of H.265."""
    number = kind(unit, codec)
    return number == 5 if codec == "h264" else 16 <= number <= 21


def payloads(unit: bytes, codec: Codec, limit_bytes: int = PAYLOAD_LIMIT_BYTES) -> Iterator[bytes]:
    """Yield the RTP payloads that carry `unit`: itself, or fragments of at most `limit_bytes`."""
    if len(unit) <= limit_bytes:
        yield unit
        return
    number = kind(unit, codec)
    if codec == "h264":
        indicator = bytes([(unit[0] & 0xE0) | _H264_FRAGMENT])
        body = unit[1:]
    else:
        indicator = bytes([(unit[0] & 0x81) | (_H265_FRAGMENT << 1), unit[1]])
        body = unit[2:]
    step = limit_bytes - len(indicator) - 1
    for start in range(0, len(body), step):
        first = 0x80 if start == 0 else 0
        last = 0x40 if start + step >= len(body) else 0
        yield indicator + bytes([first | last | number]) + body[start : start + step]
