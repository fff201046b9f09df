"""A wall clock that can be wrong, for one process under test: Python imports this file before anything else.

The file that FENGSUI_CHAOS_CLOCK names holds the offset in seconds. The monotonic clock stays true, as it does
when the clock of a real machine is set. (libfaketime was tried: under it Python 3.11 hands its lock over a hundred
times more slowly, and `time.sleep(0)` fails.)
"""

import datetime as dt
import os
import time
from contextlib import suppress
from datetime import datetime as _true_datetime
from pathlib import Path

_FILE = Path(os.environ["FENGSUI_CHAOS_CLOCK"])  # noqa: TID251 - it runs before there is any configuration
_LOOK_EVERY_S = 0.2
_true_time = time.time  # noqa: TID251 - the clock that is made wrong here
_read_at_s, _offset_s = -1.0, 0.0


def _offset() -> float:
    global _read_at_s, _offset_s  # noqa: PLW0603 - there is one clock in a process
    now_s = time.monotonic()
    if now_s - _read_at_s > _LOOK_EVERY_S or _read_at_s < 0:
        _read_at_s = now_s
        with suppress(OSError, ValueError):  # it is being written
            _offset_s = float(_FILE.read_text())
    return _offset_s


class _AnyDatetime(type(_true_datetime)):  # type: ignore[misc]
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, _true_datetime)


class _WrongDatetime(_true_datetime, metaclass=_AnyDatetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return _true_datetime.now(tz) + dt.timedelta(seconds=_offset())


dt.datetime = _WrongDatetime  # type: ignore[misc]
time.time = lambda: _true_time() + _offset()  # noqa: TID251
