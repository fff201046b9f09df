"""What streams and vision are told when the hub changes its mind."""

from pathlib import Path

from appliance.agent.plan import Wishes, merge
from federation.messages import DesiredCaptures, DesiredWork

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


def test_an_algorithm_that_looks_at_the_pictures_of_a_plan_is_needed_without_any_task() -> None:
    only = wishes("1.0.0", OLD)
    assert only.work is not None
    rounds = [{"point_id": "gate"}]
    algorithm = {"algorithm_id": "a", "version": "1.0.0"}
    plans = [
        {"plan_id": "p1", "name": "p", "enabled": enabled, "every_s": 10, "rounds": rounds, "algorithm": named}
        for enabled, named in ((True, None), (False, algorithm), (True, algorithm))
    ]
    needed = []
    for count in (2, 3):
        captures = DesiredCaptures.model_validate(
            {"node_id": "n1", "hub_epoch": 1, "version": 1, "issued_at": "2026-11-24T08:00:00Z", "plans": plans[:count]}
        )
        work = only.work.model_copy(update={"tasks": ()})
        (package,) = merge(Wishes(work=work, captures=captures), HERE, before=None).plan.packages
        needed.append(package.for_pictures)

    assert needed == [False, True]
