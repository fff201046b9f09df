"""The plans of TensorRT that this box has built: kept for the next start, for this card and these versions alone."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 4 << 30
_BUILDING = ".building"


@dataclass(frozen=True, kw_only=True)
class Plans:
    """A folder for each plan, in one for `versions`: what a plan depends on beside model and card. Methods block."""

    folder: Path
    versions: str
    most_bytes: int = MOST_BYTES

    @property
    def own(self) -> Path:
        """Where the plans for these versions are."""
        return self.folder / _digest(self.versions)

    def clear_stale(self) -> None:
        """Remove what was built for other versions, or not to its end."""
        self.own.mkdir(mode=0o700, parents=True, exist_ok=True)
        for other in self.folder.iterdir():
            if other != self.own:
                shutil.rmtree(other)
        for unfinished in self.own.glob(f"*{_BUILDING}"):
            shutil.rmtree(unfinished)

    def found(self, network: str, card: str) -> Path | None:
        """Return the plan of a model for a card, and remember that it is used; None where there is none."""
        path = self._of(network, card)
        if not path.is_dir():
            return None
        os.utime(path)
        return path

    def begin(self, network: str, card: str) -> Path:
        """Return an empty folder in which a plan is built; nobody finds it before it is kept."""
        path = self._of(network, card).with_suffix(_BUILDING)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(mode=0o700, parents=True)
        return path

    def keep(self, built: Path) -> Path:
        """Let what was built be found; those go that were used longest ago and have no room beside it."""
        path = built.with_suffix("")
        shutil.rmtree(path, ignore_errors=True)
        built.rename(path)
        newest_first = sorted(self.own.iterdir(), key=lambda plan: plan.stat().st_mtime, reverse=True)
        others = [plan for plan in newest_first if plan != path and plan.suffix != _BUILDING]
        left_bytes = self.most_bytes - _size_bytes(path)
        for plan in others:
            left_bytes -= _size_bytes(plan)
            if left_bytes < 0:
                shutil.rmtree(plan)
        return path

    def drop(self, plan: Path) -> None:
        """Remove a plan that is no good."""
        shutil.rmtree(plan, ignore_errors=True)

    def _of(self, network: str, card: str) -> Path:
        return self.own / _digest(network, card)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _size_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
