"""Tasks that go on undisturbed by what does not concern their judge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.analysis.engine.packages import Ready, Unusable
from appliance.analysis.finding import Found
from appliance.analysis.tasks import Shown, Tasks
from appliance.analysis.views import UNKNOWN, Outlook
from appliance.local import LocalPackage, Plan, View, Views
from federation.messages import Box, Calendar, Detection, OnCut, Scene, TaskSpec, TaskState, Window
from tests.appliance.analysis.test_detector import manifest

INTRUSION = "fengsui.area_intrusion"
NOW = datetime(2026, 11, 27, tzinfo=UTC)


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
    tasks.apply(plan(spec), {}, NOW)
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
    judge = tasks.running["t1"].judges

    tasks.apply(plan(task(**change), task(task_id="t2")), {}, NOW)

    assert judge is not None
    assert (tasks.running["t1"].judges, tasks.running["t1"].frames) == (judge, 700)
    assert tasks.running["t1"].spec == task(**change)


@pytest.mark.parametrize("change", [{"generation": 2}, {"parameters": {"dwell_s": 9}}, {"point_id": "yard"}])
def test_a_task_that_is_another_one_starts_anew(change: dict[str, Any]) -> None:
    tasks = at_work(task())

    tasks.apply(plan(task(**change)), {}, NOW)

    assert tasks.running["t1"].frames == 0


def test_what_is_drawn_for_a_point_begins_its_tasks_anew_and_no_others() -> None:
    tasks = Tasks()
    both = (task(), task(task_id="t2", point_id="yard"))
    tasks.apply(plan(*both), {}, NOW)
    before = {name: running.judges for name, running in tasks.running.items()}
    scene = Scene(masks=(((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),))

    tasks.apply(plan(*both).model_copy(update={"scenes": {"gate": (scene,)}}), {}, NOW)

    assert {name: running.judges is before[name] for name, running in tasks.running.items()} == {
        "t1": False,
        "t2": True,
    }


KEY = ("test.planted", "1.0.0")
LOADED = Ready(manifest=manifest({"decoder": "rows", "tensor": "o"}), network="n", head="h")
WALKER = Detection(label="bin", score=0.9, box=Box(x=0.2, y=0.2, width=0.1, height=0.2))
SHOWN = Shown(point_id="gate", picture=np.full((36, 64, 3), 128, np.uint8), at=datetime(2026, 11, 27, tzinfo=UTC))


def with_models() -> Plan:
    """Return a plan of two tasks of one model and one that needs none."""
    own = {"algorithm_id": KEY[0], "region": None}
    packages = (
        LocalPackage(algorithm_id=KEY[0], version=KEY[1], path=Path("a.algpkg")),
        LocalPackage(algorithm_id=INTRUSION, version="1.0.0"),
    )
    return Plan(version=1, tasks=(task(**own), task(task_id="t2", **own), task(task_id="t3")), packages=packages)


def test_a_task_begins_when_its_model_is_loaded_and_the_others_do_not_wait_for_it() -> None:
    tasks = Tasks()

    tasks.apply(with_models(), {}, NOW)
    waiting = tasks.needs("gate", SHOWN.at)
    tasks.apply(with_models(), {KEY: LOADED}, NOW)

    assert waiting == {None}
    assert tasks.needs("gate", SHOWN.at) == {None, KEY}
    assert tasks.running["t1"].failure == ""


def test_what_a_model_saw_is_judged_by_all_tasks_that_share_it_and_by_no_other() -> None:
    tasks = Tasks()
    tasks.apply(with_models(), {KEY: LOADED}, NOW)

    found = tasks.judge(SHOWN, {KEY: Found(detections=(WALKER,))})

    assert [spec.task_id for spec, _ in found] == ["t1", "t2"]
    assert [item.frames for item in tasks.running.values()] == [1, 1, 0]


def test_a_task_begins_anew_where_the_clock_was_set_back_instead_of_waiting_for_the_time_before() -> None:
    tasks = Tasks()
    tasks.apply(with_models(), {KEY: LOADED}, NOW)
    seen: dict[tuple[str, str] | None, Found] = {KEY: Found(detections=(WALKER,))}

    told = [
        len(tasks.judge(replace(SHOWN, at=SHOWN.at + timedelta(seconds=after_s)), seen))
        for after_s in (7200, 7210, 7205, 0, 10)
    ]

    assert told == [2, 0, 0, 2, 0]


@pytest.mark.parametrize(("days", "judged"), [((5,), True), ((1,), False)])  # the picture is of a Friday
def test_a_task_judges_nothing_while_its_calendar_is_closed_and_says_that_it_waits(
    days: tuple[int, ...], *, judged: bool
) -> None:
    tasks, spec = Tasks(), task(algorithm_id=KEY[0], region=None, calendar=Calendar(windows=(Window(days=days),)))
    tasks.apply(with_models().model_copy(update={"tasks": (spec,)}), {KEY: LOADED}, NOW)

    wanted = tasks.needs("gate", SHOWN.at)
    found = tasks.judge(SHOWN, {KEY: Found(detections=(WALKER,))})

    assert (bool(wanted), bool(found)) == (judged, judged)
    assert (tasks.running["t1"].report(NOW).state == TaskState.WAITING) is not judged


def test_a_package_that_the_engine_refuses_stops_its_own_tasks_only() -> None:
    tasks = Tasks()

    tasks.apply(with_models(), {KEY: Unusable(reason="memory_short: the model declares 4096 MB")}, NOW)

    assert [item.failure for item in tasks.running.values()] == ["memory_short: the model declares 4096 MB"] * 2 + [""]


def test_a_model_that_breaks_its_word_stops_its_own_tasks_only() -> None:
    tasks = Tasks()
    tasks.apply(with_models(), {KEY: LOADED}, NOW)

    tasks.trouble("gate", [KEY], "package_unusable: o has 9 channels")

    assert [item.judges is None for item in tasks.running.values()] == [True, True, False]
    assert tasks.running["t1"].failure == "package_unusable: o has 9 channels"


def test_a_task_whose_model_is_made_anew_says_so_and_goes_on() -> None:
    tasks = Tasks()
    tasks.apply(with_models(), {KEY: LOADED}, NOW)

    tasks.trouble("gate", [KEY], "model_crashed: signal 9")
    told = tasks.running["t1"].report(SHOWN.at)
    tasks.judge(SHOWN, {KEY: Found()})

    assert (told.state, told.reason) == (TaskState.FAILED, "model_crashed: signal 9")
    assert tasks.running["t1"].report(SHOWN.at).state is TaskState.RUNNING


EAST, WEST = (tuple((x + side, y) for x, y in ((0.0, 0.0), (0.4, 0.0), (0.4, 1.0), (0.0, 1.0))) for side in (0.5, 0.0))


def drawn(preset: str | None, region: Any) -> Scene:
    return Scene(preset=preset, regions=(region,))


def looking(preset: str = "", *, place: int = 0, turning: bool = False) -> View:
    return View(since=NOW, preset=preset, place=place, turning=turning)


def with_scenes(*scenes: Scene, **more: Any) -> Tasks:
    """Return a task of a model that reports walkers at once, at a point with these scenes."""
    tasks = Tasks()
    plan_of_one = with_models().model_copy(
        update={"tasks": (task(algorithm_id=KEY[0], region=None, **more),), "scenes": {"gate": scenes}}
    )
    tasks.apply(plan_of_one, {KEY: LOADED}, NOW)
    return tasks


def findings_at(tasks: Tasks, view: View, *, after_s: float = 0.0) -> list[Any]:
    """Show the walker, who stands in the west of the picture."""
    shown = replace(SHOWN, view=view, at=SHOWN.at + timedelta(seconds=after_s))
    return [finding.region for _, finding in tasks.judge(shown, {KEY: Found(detections=(WALKER,))})]


def test_a_region_of_a_preset_is_judged_only_while_the_camera_looks_there() -> None:
    tasks = with_scenes(drawn("1", WEST), drawn("2", EAST))

    at_both = [findings_at(tasks, looking(preset)) for preset in ("1", "2")]
    elsewhere = [findings_at(tasks, view) for view in (looking("3"), looking(place=4), UNKNOWN)]

    assert at_both == [[WEST], []]
    assert elsewhere == [[], [], []]
    assert tasks.running["t1"].frames == 2


def test_nothing_is_judged_while_the_camera_turns() -> None:
    tasks = with_scenes(drawn(None, WEST))

    turning = findings_at(tasks, looking(turning=True))

    assert turning == []
    assert tasks.needs("gate", NOW, looking(turning=True)) == frozenset()
    assert findings_at(tasks, looking()) == [WEST]


def test_what_is_drawn_for_every_view_holds_where_nothing_is_drawn_for_the_preset() -> None:
    tasks = with_scenes(drawn(None, WEST), drawn("2", EAST))

    assert [findings_at(tasks, looking(preset)) for preset in ("", "1", "2")] == [[WEST], [WEST], []]


def test_a_task_goes_before_its_point_at_each_view() -> None:
    tasks = with_scenes(drawn("1", EAST), scenes=(drawn("1", WEST),))

    assert findings_at(tasks, looking("1")) == [WEST]


def test_what_is_remembered_of_one_view_says_nothing_of_another_and_is_there_when_the_camera_is_back() -> None:
    tasks = with_scenes()
    at_one, elsewhere, back = (
        findings_at(tasks, view, after_s=after_s)
        for after_s, view in enumerate((looking("1"), looking(place=7), looking("1")))
    )

    assert (at_one, elsewhere, back) == ([None], [None], [])  # the walker of preset 1 was told already


@pytest.mark.parametrize(
    ("view", "state", "code"),
    [
        (looking("1"), TaskState.STARTING, ""),
        (looking("1", turning=True), TaskState.STARTING, ""),
        (looking("2"), TaskState.WAITING, "view_other"),
        (UNKNOWN, TaskState.WAITING, "view_unknown"),
    ],
)
def test_a_task_says_why_it_judges_nothing_of_what_its_camera_shows(view: View, state: TaskState, code: str) -> None:
    report = with_scenes(drawn("1", WEST)).running["t1"].report(NOW, view)

    assert (report.state, report.reason.partition(":")[0]) == (state, code)


def test_a_picture_is_judged_by_where_the_camera_looked_when_it_came() -> None:
    outlook = Outlook()
    for second, view in enumerate((looking("1"), looking(turning=True), looking("2"))):
        told = view.model_copy(update={"since": NOW + timedelta(seconds=second)})
        outlook.adopt(Views(version=second, views={"gate": told}))

    found = [outlook.at("gate", NOW + timedelta(seconds=seconds)) for seconds in (-1, 0.5, 1.5, 9)]

    assert [(view.preset, view.turning) for view in found] == [("", False), ("1", False), ("", True), ("2", False)]
    assert outlook.at("yard", NOW) == UNKNOWN


def test_where_the_clock_was_set_back_a_camera_looks_where_it_does_now() -> None:
    outlook = Outlook()
    for minute, preset in enumerate(("1", "2")):
        told = looking(preset).model_copy(update={"since": NOW + timedelta(minutes=minute)})
        outlook.adopt(Views(version=minute, views={"gate": told}))
    set_back = NOW - timedelta(hours=1)

    assert outlook.at("gate", set_back).preset == "2"
    turned = looking("3").model_copy(update={"since": set_back + timedelta(seconds=5)})
    outlook.adopt(Views(version=2, views={"gate": turned}))

    assert outlook.at("gate", set_back + timedelta(seconds=9)).preset == "3"
