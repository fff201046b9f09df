"""SM3 digests (GB/T 32905-2016) by hashlib, which is a thousand times faster than pure Python."""

import hashlib


def sm3_hex(data: bytes) -> str:
    """Return the SM3 digest of `data`: 64 hexadecimal digits."""
    return hashlib.new("sm3", data).hexdigest()
