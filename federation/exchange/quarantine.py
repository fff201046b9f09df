"""Files that were refused are set aside in a folder of bounded size, so that people can look at them."""

import errno
import re
from datetime import datetime
from pathlib import Path

from federation.exchange.errors import Refusal

MOST_FILES = 200
MOST_BYTES = 256 << 20
LONGEST_COPY_BYTES = 64 << 20  # of a file on another disk that is larger, the beginning is kept
LONGEST_NAME = 100
_PIECE_BYTES = 1 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class Quarantine:
    """A folder that holds the newest refused files: at most `most_files`, and `most_bytes` of them."""

    def __init__(self, folder: Path, *, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES) -> None:
        """Keep them in `folder`, which is made when it is needed."""
        self._folder = folder
        self._most_files = most_files
        self._most_bytes = most_bytes

    def take(self, path: Path, reason: Refusal, at: datetime) -> None:
        """Move a file here, links and special files too, never what they lead to. Blocks; raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"{at:%Y%m%dT%H%M%S%f}.{reason}.{_UNSAFE.sub('_', path.name)[-LONGEST_NAME:]}"
        _move(path, self._folder / name)
        self._shrink()

    def held(self) -> tuple[int, int]:
        """Return how many files are here, and their bytes together. Blocks."""
        sizes = [size for _, size in self._files()]
        return len(sizes), sum(sizes)

    def _files(self) -> list[tuple[Path, int]]:
        """Return files and sizes, the newest first: their names begin with the time."""
        if not self._folder.is_dir():
            return []
        return [(path, path.lstat().st_size) for path in sorted(self._folder.iterdir(), reverse=True)]

    def _shrink(self) -> None:
        room = self._most_bytes
        for place, (path, size) in enumerate(self._files()):
            room -= size
            if place >= self._most_files or room < 0:
                path.unlink()


def _move(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if path.is_file() and not path.is_symlink():
            _copy_beginning(path, target)
        path.unlink()


def _copy_beginning(path: Path, target: Path) -> None:
    with path.open("rb") as source, target.open("xb") as copy:
        for _ in range(LONGEST_COPY_BYTES // _PIECE_BYTES):
            copy.write(source.read(_PIECE_BYTES))
