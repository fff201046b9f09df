"""Which tasks stand still because they must never run twice and the hub does not confirm them. Pure decisions."""

import math
from collections.abc import Iterable

from federation.messages import TaskSpec

LONGEST_WAIT_S = 60.0


def fenced_tasks(tasks: Iterable[TaskSpec], confirmed_s: float | None, now_s: float) -> frozenset[str]:
    """Return the tasks that must stand still: those not confirmed since their `fence_after_s`, or never."""
    return frozenset(task.task_id for task in tasks if _left_s(task, confirmed_s, now_s) <= 0)


def next_fence_s(tasks: Iterable[TaskSpec], confirmed_s: float | None, now_s: float) -> float:
    """Return in how many seconds the next task would have to stop, at most `LONGEST_WAIT_S`."""
    left = (_left_s(task, confirmed_s, now_s) for task in tasks)
    return min((left_s for left_s in left if 0 < left_s < LONGEST_WAIT_S), default=LONGEST_WAIT_S)


def _left_s(task: TaskSpec, confirmed_s: float | None, now_s: float) -> float:
    limit_s = task.on_cut.fence_after_s
    if limit_s is None:
        return math.inf
    return -1.0 if confirmed_s is None else confirmed_s + limit_s - now_s
