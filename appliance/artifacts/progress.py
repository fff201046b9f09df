"""What is told of one artifact on its way: to the hub, and on the panel."""

import time
from collections import deque
from dataclasses import dataclass, field

from federation.messages import ArtifactReport, ArtifactState

SPEED_OVER_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An artifact that the hub wants on this box."""

    digest: str
    size_bytes: int
    kind: str
    name: str
    version: str

    def held(self) -> ArtifactReport:
        """Return the report of an artifact that is here."""
        return self.report(ArtifactState.HELD, held_bytes=self.size_bytes)

    def report(self, state: ArtifactState, *, held_bytes: int = 0, **more: object) -> ArtifactReport:
        """Return a report of this artifact."""
        described = {name: getattr(self, name) for name in ("digest", "size_bytes", "kind", "name", "version")}
        return ArtifactReport.model_validate({**described, "state": state, "held_bytes": held_bytes, **more})


@dataclass(kw_only=True)
class Speed:
    """Bytes a second over the last ten seconds."""

    _marks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=4096))

    def note(self, size_bytes: int) -> None:
        """Note that bytes have come now."""
        self._marks.append((time.monotonic(), size_bytes))

    @property
    def now_bytes(self) -> float:
        """The present speed."""
        now_s = time.monotonic()
        while self._marks and self._marks[0][0] < now_s - SPEED_OVER_S:
            self._marks.popleft()
        if not self._marks:
            return 0.0
        return sum(size for _, size in self._marks) / max(1.0, now_s - self._marks[0][0])


@dataclass(kw_only=True)
class Progress:
    """The state of a transfer; only the transfer changes it, anybody may ask for a report."""

    wanted: Wanted
    state: ArtifactState = ArtifactState.WAITING
    reason: str = ""
    lacking_bytes: int = 0
    held_bytes: int = 0
    hub_bytes: int = 0
    neighbour_bytes: int = 0
    reused_bytes: int = 0
    speed: Speed = field(default_factory=Speed)
    sources: list[str] = field(default_factory=list)

    def report(self) -> ArtifactReport:
        """Return what is to be told now."""
        return self.wanted.report(
            self.state,
            held_bytes=self.held_bytes,
            reason=self.reason,
            lacking_bytes=self.lacking_bytes,
            sources=tuple(sorted(set(self.sources))),
            speed_bytes=round(self.speed.now_bytes),
            hub_bytes=self.hub_bytes,
            neighbour_bytes=self.neighbour_bytes,
            reused_bytes=self.reused_bytes,
        )
