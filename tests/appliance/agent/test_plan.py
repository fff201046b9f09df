"""What streams and vision are told when the hub changes its mind."""

from pathlib import Path

from appliance.agent.plan import Wishes, merge
from federation.messages import DesiredWork

OLD, NEW = "sha256:" + "a" * 64, "sha256:" + "b" * 64
HERE = {OLD: Path("old.algpkg")}


def wishes(version: str, digest: str, *, point_id: str = "gate") -> Wishes:
    task = {
        "task_id": "t1",
        "generation": 1,
        "point_id": point_id,
        "algorithm_id": "a",
        "algorithm_version": version,
    }
    package = {"algorithm_id": "a", "version": version, "digest": digest}
    return Wishes(
        work=DesiredWork.model_validate(
            {
                "node_id": "n1",
                "hub_epoch": 1,
                "version": 1,
                "issued_at": "2026-11-24T08:00:00Z",
                "tasks": [task],
                "packages": [package],
            }
        )
    )


def test_a_task_goes_on_with_its_version_until_the_package_of_the_new_one_is_here() -> None:
    running = merge(wishes("1.0.0", OLD), HERE, before=None)
    waiting = merge(wishes("1.1.0", NEW), HERE, before=running.plan)
    still = merge(wishes("1.1.0", NEW), {}, before=waiting.plan)
    arrived = merge(wishes("1.1.0", NEW), HERE | {NEW: Path("new.algpkg")}, before=still.plan)

    assert waiting.plan == still.plan == running.plan
    assert waiting.held_back == ()
    assert [task.algorithm_version for task in arrived.plan.tasks] == ["1.1.0"]
    assert [package.path for package in arrived.plan.packages] == [Path("new.algpkg")]


def test_a_task_that_moves_to_another_point_does_not_go_on_at_the_former_one() -> None:
    running = merge(wishes("1.0.0", OLD), HERE, before=None)
    moved = merge(wishes("1.1.0", NEW, point_id="yard"), HERE, before=running.plan)

    assert moved.plan.tasks == ()
    assert moved.held_back[0].reason.startswith("package_missing")
