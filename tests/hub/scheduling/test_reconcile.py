"""What must change so that every started task has an appliance."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from federation.messages import Calendar, CameraSpec, OnCut, RecordingSpec, Shapes, TaskReport, TaskState
from federation.packages import builtin_manifests
from hub.fleet.liveness import Cause, Condition, Life
from hub.fleet.roster import NodeRecord
from hub.repository.catalogue import Catalogue, Listed, Release
from hub.scheduling.homes import Resident, homes
from hub.scheduling.model import TaskStatus
from hub.scheduling.placement import FirstFit
from hub.scheduling.reconcile import Move, WantedTask, Wish, moves, units, wishes
from hub.scheduling.state import status_of

ALGORITHM = "fengsui.area_intrusion"
CAMERA = CameraSpec(point_id="gate", name="东门", url="rtsp://h/gate", username="u", password="p")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    release = Release(manifest=builtin_manifests()[ALGORITHM], digest=None, size_bytes=0, imported_at=datetime.now(UTC))
    algorithm = Listed(id=ALGORITHM, source="builtin", on_shelf=True, releases=(release,))
    return Catalogue(algorithms={ALGORITHM: algorithm}, event_kinds={})


def node(
    node_id: str = "n1", *, online: bool = True, life: tuple[Condition, Cause] | None = None, site: str = ""
) -> NodeRecord:
    condition, cause = life or (Condition.ONLINE if online else Condition.UNKNOWN, Cause.SPOKE)
    return NodeRecord(
        id=node_id,
        name=node_id,
        site=site,
        profile="analysis",
        serial=node_id,
        software="0.1",
        panel_url="",
        enrolled_at=datetime.now(UTC),
        key_fingerprint=node_id,
        life=Life(condition=condition, cause=cause, since=datetime.now(UTC)),
    )


def task(**more: Any) -> WantedTask:
    values: dict[str, Any] = {
        "id": "t1",
        "point_id": "gate",
        "algorithm_id": ALGORITHM,
        "shapes": Shapes(),
        "parameters": {},
        "calendar": Calendar(),
        "priority": 5,
        "on_cut": OnCut(),
        "started": True,
        "node_id": None,
        "generation": 0,
        "reason": "",
    }
    return WantedTask(**{**values, **more})


def wished(
    wanted: list[WantedTask], residents: list[Resident], nodes: list[NodeRecord], catalogue: Catalogue
) -> dict[str, Wish]:
    return wishes(wanted, residents, units(nodes, [], catalogue), {"gate": CAMERA}, catalogue)


@pytest.mark.parametrize(
    ("wanted", "nodes", "expected"),
    [
        (task(), [node()], [Move(task_id="t1", node_id="n1", generation=1, reason="")]),
        (task(node_id="n1", generation=3), [node(online=False)], []),
        (
            task(node_id="gone", generation=3),
            [node()],
            [Move(task_id="t1", node_id="n1", generation=4, reason="")],
        ),
        (
            task(node_id="n1", generation=3, started=False),
            [node()],
            [Move(task_id="t1", node_id=None, generation=3, reason="")],
        ),
        (task(started=False), [node()], []),
    ],
    ids=["placed", "stays on an offline node", "leaves a removed node", "leaves when stopped", "stopped already"],
)
def test_a_task_moves_only_for_a_reason(
    catalogue: Catalogue, wanted: WantedTask, nodes: list[NodeRecord], expected: list[Move]
) -> None:
    assert moves([wanted], nodes, catalogue, FirstFit(), silent_s={}) == expected


def test_why_a_task_waits_is_written_once(catalogue: Catalogue) -> None:
    (first,) = moves([task()], [], catalogue, FirstFit(), silent_s={})

    again = moves([task(reason=first.reason)], [], catalogue, FirstFit(), silent_s={})

    assert first.reason.startswith("no_node_online")
    assert again == []


DEAD, CUT = (Condition.DEAD, Cause.DENIED), (Condition.UNKNOWN, Cause.REACHED)
MOVING = OnCut(move_after_s=60)


@pytest.mark.parametrize(
    ("on_cut", "life", "silent_s", "moved"),
    [
        (OnCut(), DEAD, 9_999, False),
        (OnCut(fence_after_s=30), DEAD, 9_999, False),
        (MOVING, DEAD, 59, False),
        (MOVING, DEAD, 60, True),
        (MOVING, CUT, 9_999, False),
        (OnCut(move_after_s=60, fence_after_s=30), CUT, 60, True),
        (OnCut(move_after_s=60, fence_after_s=60), CUT, 60, False),
        (OnCut(move_after_s=60, fence_after_s=60), CUT, 80, True),
        (MOVING, (Condition.ONLINE, Cause.SPOKE), 9_999, False),
    ],
)
def test_a_task_leaves_a_silent_appliance_only_as_its_policy_allows(
    catalogue: Catalogue, on_cut: OnCut, life: tuple[Condition, Cause], silent_s: float, *, moved: bool
) -> None:
    wanted = task(node_id="n1", generation=3, on_cut=on_cut)

    found = moves([wanted], [node(life=life), node("n2")], catalogue, FirstFit(), silent_s={"n1": silent_s})

    expected = Move(task_id="t1", node_id="n2", generation=4, reason="", left_behind=True)
    assert found == ([expected] if moved else [])


def test_a_task_that_may_leave_stays_where_it_is_while_there_is_room_nowhere_else(catalogue: Catalogue) -> None:
    wanted = task(node_id="n1", generation=3, on_cut=MOVING)

    assert moves([wanted], [node(life=DEAD)], catalogue, FirstFit(), silent_s={"n1": 99}) == []


def test_a_task_moves_to_a_neighbour_of_its_site_before_anybody_else(catalogue: Catalogue) -> None:
    wanted = task(node_id="n9", generation=3, on_cut=MOVING)
    nodes = [node("n1", site="west"), node("n2", site="east"), node("n9", life=DEAD, site="east")]

    (move,) = moves([wanted], nodes, catalogue, FirstFit(), silent_s={"n9": 99})

    assert move.node_id == "n2"


def test_what_becomes_of_a_task_when_it_is_cut_off_goes_to_its_appliance(catalogue: Catalogue) -> None:
    on_cut = OnCut(fence_after_s=30, move_after_s=60)

    wish = wished([task(node_id="n1", generation=1, on_cut=on_cut)], [], [node("n1")], catalogue)

    assert wish["n1"].tasks[0].on_cut == on_cut


def test_an_appliance_pulls_a_point_once_for_all_its_tasks(catalogue: Catalogue) -> None:
    wanted = [task(id=f"t{number}", node_id="n1", generation=1) for number in range(3)]

    wish = wished(wanted, [Resident(point_id="gate", node_id="n1")], [node("n1"), node("n2")], catalogue)

    assert (len(wish["n1"].tasks), wish["n1"].cameras, len(wish["n1"].packages)) == (3, (CAMERA,), 1)
    assert dict(wish["n1"].used) == {"analyse": 1.5, "pull": 1.0}
    assert wish["n2"].tasks == ()


@pytest.mark.parametrize("recorded", [None, True])
def test_a_point_with_tasks_on_two_boxes_is_recorded_by_its_home_alone(
    catalogue: Catalogue, *, recorded: bool | None
) -> None:
    boxes = [replace(node(node_id), profile="storage") for node_id in ("n1", "n2")]
    wanted = [task(id="t1", node_id="n1", generation=1), task(id="t2", node_id="n2", generation=1)]

    wish = wished(wanted, [Resident(point_id="gate", node_id="n2", recorded=recorded)], boxes, catalogue)

    assert [camera.recording for camera in wish["n1"].cameras] == [RecordingSpec()]  # which records nothing
    assert wish["n2"].cameras == (CAMERA,)


def test_a_dead_box_stays_the_home_of_a_recorded_point_until_its_task_has_moved(catalogue: Catalogue) -> None:
    """Cut off it records on; so no other begins before the task has left it, by its policy or with the box."""
    dead = node("n1", online=False, life=(Condition.DEAD, Cause.OPERATOR))
    boxes = [dead, node("n2"), node("n3")]
    looked_at = Resident(point_id="gate", node_id="n1", tasks_at=frozenset({"n1", "n2"}), recorded=True)
    stays = [task(id="t1", node_id="n1"), task(id="t2", node_id="n2")]
    may_move = [replace(stays[0], on_cut=OnCut(move_after_s=60)), stays[1]]

    kept = moves(stays, boxes, catalogue, FirstFit(), silent_s={"n1": 86_400.0})
    [moved] = moves(may_move, boxes, catalogue, FirstFit(), silent_s={"n1": 61.0})
    [homeless] = moves(stays, boxes[1:], catalogue, FirstFit(), silent_s={})  # the box was removed
    after = replace(looked_at, tasks_at=frozenset({"n2", str(moved.node_id)}))

    assert kept == []
    assert homes([looked_at], units(boxes, [], catalogue)) == {}
    assert (moved.task_id, homeless.task_id) == ("t1", "t1")
    assert homes([after], units(boxes, [], catalogue)) == {"gate": "n2"}


@pytest.mark.parametrize(
    ("profile", "recorded", "pull"),
    [
        ("analysis", None, "asked"),
        ("analysis", False, "asked"),
        ("analysis", True, "always"),
        ("storage", None, "always"),  # such boxes record what they pull
        ("storage", False, "asked"),
    ],
)
def test_a_point_without_tasks_is_pulled_at_its_home_always_if_it_is_recorded_there(
    catalogue: Catalogue, profile: str, *, recorded: bool | None, pull: str
) -> None:
    home = replace(node("n1"), profile=profile)

    wish = wished([], [Resident(point_id="gate", node_id="n1", recorded=recorded)], [home, node("n2")], catalogue)

    assert [camera.pull for camera in wish["n1"].cameras] == [pull]
    assert dict(wish["n1"].used) == {"analyse": 0, "pull": 1.0 if pull == "always" else 0.0}
    assert wish["n2"].cameras == ()


def test_a_recorded_point_takes_a_stream_of_what_its_home_offers_to_tasks(catalogue: Catalogue) -> None:
    recorded = [Resident(point_id=f"p{number}", node_id="n1", recorded=True) for number in range(100)]

    (move,) = moves([task()], [node("n1")], catalogue, FirstFit(), silent_s={}, residents=recorded)

    assert (move.node_id, move.reason) == (None, "no_capacity: short of 1 pull on n1")


@pytest.mark.parametrize(
    ("started", "node_id", "online", "generation", "expected"),
    [
        (False, None, [], 1, TaskStatus.STOPPED),
        (True, None, ["n1"], 1, TaskStatus.UNPLACED),
        (True, "n1", [], 1, TaskStatus.UNREACHABLE),
        (True, "n1", ["n1"], 2, TaskStatus.STARTING),  # the report speaks of an earlier placement
        (True, "n1", ["n1"], 1, TaskStatus.FAILED),
    ],
)
def test_a_status_joins_what_is_wanted_and_what_is_reported(
    *, started: bool, node_id: str | None, online: list[str], generation: int, expected: TaskStatus
) -> None:
    report = TaskReport(task_id="t1", generation=1, state=TaskState.FAILED, reason="package_missing: x")

    status, _ = status_of(
        started=started,
        node_id=node_id,
        generation=generation,
        reason="",
        node=node(node_id, online=node_id in online) if node_id else None,
        report=report,
    )

    assert status == expected
