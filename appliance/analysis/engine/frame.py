"""One picture of one source on its way through the engine."""

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.finding import Picture

MOST_PICTURES = 8
"""Of 1080p some 50 MB: however many cameras wait, no more pictures than these are kept decoded."""


class Gallery:
    """The pictures that were decoded last, so many and no more. Thread-safe."""

    def __init__(self, most: int = MOST_PICTURES) -> None:
        """Start empty."""
        self._most = most
        self._lock = threading.Lock()
        self._pictures: OrderedDict[int, Picture] = OrderedDict()

    def of(self, number: int) -> Picture | None:
        """Return a picture if it is still here."""
        with self._lock:
            return self._pictures.get(number)

    def put(self, number: int, picture: Picture) -> None:
        """Keep a picture; the oldest give way."""
        with self._lock:
            self._pictures[number] = picture
            while len(self._pictures) > self._most:
                self._pictures.popitem(last=False)


_NUMBERS = itertools.count()


@dataclass(kw_only=True)
class Frame:
    """A picture that is decoded when it is needed. Threads may ask for it at the same time.

    While it waits for its turn it is as small as the camera sent it: models that look at it soon after one another
    share what was decoded, and one whose turn comes much later has it decoded again.
    """

    source: str
    at: datetime
    decode: Callable[[], Picture | None]
    gallery: Gallery
    _number: int = field(default_factory=_NUMBERS.__next__)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _unreadable: bool = False

    def picture(self) -> Picture:
        """Return the picture; raise CannotDecode."""
        with self._lock:
            picture = self.gallery.of(self._number)
            if picture is None and not self._unreadable:
                picture = self.decode()
                self._unreadable = picture is None
            if picture is None:
                msg = "the access unit holds no whole picture"
                raise CannotDecode(msg)
            self.gallery.put(self._number, picture)
            return picture


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A frame that was not looked at: `superseded`, `stale`, `full`, `unreadable`, `failed` or `unloaded`."""

    reason: str
    detail: str = ""
