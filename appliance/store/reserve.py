"""Room on the disk that is held for the moment when there is none.

On a full disk not even a removal can be written, for SQLite writes that down first: a box would stand still beside
everything that it could remove.
"""

import errno
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from federation.machine import disk_room

log = logging.getLogger(__name__)

SIZE_BYTES = 16 * 2**20  # several times what SQLite's log takes for the steps of a sweep

OPENING_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Reserve:
    """A file that is there for its size alone. Its methods block for a moment."""

    file: Path
    size_bytes: int = SIZE_BYTES

    def hold(self) -> None:
        """Take the room, if it is not held; a disk that has not got it is left as it is."""
        if self.file.exists():
            return
        part = self.file.with_name(f"{self.file.name}.part")
        part.touch(mode=0o600)
        try:
            with part.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, self.size_bytes)
        except OSError as error:
            part.unlink()
            if error.errno != errno.ENOSPC:
                raise
        else:
            part.replace(self.file)

    def release_where_full(self) -> None:
        """Give the room back if a database could not even be opened without it."""
        if self.file.exists() and disk_room(self.file.parent).free_bytes < OPENING_BYTES:
            self.release()

    def release(self) -> bool:
        """Give the room back; tell whether there was any to give."""
        held = self.file.exists()
        self.file.unlink(missing_ok=True)
        if held:
            log.error("the disk is full: the %d MiB held in reserve are given back", self.size_bytes >> 20)
        return held
