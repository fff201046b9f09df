"""The folder whose files the border carries to the other side."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from federation.custody.ranges import Ranges
from federation.exchange.parcel import SUFFIX, serial_of

PART = ".part"


class OutFolder:
    """Files appear here whole or not at all; the border takes or copies them whenever it likes. All methods block."""

    def __init__(self, folder: Path) -> None:
        """Write into `folder`, which is made when it is needed."""
        self.folder = folder

    def write(self, name: str, content: bytes) -> None:
        """Put a file in its place, durably; one of the same name is replaced. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f".{name}{PART}"
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / name)
        _sync(self.folder)

    def held_bytes(self) -> int:
        """Return the size of everything that waits here for the border."""
        return sum(size for _, size, _ in self._parcels())

    def remove(self, names: Iterable[str]) -> None:
        """Remove files that the other side has taken; those that the border took away are gone already."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def remove_taken(self, sender: str, receiver: str, taken: Ranges) -> None:
        """Remove the sender's parcels that the receiver has by its own word."""
        self.remove(name for name, _, _ in self._parcels() if serial_of(name, sender, receiver) in taken)

    def remove_older(self, than_s: float, *, now_s: float) -> int:
        """Remove parcels that were written more than `than_s` seconds before `now_s`; return how many."""
        old = [name for name, _, written_s in self._parcels() if now_s - written_s > than_s]
        self.remove(old)
        return len(old)

    def highest_serial(self, sender: str, receiver: str) -> int:
        """Return the highest number of the sender's parcels that lie here, 0 if there are none."""
        return max((serial_of(name, sender, receiver) or 0 for name, _, _ in self._parcels()), default=0)

    def _parcels(self) -> list[tuple[str, int, float]]:
        found = []
        with suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # the border took it just now
                    if entry.name.endswith((SUFFIX, SUFFIX + PART)) and entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found.append((entry.name, status.st_size, status.st_mtime))
        return found


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot sync a folder
            os.fsync(handle)
    finally:
        os.close(handle)
