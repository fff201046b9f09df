"""Tasks that go on undisturbed by what does not concern their judge."""

from typing import Any

import pytest

from appliance.analysis.tasks import Tasks
from appliance.local import LocalPackage, Plan
from federation.messages import Calendar, OnCut, TaskSpec, Window

INTRUSION = "fengsui.area_intrusion"


def plan(*tasks: TaskSpec) -> Plan:
    return Plan(version=1, tasks=tasks, packages=(LocalPackage(algorithm_id=INTRUSION, version="1.0.0"),))


def task(**more: Any) -> TaskSpec:
    fields = {
        "task_id": "t1",
        "generation": 1,
        "point_id": "gate",
        "algorithm_id": INTRUSION,
        "algorithm_version": "1.0.0",
        "region": ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)),
    }
    return TaskSpec.model_validate({**fields, **more})


def at_work(spec: TaskSpec) -> Tasks:
    tasks = Tasks()
    tasks.apply(plan(spec))
    tasks.running["t1"].frames = 700
    return tasks


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"on_cut": OnCut(fence_after_s=60)},
        {"priority": 9},
        {"calendar": Calendar(windows=(Window(days=(1,)),))},
    ],
)
def test_a_task_goes_on_where_it_was_and_heeds_what_is_new(change: dict[str, Any]) -> None:
    tasks = at_work(task())
    judge = tasks.running["t1"].judge

    tasks.apply(plan(task(**change), task(task_id="t2")))

    assert judge is not None
    assert (tasks.running["t1"].judge, tasks.running["t1"].frames) == (judge, 700)
    assert tasks.running["t1"].spec == task(**change)


@pytest.mark.parametrize("change", [{"generation": 2}, {"parameters": {"dwell_s": 9}}, {"point_id": "yard"}])
def test_a_task_that_is_another_one_starts_anew(change: dict[str, Any]) -> None:
    tasks = at_work(task())

    tasks.apply(plan(task(**change)))

    assert tasks.running["t1"].frames == 0
