"""Models go over to a plan of TensorRT beside the process that serves: with real processes, and no card.

On cores a plan is nothing and every process computes as before: what is shown here is how one takes over from another.
That a plan computes on a card is shown by nothing here.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import onnxruntime as ort
import pytest

from appliance.analysis.accelerating import Acceleration, version_on
from appliance.analysis.engine.cards import cards_here
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.host import Host, ModelFails
from appliance.analysis.engine.model import Model, Sighted
from appliance.analysis.engine.packages import PackageKey
from appliance.analysis.engine.plans import Plans
from appliance.analysis.engine.queue import Lane
from appliance.analysis.engine.tensorrt import PROVIDER
from federation.packages import Manifest
from federation.testing.waiting import until
from tests.appliance.analysis.engine.conftest import ROWS, WITHIN_S, Pack, Running, one_box
from tests.appliance.analysis.test_detector import WIDE, manifest

A: PackageKey = ("a", "1.0.0")
CARD = Device(kind="cuda", batch=16)
SAMPLE = bytes(cv2.imencode(".png", WIDE)[1])


def proven(**more: Any) -> Manifest:
    """Return a manifest with a sample; the model sees a bin in it."""
    given = manifest(ROWS).model_dump(mode="json", exclude_defaults=True)
    sample = {"file": "models/sample.onnx", "objects": [{"label": "bin", "box": [0.25, 0.25, 0.5, 0.75]}]}
    return Manifest.model_validate({**given, "samples": [sample], **more})


async def held(engine: Running, pack: Pack, declared: Manifest | None = None, model: bytes | None = None) -> Model:
    await engine.holds({A: await pack("a", model or one_box(label=0), declared or proven(), sample=SAMPLE)})
    (model_,) = engine.engine.shares()
    return model_


async def gone_over(engine: Running, model: Model, folder: Path) -> None:
    acceleration = Acceleration(engine=engine.engine, device=model.device, folder=folder, version_on=version_on)
    plans = Plans(folder=folder, versions="test")
    async with asyncio.timeout(WITHIN_S):
        await acceleration.try_over(plans, model, engine.engine.shares()[model])


@asynccontextmanager
async def watched(engine: Running) -> AsyncIterator[list[object]]:
    """Show the engine frames of two cameras as fast as it takes them; give what it said to each."""
    told: list[object] = []
    stopped = asyncio.Event()

    async def camera(name: str) -> None:
        while not stopped.is_set():
            frame = Frame(source=name, at=datetime.now(UTC), decode=lambda: WIDE, gallery=engine.engine.gallery)
            for asked in engine.engine.look(frame, [A], lane=Lane.STREAM):
                answer = await asked.answer
                told.append(answer if isinstance(answer, Dropped) else answer[asked.heads[A]])

    async with asyncio.TaskGroup() as group:
        for name in ("gate", "yard"):
            group.create_task(camera(name))
        await until(lambda: len(told) >= 4, within_s=WITHIN_S, what="frames")
        yield told
        seen = len(told)
        await until(lambda: len(told) >= seen + 4, within_s=WITHIN_S, what="frames afterwards")
        stopped.set()


async def test_no_frame_is_lost_while_a_plan_is_built_proven_and_takes_over(
    engine: Running, pack: Pack, tmp_path: Path
) -> None:
    model = await held(engine, pack)
    before = model.pid
    async with watched(engine) as told:
        await gone_over(engine, model, tmp_path)

    assert not [item for item in told if isinstance(item, Dropped)]
    assert (engine.engine.dropped, model.cost.plain, model.cost.restarts) == (0, "", 0)
    assert model.pid not in (0, before)
    assert len(list(Plans(folder=tmp_path, versions="test").own.iterdir())) == 1


async def test_a_plan_that_fails_on_duty_gives_way_to_what_worked_before_and_that_is_counted(
    engine: Running, pack: Pack, tmp_path: Path
) -> None:
    model = await held(engine, pack)
    await gone_over(engine, model, tmp_path)
    os.kill(model.pid, signal.SIGKILL)

    async def back() -> bool:
        return not isinstance((await engine.sees([A]))[A], Dropped)

    await until(back, within_s=WITHIN_S, what="the model at work again")
    (report,) = engine.engine.report().models
    assert (report.gave_up, report.provider) == (1, "CPU")
    assert report.plain.startswith("tensorrt_failed: ")


@pytest.mark.parametrize(
    ("label", "declared", "reason"),
    [
        (0, manifest(ROWS), "no package that shares the model has samples"),
        (1, proven(), ""),
        (None, proven(), "nothing"),
    ],
)
async def test_a_model_goes_over_only_where_samples_show_what_it_sees(
    engine: Running, pack: Pack, tmp_path: Path, label: int | None, declared: Manifest, reason: str
) -> None:
    model = await held(engine, pack, declared, one_box(label=label or 0, score=0.1 if label is None else 0.9))
    before = model.pid

    await gone_over(engine, model, tmp_path)

    assert (model.pid != before) == (not reason)
    assert reason in model.cost.plain
    assert model.cost.plain.startswith("tensorrt_unproven: " if reason else "")


async def test_a_process_that_sees_other_things_does_not_take_over(engine: Running, pack: Pack, tmp_path: Path) -> None:
    model = await held(engine, pack)
    before, beside = model.pid, list[Host]()

    def differs(_former: Host, new: Host) -> str:
        beside.append(new)
        return "it differs"

    refused = await asyncio.to_thread(model.exchange, str(tmp_path), differs)

    assert (refused, model.pid, model.cost.provider) == ("it differs", before, "CPU")
    assert not beside[0].alive
    assert not isinstance((await engine.sees([A]))[A], Dropped)


async def test_an_algorithm_that_comes_while_a_process_is_proven_is_known_by_it(
    engine: Running, pack: Pack, tmp_path: Path
) -> None:
    model = await held(engine, pack)
    other, second = ("b", "1.0.0"), await pack("b", one_box(label=0), manifest({**ROWS, "conf": 0.5}))
    wanted = {A: next(iter(engine.engine.shares()[model])), other: second}
    loop = asyncio.get_running_loop()

    def joined(*_: object) -> str:
        asyncio.run_coroutine_threadsafe(engine.holds(wanted), loop).result(WITHIN_S)
        return ""

    await asyncio.to_thread(model.exchange, str(tmp_path), joined)

    seen = await engine.sees([A, other])
    assert not [item for item in seen.values() if isinstance(item, Dropped)]


@pytest.mark.skipif(PROVIDER in ort.get_available_providers(), reason="this onnxruntime knows TensorRT")
async def test_a_box_without_tensorrt_says_so_in_one_line_and_tries_nothing(
    engine: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    acceleration = Acceleration(engine=engine.engine, device=CARD, folder=tmp_path / "plans", version_on=version_on)

    async with asyncio.timeout(WITHIN_S):
        await acceleration.run()

    (line,) = [item for item in caplog.records if "TensorRT" in item.getMessage()]
    assert line.getMessage() == "models run without TensorRT: this onnxruntime is built without TensorRT"
    assert not (tmp_path / "plans").exists()


async def test_a_trial_that_fails_on_the_card_leaves_models_as_they_are(
    engine: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(_device: Device, _folder: Path) -> str:
        raise ModelFails("card_fails", "TensorRT cannot be loaded: libnvinfer.so.10")

    caplog.set_level("INFO")
    acceleration = Acceleration(engine=engine.engine, device=CARD, folder=tmp_path, version_on=failing)

    async with asyncio.timeout(WITHIN_S):
        await acceleration.run()

    assert "models run without TensorRT: TensorRT cannot be loaded: libnvinfer.so.10" in caplog.text


@pytest.mark.skipif(bool(cards_here()), reason="this machine has a card")
async def test_a_plan_that_cannot_be_built_leaves_nothing_and_says_why(
    engine: Running, pack: Pack, tmp_path: Path
) -> None:
    model = await held(engine, pack)
    model.device, own = CARD, model.device

    await gone_over(engine, model, tmp_path)

    model.device = own
    assert model.cost.plain.startswith("tensorrt_failed: ")
    assert list(Plans(folder=tmp_path, versions="test").own.iterdir()) == []
    frame = Frame(source="gate", at=datetime.now(UTC), decode=lambda: WIDE, gallery=engine.engine.gallery)
    (seen,) = await asyncio.to_thread(model.look, [Sighted(frame=frame, heads=frozenset(model.heads))])
    assert not isinstance(seen, Dropped)
