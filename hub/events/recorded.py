"""Events as those get them who must know of them, with the code by which others know their type."""

from dataclasses import dataclass

from federation.messages import Event


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An event of this hub; `mapped_code` is what its type was mapped to when it came, None for nothing."""

    event: Event
    mapped_code: str | None = None

    @property
    def codes(self) -> frozenset[str]:
        """The codes that it goes by: its own, and the mapped one."""
        return frozenset(code for code in (self.event.type, self.mapped_code) if code)
