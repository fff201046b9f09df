"""The folder into which the border puts files: looked at again and again, for network file systems tell no news.

Files come in any order, in pieces, twice, under names that are not ours. What is no valid parcel may still be on its
way: it is refused once it has not changed for `settle_s` seconds.
"""

import asyncio
import errno
import logging
import os
import stat
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from math import inf
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from federation.exchange.errors import Refusal, Refused
from federation.exchange.parcel import Parcel
from federation.exchange.quarantine import Quarantine

log = logging.getLogger(__name__)

SETTLE_S = 60.0
MOST_ENTRIES = 100_000
MOST_FOLDERS = 1024
FILES_AT_ONCE = 200

_MAY_BE_ON_ITS_WAY = frozenset(
    {Refusal.FOREIGN, Refusal.TRUNCATED, Refusal.MALFORMED, Refusal.WRONG_SIGNATURE, Refusal.DAMAGED, Refusal.RENAMED}
)

Open = Callable[[Path], Parcel]
"""Reads and checks one file; blocks, and raises Refused or OSError."""

Take = Callable[[Parcel], Awaitable[None]]
"""Uses a parcel; when it returns, everything is durable and the number is noted as taken."""


@dataclass(frozen=True)
class _Version:
    """What tells whether a file has changed."""

    size_bytes: int
    modified_ns: int
    inode: int


class InFolder:
    """Takes parcels out of `folder` and the folders right below it, those of a sender in the order of their numbers."""

    def __init__(
        self,
        folder: Path,
        quarantine: Quarantine,
        *,
        settle_s: float = SETTLE_S,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        """Set aside in `quarantine` what is refused."""
        self.folder = folder
        self.taken = 0
        self.refused: Counter[Refusal] = Counter()
        self._quarantine = quarantine
        self._settle_s = settle_s
        self._now_s = now_s
        self._waiting: dict[Path, tuple[_Version, float]] = {}

    async def look(self, open_parcel: Open, take: Take) -> int:
        """Take what is there, at most `FILES_AT_ONCE`; return how many were taken. Raises what `take` raises."""
        found = await asyncio.to_thread(self._found)
        taken = 0
        for path, version in found:
            parcel = await asyncio.to_thread(self._try, path, version, open_parcel)
            if parcel is None:
                continue
            await take(parcel)
            await asyncio.to_thread(self._remove, path, version)
            taken += 1
        self.taken += taken
        return taken

    def _found(self) -> list[tuple[Path, _Version]]:
        """Return what is worth a look now: what is new, changed, or has been still for long enough."""
        present = dict(self._entries())
        self._waiting = {path: seen for path, seen in self._waiting.items() if path in present}
        due = [path for path, version in present.items() if self._is_due(path, version)]
        return [(path, present[path]) for path in sorted(due, key=_order)[:FILES_AT_ONCE]]

    def _is_due(self, path: Path, version: _Version) -> bool:
        seen = self._waiting.get(path)
        return seen is None or seen[0] != version or self._now_s() >= seen[1] + self._settle_s

    def _entries(self) -> Iterator[tuple[Path, _Version]]:
        """Return files, links and special files of the folder and of those right below it."""
        below: list[Path] = []
        for entry in _scan(self.folder):
            if not entry.is_dir(follow_symlinks=False):
                yield from _versions(entry)
            elif len(below) < MOST_FOLDERS:
                below.append(Path(entry.path))
        for folder in below:
            for entry in _scan(folder):
                if not entry.is_dir(follow_symlinks=False):
                    yield from _versions(entry)

    def _try(self, path: Path, version: _Version, open_parcel: Open) -> Parcel | None:
        try:
            parcel = open_parcel(path)
        except Refused as refused:
            self._wait_or_set_aside(path, version, refused)
            return None
        except OSError as error:
            log.warning("file %s cannot be read: %s", path.name, error.strerror or error)
            self._waiting[path] = (version, self._now_s())  # it is tried again when it has been still for a while
            return None
        self._waiting.pop(path, None)
        return parcel

    def _wait_or_set_aside(self, path: Path, version: _Version, refused: Refused) -> None:
        seen = self._waiting.get(path)
        if refused.reason in _MAY_BE_ON_ITS_WAY and (seen is None or seen[0] != version):
            self._waiting[path] = (version, self._now_s())
            return
        log.warning("file refused: name=%s: %s", path.name, refused)
        try:
            self._quarantine.take(path, refused.reason, datetime.now(UTC))
        except OSError as error:
            self._leave(path, version, error)
        self.refused[refused.reason] += 1  # once its place is free for the next of that name

    def _remove(self, path: Path, version: _Version) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._leave(path, version, error)

    def _leave(self, path: Path, version: _Version, error: OSError) -> None:
        """Look no more at a file that cannot be moved or removed, unless it changes."""
        log.warning("file %s stays where it is: %s", path.name, error.strerror or error)
        self._waiting[path] = (version, inf)


def read_file(path: Path) -> BinaryIO:
    """Open a regular file, never what a link leads to; blocks. Raises Refused for anything else, or OSError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise Refused(Refusal.FOREIGN, "it is a link or a special file") from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused(Refusal.FOREIGN, "it is a special file")
    return os.fdopen(handle, "rb")


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in islice(entries, MOST_ENTRIES) if not entry.name.startswith(".")]
    except FileNotFoundError:  # it is not there yet, or the network file system is not mounted
        return []


def _versions(entry: os.DirEntry[str]) -> Iterator[tuple[Path, _Version]]:
    with suppress(FileNotFoundError):
        status = entry.stat(follow_symlinks=False)
        yield Path(entry.path), _Version(status.st_size, status.st_mtime_ns, status.st_ino)


def _order(path: Path) -> tuple[str, str]:
    """Parcels of one sender in the order of their numbers, which have a fixed width."""
    return (path.parent.name, path.name)
