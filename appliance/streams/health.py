"""What is known of one camera's stream, measured on the stream itself."""

from collections import deque
from dataclasses import dataclass, field

from federation.messages import CameraReport, CameraState

WINDOW_S = 5.0


@dataclass(kw_only=True)
class Health:
    """Figures of one camera; times are monotonic seconds."""

    point_id: str
    state: CameraState = CameraState.CONNECTING
    reason: str = ""
    reconnects: int = 0
    width_px: int = 0
    height_px: int = 0
    gop_s: float = 0.0
    key_at: float | None = None
    _units: deque[tuple[float, int]] = field(default_factory=deque)

    def became(self, state: CameraState, reason: str = "") -> bool:
        """Note the state; tell whether it has changed."""
        changed = (state, reason) != (self.state, self.reason)
        self.state, self.reason = state, reason
        if state is not CameraState.LIVE:
            self._units.clear()
        return changed

    def saw(self, *, at: float, size_bytes: int, key: bool) -> None:
        """Note one access unit."""
        self._units.append((at, size_bytes))
        self._forget(at)
        if key:
            if self.key_at is not None and at - self.key_at < 60:
                self.gop_s = at - self.key_at
            self.key_at = at

    def report(self, at: float) -> CameraReport:
        """Return the camera's report."""
        self._forget(at)
        span = at - self._units[0][0] if len(self._units) > 1 else 0.0
        span = max(span, 0.2)
        return CameraReport(
            point_id=self.point_id,
            state=self.state,
            reason=self.reason,
            fps=round(max(0, len(self._units) - 1) / span, 1),
            bitrate_kbps=round(sum(size for _, size in self._units) * 8 / span / 1000, 1),
            gop_s=round(self.gop_s, 2),
            key_frame_age_s=None if self.key_at is None else round(max(0.0, at - self.key_at), 2),
            reconnects=self.reconnects,
            width_px=self.width_px,
            height_px=self.height_px,
        )

    def _forget(self, at: float) -> None:
        while self._units and at - self._units[0][0] > WINDOW_S:
            self._units.popleft()
