"""Which processes of the box report, and how often one of them had to be started again."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

AGENT = "agent"
STREAMS = "streams"
VISION = "vision"
SILENT_AFTER_S = 10.0


class ProcessRecord(BaseModel):
    """What is known across restarts of the agent; stored as a document.

    `supervisor` names the running supervisor: another one means that the whole box was started anew.
    `agent_running` stays true when the agent did not end in order.
    """

    model_config = ConfigDict(frozen=True)

    supervisor: str
    restarts: int = 0
    pids: dict[str, int] = Field(default_factory=dict)
    agent_running: bool = False


def agent_started(before: ProcessRecord | None, *, supervisor: str, pid: int) -> ProcessRecord:
    """Return the record as the agent starts; an agent that was killed under the same supervisor counts."""
    if before is None or before.supervisor != supervisor:
        return ProcessRecord(supervisor=supervisor, pids={AGENT: pid}, agent_running=True)
    died = before.agent_running and before.pids.get(AGENT) != pid
    return before.model_copy(
        update={
            "restarts": before.restarts + died,
            "pids": {**before.pids, AGENT: pid},
            "agent_running": True,
        }
    )


def agent_ended(before: ProcessRecord) -> ProcessRecord:
    """Return the record as the agent ends in order."""
    return before.model_copy(update={"agent_running": False})


def reported(before: ProcessRecord, process: str, pid: int) -> ProcessRecord:
    """Return the record after a report of `process`; a pid that differs from the one before counts."""
    known = before.pids.get(process)
    if known == pid:
        return before
    restarts = before.restarts + (known is not None)
    return before.model_copy(update={"restarts": restarts, "pids": {**before.pids, process: pid}})


def started_anew(before: ProcessRecord, now: ProcessRecord) -> tuple[str, ...]:
    """Return the processes whose unplanned restart makes the difference between two records."""
    if now.restarts <= before.restarts or now.supervisor != before.supervisor:
        return ()
    return tuple(name for name, pid in now.pids.items() if before.pids.get(name) not in {None, pid})


def supervisor_name() -> str:
    """Return a name for our parent process that no later process gets: its pid and when it started. Blocks."""
    parent = os.getppid()
    try:
        stat = Path(f"/proc/{parent}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return str(parent)
    started_ticks = stat.rpartition(")")[2].split()[19]  # field 22; the name before it may hold spaces
    return f"{parent}@{started_ticks}"
