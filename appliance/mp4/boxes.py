"""Boxes of ISO/IEC 14496-12."""

import struct
from typing import NamedTuple

HEADER_BYTES = 8

_HEADER = struct.Struct(">I4s")
_LARGE = struct.Struct(">Q")


class BadBox(ValueError):
    """The bytes are no box, or not the one that must stand here."""


class BoxHeader(NamedTuple):
    """The head of a box; both sizes are bytes, `size` is that of the whole box."""

    kind: bytes
    size: int
    header_size: int


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of `kind` that holds `parts` one after the other."""
    return b"".join((_HEADER.pack(HEADER_BYTES + sum(map(len, parts)), kind), *parts))


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box with version and flags."""
    return box(kind, (version << 24 | flags).to_bytes(4), *parts)


def box_head(kind: bytes, content_bytes: int) -> bytes:
    """Return the head of a box whose content, of less than 4 GiB, follows elsewhere."""
    return _HEADER.pack(HEADER_BYTES + content_bytes, kind)


def read_header(content: bytes | memoryview, at: int = 0) -> BoxHeader:
    """Return the head of the box at `at`; raise BadBox if it is not whole or impossible."""
    if len(content) - at < HEADER_BYTES:
        raise BadBox("a box's head is cut off")
    size, kind = _HEADER.unpack_from(content, at)
    header_size = HEADER_BYTES
    if size == 1:
        if len(content) - at < HEADER_BYTES + _LARGE.size:
            raise BadBox("a box's head is cut off")
        (size,) = _LARGE.unpack_from(content, at + HEADER_BYTES)
        header_size += _LARGE.size
    if size < header_size:
        raise BadBox(f"a box claims {size} bytes")
    return BoxHeader(kind=kind, size=size, header_size=header_size)


def children(content: memoryview) -> dict[bytes, memoryview]:
    """Return the contents of the boxes that follow each other in `content`; of several of a kind the first."""
    found: dict[bytes, memoryview] = {}
    at = 0
    while at < len(content):
        header = read_header(content, at)
        if at + header.size > len(content):
            raise BadBox("a box is longer than what holds it")
        found.setdefault(bytes(header.kind), content[at + header.header_size : at + header.size])
        at += header.size
    return found
