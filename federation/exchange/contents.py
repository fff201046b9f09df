"""What is inside a parcel: items, packed and compressed; unpacked within stated bounds only.

An item is one message, or one picture. Packed it is: length of its kind (1 byte), kind (ASCII), length of its body
(4 bytes, big-endian), body. All items together are preceded by one byte: `s` stored, `z` compressed by zlib.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from federation.exchange.errors import Oversized, Refusal, Refused

CONTENT_LIMIT_BYTES = 40 << 20  # one picture has up to 32 MiB
ITEM_LIMIT = 4096
RATIO_LIMIT = 200  # of unpacked to packed size, beyond the first MiB
RATIO_FREE_BYTES = 1 << 20
LONGEST_KIND = 128
_CHUNK_BYTES = 64 << 10
_STORED, _COMPRESSED = b"s", b"z"


@dataclass(frozen=True)
class Item:
    """One message: `kind` is its topic below the node, e.g. `u/b/events`, or `picture/sha256:…` for JPEG bytes."""

    kind: str
    body: bytes


def pack(items: Iterable[Item], *, compress: bool) -> bytes:
    """Return the items as bytes that `unpack` takes; raise Oversized if it would not."""
    content = bytearray()
    for number, item in enumerate(items, 1):
        kind = item.kind.encode("ascii")
        if not 0 < len(kind) <= LONGEST_KIND or number > ITEM_LIMIT:
            raise Oversized(f"a parcel holds at most {ITEM_LIMIT} items, whose kinds have 1 to {LONGEST_KIND} letters")
        content += len(kind).to_bytes(1) + kind + len(item.body).to_bytes(4) + item.body
        if len(content) > CONTENT_LIMIT_BYTES:
            raise Oversized(f"a parcel holds at most {CONTENT_LIMIT_BYTES >> 20} MiB")
    packed = zlib.compress(content, 6) if compress else b""
    if not packed or len(packed) >= len(content) or len(content) > _most(len(packed)):
        return _STORED + bytes(content)
    return _COMPRESSED + packed


def unpack(packed: bytes) -> tuple[Item, ...]:
    """Return the items; raise Refused for what is no such content, or unpacks to more than its limits."""
    encoding, content = packed[:1], memoryview(packed)[1:]
    if encoding == _STORED:
        return tuple(_items(content))
    if encoding == _COMPRESSED:
        return tuple(_items(memoryview(_decompressed(content))))
    raise Refused(Refusal.MALFORMED, "its content is neither stored nor compressed in a way that is known here")


def _most(packed_bytes: int) -> int:
    return min(CONTENT_LIMIT_BYTES, RATIO_FREE_BYTES + RATIO_LIMIT * packed_bytes)


def _decompressed(packed: memoryview) -> bytes:
    """Unpack piece by piece, so that a bomb is refused before it has filled the memory."""
    unpacker, content, most = zlib.decompressobj(), bytearray(), _most(len(packed))
    try:
        for start in range(0, len(packed), _CHUNK_BYTES):
            waiting, more = bytes(packed[start : start + _CHUNK_BYTES]), True
            while more:
                piece = unpacker.decompress(waiting, _CHUNK_BYTES)
                content += piece
                if len(content) > most:
                    raise Refused(Refusal.BOMB, f"it unpacks to more than {most} bytes")
                waiting = unpacker.unconsumed_tail
                more = bool(waiting) or len(piece) == _CHUNK_BYTES
    except zlib.error as error:
        raise Refused(Refusal.MALFORMED, f"its content cannot be decompressed: {error}") from error
    if not unpacker.eof or unpacker.unused_data:
        raise Refused(Refusal.MALFORMED, "its compressed content has no end, or something after it")
    return bytes(content)


def _items(content: memoryview) -> Iterator[Item]:
    place, number = 0, 0
    while place < len(content):
        number += 1
        kind, place = _piece(content, place, 1)
        body, place = _piece(content, place, 4)
        if number > ITEM_LIMIT or not kind or not kind.isascii():
            raise Refused(Refusal.MALFORMED, f"it holds more than {ITEM_LIMIT} items, or one without a kind")
        yield Item(kind=kind.decode("ascii"), body=body)


def _piece(content: memoryview, place: int, width: int) -> tuple[bytes, int]:
    """Return the bytes whose length stands at `place` in `width` bytes, and the place after them."""
    start = place + width
    end = start + int.from_bytes(content[place:start])
    if start > len(content) or end > len(content):
        raise Refused(Refusal.MALFORMED, "an item is longer than the content")
    return bytes(content[start:end]), end
