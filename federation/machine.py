"""Shares of CPU, memory and disk in use, from /proc and the file system."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from federation.messages import Metrics

PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class MachineShares:
    """Each from 0 to 1; `cpu` is over the time since the reading before."""

    cpu: float
    memory: float
    disk: float


@dataclass(frozen=True, kw_only=True)
class CpuTimes:
    """Ticks since boot, summed over all cores."""

    total: int
    idle: int


@dataclass(kw_only=True)
class MachineGauge:
    """Reads the shares; `disk` is the folder whose file system counts. Its method blocks for a moment."""

    disk: Path
    _before: CpuTimes | None = field(default=None, init=False)

    def read(self) -> MachineShares:
        """Return the present shares; the first CPU share is that since boot."""
        now = parse_cpu_times((PROC / "stat").read_text(encoding="ascii"))
        before, self._before = self._before, now
        return MachineShares(
            cpu=cpu_share(before or CpuTimes(total=0, idle=0), now),
            memory=memory_share((PROC / "meminfo").read_text(encoding="ascii")),
            disk=_disk_share(self.disk),
        )


def metrics_of(node_id: str, shares: MachineShares) -> Metrics:
    """Return what a node tells its hub of shares that were read just now, to a thousandth."""
    return Metrics(
        node_id=node_id,
        at=datetime.now(UTC),
        cpu_share=round(shares.cpu, 3),
        memory_share=round(shares.memory, 3),
        disk_share=round(shares.disk, 3),
    )


def parse_cpu_times(stat: str) -> CpuTimes:
    """Return the ticks in the first line of /proc/stat; waiting for the disk counts as idle."""
    ticks = [int(word) for word in stat.partition("\n")[0].split()[1:9]]
    return CpuTimes(total=sum(ticks), idle=ticks[3] + ticks[4])


def cpu_share(before: CpuTimes, now: CpuTimes) -> float:
    """Return the share of the time between two readings that was not idle."""
    total = now.total - before.total
    return _share(total - (now.idle - before.idle), total)


def memory_share(meminfo: str) -> float:
    """Return the share of memory that /proc/meminfo does not call available."""
    sizes_kb = {line.partition(":")[0]: int(line.split()[1]) for line in meminfo.splitlines() if line}
    total_kb = sizes_kb["MemTotal"]
    return _share(total_kb - sizes_kb["MemAvailable"], total_kb)


@dataclass(frozen=True, kw_only=True)
class DiskRoom:
    """A file system: how large it is, and how much of it is left for us."""

    size_bytes: int
    free_bytes: int


def disk_room(folder: Path) -> DiskRoom:
    """Return the room on the file system of `folder`. Blocks for a moment."""
    found = os.statvfs(folder)
    return DiskRoom(size_bytes=found.f_blocks * found.f_frsize, free_bytes=found.f_bavail * found.f_frsize)


def _disk_share(folder: Path) -> float:
    found = os.statvfs(folder)
    used = found.f_blocks - found.f_bfree
    return _share(used, used + found.f_bavail)  # as df counts: root's reserve is not there for us


def _share(part: int, whole: int) -> float:
    return 0.0 if whole <= 0 else min(1.0, max(0.0, part / whole))
