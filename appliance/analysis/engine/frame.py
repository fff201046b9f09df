"""One picture of one source on its way through the engine."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.finding import Picture


@dataclass(kw_only=True)
class Frame:
    """A picture that is decoded when it is first needed, and once. Threads may ask for it at the same time.

    While it waits for its turn it is as small as the camera sent it.
    """

    source: str
    at: datetime
    decode: Callable[[], Picture | None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _picture: Picture | None = None
    _tried: bool = False

    def picture(self) -> Picture:
        """Return the picture; raise CannotDecode."""
        with self._lock:
            if not self._tried:
                self._tried = True
                self._picture = self.decode()
            if self._picture is None:
                msg = "the access unit holds no whole picture"
                raise CannotDecode(msg)
            return self._picture


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A frame that was not looked at: `superseded`, `stale`, `full`, `unreadable`, `failed` or `unloaded`."""

    reason: str
    detail: str = ""
