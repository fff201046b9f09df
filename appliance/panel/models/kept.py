"""Pictures that lie beside the picture tasks that look at them: handed over in the order, or fetched for it."""

import shutil
import threading
from collections.abc import Collection
from pathlib import Path

MOST_BYTES = 4 << 30


class KeptPictures:
    """A folder for each task, and in it its pictures by number. Methods block, and may be called from any thread.

    All of them take `most_bytes` together at most, and leave `free_bytes` of their disk free; pictures of the oldest
    tasks give way, those of snapshot plans before those of people, but never those of an open one. Ids of tasks sort by
    time.
    """

    def __init__(self, root: Path, *, free_bytes: int, most_bytes: int = MOST_BYTES) -> None:
        """Name the folder; `sweep` finds what lies there."""
        self._root = root
        self._free_bytes = free_bytes
        self._most_bytes = most_bytes
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()

    def sweep(self, known: Collection[str]) -> None:
        """Remove what belongs to no known task, and measure the rest."""
        with self._lock:
            folders = list(self._root.iterdir()) if self._root.is_dir() else []
            for folder in folders:
                if folder.name not in known:
                    shutil.rmtree(folder, ignore_errors=True)
            self._sizes = {folder.name: _size_bytes(folder) for folder in folders if folder.name in known}

    def put(
        self,
        job_id: str,
        number: int,
        content: bytes,
        *,
        open_jobs: Collection[str],
        of_plans: Collection[str] = (),
    ) -> bool:
        """Keep a picture; tell whether there was room. `of_plans` are the tasks of snapshot plans. Raises OSError."""
        with self._lock:
            if not self._has_room(len(content), {*open_jobs, job_id}, of_plans):
                return False
            file = self._file(job_id, number)
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.write_bytes(content)
            self._sizes[job_id] = self._sizes.get(job_id, 0) + len(content)
            return True

    def get(self, job_id: str, number: int) -> bytes | None:
        """Return a picture, None once it has given way."""
        try:
            return self._file(job_id, number).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, job_id: str) -> None:
        """Forget the pictures of a task."""
        with self._lock:
            shutil.rmtree(self._root / job_id, ignore_errors=True)
            self._sizes.pop(job_id, None)

    def _has_room(self, length: int, staying: Collection[str], of_plans: Collection[str]) -> bool:
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted(set(self._sizes) - set(staying), key=lambda old: (old not in of_plans, old)):
            if self._fits(length):
                return True
            shutil.rmtree(self._root / old, ignore_errors=True)
            del self._sizes[old]
        return self._fits(length)

    def _fits(self, length: int) -> bool:
        is_free = shutil.disk_usage(self._root).free - length >= self._free_bytes
        return is_free and sum(self._sizes.values()) + length <= self._most_bytes

    def _file(self, job_id: str, number: int) -> Path:
        return self._root / job_id / f"{number:05d}"


def _size_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
