"""Which chunks of an artifact are there."""

from collections.abc import Iterator
from dataclasses import dataclass

from federation.artifacts.errors import BadBitmap


@dataclass(frozen=True, kw_only=True)
class Bitmap:
    """One bit a chunk, chunk 0 in the highest bit of the first byte; bits beyond `count` are 0."""

    count: int
    bits: bytes

    @classmethod
    def empty(cls, count: int) -> "Bitmap":
        """Return one that has none of `count` chunks."""
        return cls(count=count, bits=bytes(-(-count // 8)))

    @classmethod
    def full(cls, count: int) -> "Bitmap":
        """Return one that has all of `count` chunks."""
        whole, rest = divmod(count, 8)
        return cls(count=count, bits=b"\xff" * whole + (bytes([0xFF00 >> rest & 0xFF]) if rest else b""))

    @classmethod
    def read(cls, count: int, content: bytes) -> "Bitmap":
        """Return the one in `content`; raise BadBitmap if it is not one of `count` chunks."""
        found = cls(count=count, bits=bytes(content))
        last = 0xFF >> (count % 8) if count % 8 else 0
        if len(content) != -(-count // 8) or (content and content[-1] & last):
            raise BadBitmap(f"this is no bitmap of {count} chunks")
        return found

    def has(self, index: int) -> bool:
        """Tell whether chunk `index` is there."""
        return bool(self.bits[index // 8] & 0x80 >> index % 8)

    def adding(self, index: int) -> "Bitmap":
        """Return one that has chunk `index` too."""
        return self._with(index, self.bits[index // 8] | 0x80 >> index % 8)

    def without(self, index: int) -> "Bitmap":
        """Return one that lacks chunk `index`."""
        return self._with(index, self.bits[index // 8] & ~(0x80 >> index % 8) & 0xFF)

    @property
    def held(self) -> int:
        """How many chunks are there."""
        return sum(byte.bit_count() for byte in self.bits)

    @property
    def is_full(self) -> bool:
        """Whether every chunk is there."""
        return self.held == self.count

    def missing(self) -> Iterator[int]:
        """Give the chunks that are not there, in order."""
        return (index for index in range(self.count) if not self.has(index))

    def _with(self, index: int, byte: int) -> "Bitmap":
        at = index // 8
        return Bitmap(count=self.count, bits=self.bits[:at] + bytes([byte]) + self.bits[at + 1 :])
