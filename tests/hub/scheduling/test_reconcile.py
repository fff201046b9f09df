"""What must change so that every started task has an appliance."""

from datetime import UTC, datetime
from typing import Any

import pytest

from federation.messages import Calendar, CameraSpec, TaskReport, TaskState
from federation.packages import builtin_manifests
from hub.fleet.liveness import Cause, Condition, Life
from hub.fleet.roster import NodeRecord
from hub.repository.catalogue import Catalogue, Release, listed
from hub.scheduling.model import TaskStatus
from hub.scheduling.placement import FirstFit
from hub.scheduling.reconcile import Move, WantedTask, moves, wishes
from hub.scheduling.state import status_of

ALGORITHM = "fengsui.area_intrusion"
CAMERA = CameraSpec(point_id="gate", name="东门", url="rtsp://h/gate", username="u", password="p")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    release = Release(manifest=builtin_manifests()[ALGORITHM], digest=None, size_bytes=0, imported_at=datetime.now(UTC))
    return Catalogue(algorithms={ALGORITHM: listed(ALGORITHM, "builtin", [release], on_shelf=True)}, event_kinds={})


def node(node_id: str = "n1", *, online: bool = True) -> NodeRecord:
    condition = Condition.ONLINE if online else Condition.UNKNOWN
    return NodeRecord(
        id=node_id,
        name=node_id,
        site="",
        profile="analysis",
        serial=node_id,
        software="0.1",
        panel_url="",
        enrolled_at=datetime.now(UTC),
        key_fingerprint=node_id,
        life=Life(condition=condition, cause=Cause.SPOKE, since=datetime.now(UTC)),
    )


def task(**more: Any) -> WantedTask:
    values: dict[str, Any] = {
        "id": "t1",
        "point_id": "gate",
        "algorithm_id": ALGORITHM,
        "region": None,
        "parameters": {},
        "calendar": Calendar(),
        "priority": 5,
        "started": True,
        "node_id": None,
        "generation": 0,
        "reason": "",
    }
    return WantedTask(**{**values, **more})


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
    assert moves([wanted], nodes, catalogue, FirstFit()) == expected


def test_why_a_task_waits_is_written_once(catalogue: Catalogue) -> None:
    (first,) = moves([task()], [], catalogue, FirstFit())

    again = moves([task(reason=first.reason)], [], catalogue, FirstFit())

    assert first.reason.startswith("no_node_online")
    assert again == []


def test_an_appliance_pulls_a_point_once_for_all_its_tasks(catalogue: Catalogue) -> None:
    wanted = [task(id=f"t{number}", node_id="n1", generation=1) for number in range(3)]

    wish = wishes(wanted, {"n1", "n2"}, {"gate": CAMERA}, catalogue)

    assert (len(wish["n1"].tasks), wish["n1"].cameras, len(wish["n1"].packages)) == (3, (CAMERA,), 1)
    assert dict(wish["n1"].used) == {"analyse": 1.5, "pull": 1.0}
    assert wish["n2"].tasks == ()


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
        started=started, node_id=node_id, generation=generation, reason="", online=online, report=report
    )

    assert status == expected
