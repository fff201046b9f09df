"""Single byte ranges of HTTP (RFC 9110 §14): what a request asks for, of a representation that never changes."""

import re
from dataclasses import dataclass

from federation.artifacts.errors import Unsatisfiable

SINGLE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@dataclass(frozen=True, kw_only=True)
class ByteRange:
    """`length_bytes` bytes from `start_bytes` on, of `size_bytes`."""

    start_bytes: int
    length_bytes: int
    size_bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether it is everything."""
        return self.length_bytes == self.size_bytes

    @property
    def content_range(self) -> str:
        """The value of Content-Range."""
        return f"bytes {self.start_bytes}-{self.start_bytes + self.length_bytes - 1}/{self.size_bytes}"


def asked_range(*, header: str | None, if_range: str | None, etag: str, size_bytes: int) -> ByteRange | None:
    """Return the range that a request asks for; None means that the whole is sent, with status 200.

    As RFC 9110 §14.2 permits, a range of several parts or in another unit is answered with the whole; so is one
    whose If-Range does not name `etag` (quoted, strong). Raises Unsatisfiable: then the answer is 416.
    """
    if header is None or (if_range is not None and if_range.strip() != etag):
        return None
    found = SINGLE.fullmatch(header.strip())
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(0, size_bytes - int(last)), size_bytes - 1
    else:
        start, end = int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1
    if last and first and int(last) < int(first):
        return None  # no valid range (§14.1.1), so it is as if it were absent
    if start >= size_bytes or end < start:
        raise Unsatisfiable(f"there are only {size_bytes} bytes")
    return ByteRange(start_bytes=start, length_bytes=end - start + 1, size_bytes=size_bytes)
