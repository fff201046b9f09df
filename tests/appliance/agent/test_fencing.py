"""Tasks that stop themselves while the hub does not confirm them."""

from collections.abc import Sequence

from appliance.agent.fencing import LONGEST_WAIT_S, fenced_tasks, next_fence_s
from appliance.agent.plan import Wishes, merge
from federation.messages import DesiredWork, OnCut, TaskSpec, TaskState


def task(task_id: str, fence_after_s: float | None = None) -> TaskSpec:
    return TaskSpec(
        task_id=task_id,
        generation=3,
        point_id="gate",
        algorithm_id="a",
        algorithm_version="1",
        on_cut=OnCut(fence_after_s=fence_after_s),
    )


PLAIN, PATROL, SLOW = task("plain"), task("patrol", 10), task("slow", 60)
ALL = (PLAIN, PATROL, SLOW)


def wishes(tasks: Sequence[TaskSpec], *fenced: str) -> Wishes:
    document = DesiredWork.model_validate(
        {"node_id": "n1", "hub_epoch": 1, "version": 1, "issued_at": "2026-11-24T08:00:00Z", "tasks": tasks}
    )
    return Wishes(work=document, fenced=frozenset(fenced))


def test_a_task_stands_still_from_the_very_second_of_its_limit() -> None:
    assert fenced_tasks(ALL, 100.0, 109.9) == frozenset()
    assert fenced_tasks(ALL, 100.0, 110.0) == {"patrol"}
    assert fenced_tasks(ALL, 100.0, 160.0) == {"patrol", "slow"}


def test_what_was_never_confirmed_since_the_start_stands_still_and_all_else_runs() -> None:
    assert fenced_tasks(ALL, None, 5.0) == {"patrol", "slow"}


def test_the_next_limit_is_waited_for_and_no_longer() -> None:
    assert next_fence_s(ALL, 100.0, 104.0) == 6.0
    assert next_fence_s(ALL, 100.0, 115.0) == 45.0
    assert next_fence_s((PLAIN,), 100.0, 104.0) == LONGEST_WAIT_S
    assert next_fence_s(ALL, None, 104.0) == LONGEST_WAIT_S


def test_a_fenced_task_leaves_the_plan_says_why_and_comes_back_unchanged() -> None:
    running = merge(wishes(ALL), {}, before=None)
    fenced = merge(wishes(ALL, "patrol"), {}, before=running.plan)
    released = merge(wishes(ALL), {}, before=fenced.plan)

    assert [spec.task_id for spec in fenced.plan.tasks] == ["plain", "slow"]
    [report] = fenced.held_back
    assert (report.task_id, report.generation, report.state) == ("patrol", 3, TaskState.FENCED)
    assert report.reason.startswith("unconfirmed:")
    assert released.plan.tasks == running.plan.tasks
    assert (fenced.plan.version, released.plan.version) == (2, 3)
