"""The size of a JPEG picture (ITU-T T.81, annex B)."""

_START_OF_IMAGE = b"\xff\xd8"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, without the three that are no frames
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_SEGMENTS_LIMIT = 64


def jpeg_size(content: bytes) -> tuple[int, int]:
    """Return width and height in px, 0 and 0 where the content is no JPEG picture."""
    if not content.startswith(_START_OF_IMAGE):
        return 0, 0
    place = 2
    for _ in range(_SEGMENTS_LIMIT):
        if place + 9 > len(content) or content[place] != 0xFF:
            break
        marker = content[place + 1]
        if marker in _FRAMES:
            return int.from_bytes(content[place + 7 : place + 9]), int.from_bytes(content[place + 5 : place + 7])
        place += 2 if marker in _ALONE else 2 + int.from_bytes(content[place + 2 : place + 4])
    return 0, 0
