"""Tasks that go on undisturbed by what does not concern their judge."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from appliance.analysis.decoders import BadOutput
from appliance.analysis.finding import Finding, Picture
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


class Misfit:
    """A judge whose model gives something else than its package declares."""

    def observe(self, picture: Picture, at: datetime) -> list[Finding]:
        raise BadOutput("o has 9 channels")


def test_a_model_that_breaks_its_word_stops_its_own_task_only() -> None:
    tasks = Tasks()
    tasks.apply(plan(task(), task(task_id="t2")))
    tasks.running["t1"].judge = Misfit()

    tasks.judge("gate", np.full((36, 64, 3), 128, np.uint8), datetime(2026, 11, 27, tzinfo=UTC))

    assert [item.judge is None for item in tasks.running.values()] == [True, False]
    assert tasks.running["t1"].failure == "package_unusable: o has 9 channels"
    assert tasks.running["t2"].frames == 1
