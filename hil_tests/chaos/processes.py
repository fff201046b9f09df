"""What a process has cost so far, as Linux counts it."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU seconds since the start, and resident memory in bytes."""

    cpu_s: float
    memory_bytes: int


def cost_of(pid: int | None) -> Cost:
    """Return the cost of a process; nothing for one that does not run."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return Cost(cpu_s=0.0, memory_bytes=0)
    fields = text.rsplit(")", 1)[1].split()
    # proc(5): utime and stime are fields 14 and 15, rss is 24; counted from the state, field 3.
    return Cost(cpu_s=(int(fields[11]) + int(fields[12])) / TICKS_PER_S, memory_bytes=int(fields[21]) * PAGE_BYTES)
