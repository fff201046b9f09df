"""A task changes over to another version while its camera goes on: with real models, in real processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from appliance.analysis.engine.frame import Frame
from appliance.analysis.judging import Judging
from appliance.analysis.outgoing import EventQueue
from appliance.analysis.switching import compared, judged_alike_by, may_swap
from appliance.analysis.tasks import RunningTask
from appliance.local import LocalPackage, Plan
from federation.messages import Box, Detection, TaskSpec
from federation.packages import Manifest, write_manifest, write_package
from federation.testing.waiting import until
from tests.appliance.analysis.engine.conftest import ROWS, Pack, Running, one_box
from tests.appliance.analysis.test_detector import graph, manifest

OLD, NEW = "1.0.0", "1.1.0"
FRAME_S = 0.04
WITHIN_S = 60


def version(number: str, *, interface: int = 1, **more: object) -> Manifest:
    given = manifest(ROWS).model_dump(mode="json", exclude_defaults=True)
    return Manifest.model_validate({**given, "version": number, "interface": interface, **more})


def plan(number: str, path: Path, *, generation: int) -> Plan:
    task = TaskSpec(
        task_id="t1", generation=generation, point_id="gate", algorithm_id="test.planted", algorithm_version=number
    )
    package = LocalPackage(algorithm_id="test.planted", version=number, path=path)
    return Plan(version=generation, tasks=(task,), packages=(package,))


@dataclass(kw_only=True)
class Camera:
    """A camera that sends a frame every 40 ms, and knows how many were shown and are done."""

    judging: Judging
    engine: Running
    sent: int = 0
    done: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def task(self) -> RunningTask:
        return self.judging.tasks.running["t1"]

    async def run(self) -> None:
        picture = np.full((16, 32, 3), 128, np.uint8)
        while not self.stopped.is_set():
            frame = Frame(
                source="gate", at=datetime.now(UTC), decode=lambda: picture, gallery=self.engine.engine.gallery
            )
            self.sent += 1
            self.judging.show(frame, inspect=None, done=self._note)
            await until(lambda: self.done == self.sent, within_s=WITHIN_S, what="a judged frame")
            await asyncio.sleep(FRAME_S)  # the camera's pace

    async def changes_to(self, number: str) -> None:
        await until(lambda: self.task.spec.algorithm_version == number, within_s=WITHIN_S, what=f"version {number}")

    async def sends(self, frames: int) -> None:
        wanted = self.sent + frames
        await until(lambda: self.done >= wanted, within_s=WITHIN_S, what=f"{frames} frames more")

    def _note(self) -> None:
        self.done += 1


@asynccontextmanager
async def filmed(engine: Running, first: Path) -> AsyncIterator[Camera]:
    """Give a camera whose frames the old version judges."""
    judging = Judging(engine=engine.engine, events=EventQueue())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(judging.run())
        await judging.adopt(plan(OLD, first, generation=1))
        camera = Camera(judging=judging, engine=engine)
        await until(lambda: camera.task.judges is not None, within_s=WITHIN_S, what="the old version at work")
        sending = group.create_task(camera.run())
        await camera.sends(8)
        yield camera
        camera.stopped.set()
        await sending
        running.cancel()


async def test_no_frame_is_missed_while_a_new_version_is_loaded_tried_and_takes_over(
    engine: Running, pack: Pack
) -> None:
    old, new = await pack("old", one_box(label=0)), await pack("new", one_box(label=0, score=0.8), version(NEW))
    async with filmed(engine, old) as camera:
        judge, since = camera.task.judges, camera.task.frames
        await camera.judging.adopt(plan(NEW, new, generation=2))
        await camera.changes_to(NEW)
        await camera.sends(20)

    assert camera.task.frames == camera.sent > since + 20
    assert engine.engine.dropped == 0
    assert camera.task.judges is judge  # what it remembers goes on
    assert camera.task.spec.generation == 2
    assert camera.task.sight.found.detections[0].score == pytest.approx(0.8)


async def test_a_new_version_that_sees_nothing_of_the_known_is_refused_and_the_old_one_goes_on(
    engine: Running, pack: Pack
) -> None:
    rows = np.array([[[8, 12, 16, 20, 0.9, 0], [20, 12, 30, 20, 0.9, 0]]], np.float32)
    old, blind = await pack("old", graph(o=rows)), await pack("blind", one_box(label=1), version(NEW))
    async with filmed(engine, old) as camera:
        await camera.judging.adopt(plan(NEW, blind, generation=2))
        await until(lambda: camera.task.note, within_s=WITHIN_S, what="a refusal")
        await camera.sends(5)

    assert camera.task.spec.algorithm_version == OLD
    assert camera.task.note.startswith("switch_refused: of 6 things")
    assert camera.task.report(datetime.now(UTC)).reason == camera.task.note
    assert camera.task.frames == camera.sent


def bright() -> bytes:
    """Return a model that sees its thing in white pictures alone."""
    taken = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 32, 32])
    given = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 1, 6])
    row, steep = (
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, np.float32)))
        for name, value in (("row", [[[8, 12, 16, 20, 0.9, 0]]]), ("steep", 1.5))
    )
    nodes = [
        row,
        steep,
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "steep"], ["steeper"]),
        helper.make_node("Floor", ["steeper"], ["white"]),
        helper.make_node("Mul", ["row", "white"], ["o"]),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "bright", [taken], [given]), opset_imports=[helper.make_opsetid("", 17)], ir_version=10
    )
    return bytes(model.SerializeToString())


async def test_what_the_old_version_sees_in_the_samples_of_the_new_package_counts_where_frames_show_nothing(
    engine: Running, pack: Pack, tmp_path: Path
) -> None:
    white = bytes(cv2.imencode(".png", np.full((16, 32, 3), 255, np.uint8))[1])
    names = [f"samples/{number}.png" for number in range(5)]
    declared = version(NEW, samples=[{"file": name} for name in names])
    parts = {"algorithm.yaml": write_manifest(declared).encode(), "models/m.onnx": one_box(label=1)}
    blind = await asyncio.to_thread(write_package, parts | dict.fromkeys(names, white), tmp_path / "blind.algpkg")
    async with filmed(engine, await pack("old", bright())) as camera:
        await camera.judging.adopt(plan(NEW, blind.path, generation=2))
        await until(lambda: camera.task.note, within_s=WITHIN_S, what="a refusal")

    assert camera.task.spec.algorithm_version == OLD
    assert camera.task.note.startswith("switch_refused: of 5 things")


async def test_a_new_version_that_fails_on_duty_is_taken_back_by_itself(engine: Running, pack: Pack) -> None:
    old, new = await pack("old", one_box(label=0)), await pack("new", one_box(label=0, score=0.8), version(NEW))
    async with filmed(engine, old) as camera:
        await camera.judging.adopt(plan(NEW, new, generation=2))
        await camera.changes_to(NEW)
        (model,) = [item for item in engine.engine.report().models if f"test.planted {NEW}" in item.packages]
        os.kill(model.pid, signal.SIGKILL)
        await camera.changes_to(OLD)
        await camera.sends(10)

    assert camera.task.note.startswith(f"switched_back: {NEW}: model_crashed")
    assert camera.sent - camera.task.frames == 1  # the one that the dead process held
    assert camera.task.sight.found.detections[0].score == pytest.approx(0.9)


def thing(score: float = 0.9, *, x: float = 0.2) -> Detection:
    return Detection(label="bin", score=score, box=Box(x=x, y=0.3, width=0.1, height=0.3))


def test_a_version_that_finds_most_of_the_known_and_more_passes() -> None:
    seen = [((thing(), thing(x=0.6)), (thing(0.5), thing(x=0.61), thing(x=0.4)))] * 4

    trial = compared(seen, version(OLD))

    assert (trial.seen_before, trial.agreed, trial.refusal) == (8, 8, "")


def test_too_little_to_compare_refuses_nobody() -> None:
    assert compared([((thing(),), ())] * 4, version(OLD)).refusal == ""


def test_only_versions_of_one_interface_may_swap_and_another_rule_begins_anew() -> None:
    assert may_swap(version(OLD), version(NEW))
    assert not may_swap(version(OLD), version(NEW, interface=2))
    assert judged_alike_by(version(OLD), version(NEW))
    assert not judged_alike_by(version(OLD), version(NEW, rule={"kind": "dwell"}))
