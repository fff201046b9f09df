"""What a task is doing, from what is wanted of it and what its appliance says."""

from collections.abc import Iterable, Mapping

from federation.messages import TaskReport, TaskState
from hub.fleet.liveness import Condition
from hub.fleet.roster import NodeRecord
from hub.scheduling.model import TaskStatus

_STATUS = {
    TaskState.STARTING: TaskStatus.STARTING,
    TaskState.RUNNING: TaskStatus.RUNNING,
    TaskState.WAITING: TaskStatus.WAITING,
    TaskState.FAILED: TaskStatus.FAILED,
    TaskState.FENCED: TaskStatus.FENCED,
}

ReportKey = tuple[str, str]
"""A node and a task."""


def reports_by_task(nodes: Iterable[NodeRecord]) -> Mapping[ReportKey, TaskReport]:
    """Return what each node last said of each of its tasks."""
    return {
        (node.id, report.task_id): report
        for node in nodes
        if node.reported is not None
        for report in node.reported.tasks
    }


def status_of(
    *,
    started: bool,
    node_id: str | None,
    generation: int,
    reason: str,
    node: NodeRecord | None,
    report: TaskReport | None,
) -> tuple[TaskStatus, str]:
    """Return the status of a task with the reason for it; a report of an earlier placement says nothing."""
    if not started:
        return TaskStatus.STOPPED, ""
    if node_id is None:
        return TaskStatus.UNPLACED, reason
    if node is None or not node.online:
        return TaskStatus.UNREACHABLE, _unreachable(node_id, node)
    if report is None or report.generation != generation:
        return TaskStatus.STARTING, ""
    return _STATUS[report.state], report.reason


def _unreachable(node_id: str, node: NodeRecord | None) -> str:
    condition = Condition.UNKNOWN if node is None else node.life.condition
    if condition is Condition.DEAD:
        return f"node_dead: {node_id} works no more"
    return f"node_{condition}: {node_id} does not answer; it goes on by itself"
