"""Algorithms of a bundle over one backbone: computed once for a frame, whichever of them are asked."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.packages import PackageKey, Ready, Unusable
from appliance.local import ModelReport
from federation.messages import Detection
from federation.testing.waiting import until
from tests.appliance.analysis.engine.backbone import blinded, head, write_member
from tests.appliance.analysis.engine.conftest import Running, running
from tests.appliance.analysis.engine.test_switching import NEW, OLD, filmed, plan

A, B, C = ("test.a", "1.0.0"), ("test.b", "1.0.0"), ("test.c", "1.0.0")
WHITE = np.full((32, 32, 3), 255, np.uint8)
WITHIN_S = 60


async def written(folder: Path, name: str, own: bytes, **changes: Any) -> Path:
    return (await asyncio.to_thread(write_member, folder, name, own, **changes)).path


@pytest.fixture
async def members(tmp_path: Path) -> dict[PackageKey, Path]:
    """Give the packages of three algorithms over one backbone."""
    return {key: await written(tmp_path, key[0], head(label)) for label, key in enumerate((A, B, C))}


def only(engine: Running) -> ModelReport:
    (model,) = engine.engine.report().models
    return model


def runs(engine: Running) -> dict[str, int]:
    """Return how often the backbone, and the head of each algorithm, has been computed on duty."""
    model = only(engine)
    return {"backbone" if part.role == "backbone" else " ".join(part.packages): part.runs for part in model.parts}


def the_one(seen: tuple[Detection, ...] | Dropped) -> Detection:
    assert not isinstance(seen, Dropped), seen
    return seen[0]


async def test_three_algorithms_are_fed_by_one_computation_of_their_backbone(
    engine: Running, members: dict[PackageKey, Path]
) -> None:
    await engine.holds(members)

    first, second = await engine.sees(members), await engine.sees(members)

    assert [the_one(first[key]).label for key in (A, B, C)] == ["bin", "person", "cart"]
    assert [len({the_one(seen[key]).score for key in seen}) for seen in (first, second)] == [1, 1]
    assert the_one(first[A]).score != the_one(second[A]).score  # the die was thrown again for the second frame
    assert runs(engine) == {"backbone": 2, "test.a 1.0.0": 2, "test.b 1.0.0": 2, "test.c 1.0.0": 2}


async def test_the_head_of_an_algorithm_that_is_not_asked_does_not_run(
    engine: Running, members: dict[PackageKey, Path]
) -> None:
    await engine.holds(members)

    await engine.sees([A, C])
    await engine.sees([A])

    assert runs(engine) == {"backbone": 2, "test.a 1.0.0": 2, "test.b 1.0.0": 0, "test.c 1.0.0": 1}


async def test_heads_come_and_go_while_the_backbone_works_on_in_its_process(
    engine: Running, members: dict[PackageKey, Path]
) -> None:
    await engine.holds({A: members[A]})
    await engine.sees([A])
    alone = only(engine)

    await engine.holds(members)
    seen = await engine.sees(members)
    together = only(engine)
    await engine.holds({A: members[A], C: members[C]})
    await until(
        lambda: set(runs(engine)) == {"backbone", "test.a 1.0.0", "test.c 1.0.0"}, within_s=WITHIN_S, what="a head gone"
    )
    after = await engine.sees([A, C])

    assert set(seen) == set(members)
    assert set(after) == {A, C}
    assert (alone.pid, together.pid) == (together.pid, only(engine).pid)
    assert [item.declared_mb for item in (alone, together, only(engine))] == [256 + 64, 256 + 3 * 64, 256 + 2 * 64]
    assert only(engine).restarts == 0


async def test_a_head_that_fails_at_a_picture_costs_its_own_algorithm_that_picture(
    engine: Running, members: dict[PackageKey, Path], tmp_path: Path
) -> None:
    await engine.holds({A: members[A], B: await written(tmp_path, "test.blinded", blinded())})

    at_grey, at_white = await engine.sees([A, B]), await engine.sees([A, B], WHITE)

    assert {the_one(at_grey[key]).label for key in (A, B)} == {"bin"}
    assert the_one(at_white[A]).label == "bin"
    lost = at_white[B]
    assert isinstance(lost, Dropped)
    assert lost.detail.startswith("model_failed")


async def test_a_head_that_fits_no_backbone_is_unusable_and_the_others_go_on(
    engine: Running, members: dict[PackageKey, Path], tmp_path: Path
) -> None:
    torn = await written(tmp_path, "test.torn", head(0, feature="depth"))

    found = await engine.holds({A: members[A], B: torn})

    assert isinstance(found[A], Ready)
    state = found[B]
    assert isinstance(state, Unusable)
    assert state.reason == "package_unusable: the backbone has outputs ['bright', 'dice'], and no ['depth']"
    assert the_one((await engine.sees([A]))[A]).label == "bin"


async def test_a_head_needs_room_beside_its_backbone(members: dict[PackageKey, Path], tmp_path: Path) -> None:
    declared = (await asyncio.to_thread(write_member, tmp_path, "test.big", head(1))).manifest
    platform = declared.runtime.platforms[0].model_copy(update={"ram_mb": 4000})
    big = await written(
        tmp_path, "test.big", head(1), runtime=declared.runtime.model_copy(update={"platforms": (platform,)})
    )
    async with running(memory_mb=1000) as engine:
        found = await engine.holds({A: members[A], B: big})

        assert the_one((await engine.sees([A]))[A]).label == "bin"

    state = found[B]
    assert isinstance(state, Unusable)
    assert state.reason.startswith("memory_short: the model declares 4000 MB")


async def test_a_member_changes_its_version_beside_the_others_on_the_same_backbone(
    engine: Running, tmp_path: Path
) -> None:
    old = await written(tmp_path, "test.planted", head(0))
    new = await written(tmp_path, "test.planted", head(0), version=NEW, notes=[])
    async with filmed(engine, old) as camera:
        pid = only(engine).pid
        await camera.judging.adopt(plan(NEW, new, generation=2))
        await camera.changes_to(NEW)
        await camera.sends(10)

    assert camera.task.frames == camera.sent
    assert engine.engine.dropped == 0
    assert only(engine).pid == pid
    assert {f"test.planted {number}" for number in (OLD, NEW)} == set(only(engine).packages)
