"""Outside systems at work: a real server, the engine, and the rules that judge what the system says."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.engine import Engine
from appliance.analysis.engine.frame import Dropped, Frame
from appliance.analysis.engine.packages import PackageKey, Ready, Unusable
from appliance.analysis.engine.queue import Lane
from appliance.analysis.judging import Judging
from appliance.analysis.outgoing import EventQueue
from appliance.analysis.outside.breaker import OPENS_AFTER
from appliance.analysis.outside.calling import Bound, Line
from appliance.analysis.outside.errors import OutsideFault
from appliance.local import LocalPackage, Plan
from federation.messages import TaskSpec
from federation.packages import Manifest, write_manifest, write_package
from federation.testing.vendor_system import VendorSystem, vendor_system
from federation.testing.waiting import until
from tests.appliance.analysis.engine.conftest import Running
from tests.appliance.analysis.outside.test_answers import VENDOR

KEY: PackageKey = ("test.lamp", "1.0.0")
PICTURE = np.full((100, 200, 3), 200, np.uint8)
WITHIN_S = 60
JPEG: dict[str, Any] = {"path": "/detect", "body": "jpeg"}


@pytest.fixture
def vendor() -> Iterator[VendorSystem]:
    """Give a vendor's server."""
    with vendor_system() as system:
        yield system


@pytest.fixture
def secret(tmp_path: Path, vendor: VendorSystem) -> Path:
    """Give the file with the vendor's key."""
    file = tmp_path / "vendor.key"
    file.write_text(f"{vendor.key}\n")
    return file


@pytest.fixture
async def engine(vendor: VendorSystem, secret: Path) -> AsyncIterator[Running]:
    """Give an engine on a box whose configuration binds the vendor's system."""
    systems = {
        "vendor": Bound(url=vendor.url, secret_file=secret),
        "talker": Bound(url=f"{vendor.url}/v1", secret_file=secret),
    }
    engine = Engine(devices=(Device(kind="cpu"),), memory_bytes=1 << 30, systems=systems)
    task = asyncio.create_task(engine.run())  # noqa: TID251 - ended below
    yield Running(engine)
    vendor.open.set()
    task.cancel()
    await asyncio.wait([task])


def manifest(request: dict[str, Any] | None = None, **endpoint: Any) -> Manifest:
    words = {"zh": "测试", "en": "Test"}
    asked = {
        "system": "vendor",
        "url": "http://192.0.2.1",
        "protocol": "mapped",
        "auth": {"scheme": "header", "header": "X-Api-Key"},
        "request": request or JPEG,
        "answer": VENDOR,
    }
    return Manifest.model_validate(
        {
            "apiVersion": "algpkg/1",
            "kind": "endpoint",
            "id": "test.lamp",
            "version": "1.0.0",
            "name": words,
            "description": words,
            "vendor": {"id": "test", "name": words},
            "endpoint": {**asked, **endpoint},
            "labels": ["lamp", "tree"],
            "rule": {"kind": "presence", "defaults": {"hold_s": 0.0, "dedupe_s": 0.0}},
            "events": [{"code": "test.lamp/lit", "name": words, "when": {"labels": ["lamp"]}}],
            "licence": {"software": "NOASSERTION"},
        }
    )


async def packed(folder: Path, declared: Manifest | None = None) -> Path:
    parts = {"algorithm.yaml": write_manifest(declared or manifest()).encode()}
    return (await asyncio.to_thread(write_package, parts, folder / "p.algpkg")).path


async def shown(engine: Running, *, source: str = "gate") -> Dropped | list[tuple[str, float]]:
    seen = (await engine.sees([KEY], PICTURE, source=source))[KEY]
    return seen if isinstance(seen, Dropped) else [(item.label, item.score) for item in seen]


@pytest.mark.parametrize(
    "request_",
    [
        JPEG,
        {"path": "/detect", "body": "multipart", "fields": {"channel": "7"}},
        {"path": "/detect", "body": "json", "document": {"picture": {"kind": "jpg"}}, "at": "/picture/data"},
    ],
    ids=["jpeg", "multipart", "json"],
)
async def test_a_picture_goes_to_the_system_as_its_package_says_and_its_answer_is_read(
    engine: Running, vendor: VendorSystem, tmp_path: Path, request_: dict[str, Any]
) -> None:
    await engine.holds({KEY: await packed(tmp_path, manifest(request_))})

    seen = await shown(engine)

    assert seen == [("lamp", 0.87)]
    assert [picture[:2] for picture in vendor.pictures] == [b"\xff\xd8"]
    (report,) = engine.engine.report().models
    assert (report.device, report.pictures, report.packages, report.pid) == ("http vendor", 1, ("test.lamp 1.0.0",), 0)


async def test_a_vision_language_model_is_asked_in_words_which_labels_a_picture_shows(
    engine: Running, vendor: VendorSystem, tmp_path: Path
) -> None:
    asked = {"system": "talker", "url": "http://192.0.2.1/v1", "model": "vl", "text": "画面中有亮灯吗？"}
    whole = manifest().model_dump(mode="json", exclude_defaults=True, exclude={"endpoint"})
    declared = Manifest.model_validate({**whole, "kind": "prompt", "prompt": asked})
    said = json.dumps({"found": [{"label": "lamp", "score": 0.8}, {"label": "cat", "score": 1}]})
    vendor.answer = {"choices": [{"message": {"content": f"```json\n{said}\n```"}}]}
    await engine.holds({KEY: await packed(tmp_path, declared)})

    seen = await shown(engine)
    vendor.answer = {"choices": [{"message": {"content": "I see a lamp."}}]}
    chatted = await shown(engine)

    assert seen == [("lamp", 0.8)]
    assert vendor.pictures[0][:2] == b"\xff\xd8"
    assert isinstance(chatted, Dropped)
    assert chatted.detail == "system_answer: the answer is no JSON"


async def test_what_the_system_sees_becomes_an_event_by_the_rules_of_every_algorithm(
    engine: Running, tmp_path: Path
) -> None:
    events = EventQueue()
    judging = Judging(engine=engine.engine, events=events)
    task = TaskSpec(task_id="t1", generation=1, point_id="gate", algorithm_id=KEY[0], algorithm_version=KEY[1])
    package = LocalPackage(algorithm_id=KEY[0], version=KEY[1], path=await packed(tmp_path))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(judging.run())
        await judging.adopt(Plan(version=1, tasks=(task,), packages=(package,)))
        await until(lambda: judging.tasks.running["t1"].judges is not None, within_s=WITHIN_S, what="the task at work")
        judged = asyncio.Event()
        frame = Frame(source="gate", at=datetime.now(UTC), decode=lambda: PICTURE, gallery=engine.engine.gallery)
        judging.show(frame, inspect=None, done=judged.set)
        async with asyncio.timeout(WITHIN_S):
            await judged.wait()
        running.cancel()

    told = judging.tasks.running["t1"].report(datetime.now(UTC))
    assert (told.frames, told.events) == (1, 1)
    assert [(item.label, item.box.width) for item in judging.tasks.running["t1"].sight.found.detections] == [
        ("lamp", 0.5)
    ]


async def test_no_picture_goes_to_a_system_that_the_box_does_not_bind(
    engine: Running, vendor: VendorSystem, tmp_path: Path
) -> None:
    stranger = manifest(system="stranger", url=vendor.url)

    state = (await engine.holds({KEY: await packed(tmp_path, stranger)}))[KEY]

    assert isinstance(state, Unusable)
    assert state.reason == "system_unbound: the box's configuration has no [[analysis.systems]] stranger"
    assert vendor.asked == 0


async def test_the_secret_is_read_for_every_call_so_that_a_new_one_serves_at_once(
    engine: Running, vendor: VendorSystem, tmp_path: Path, secret: Path
) -> None:
    await engine.holds({KEY: await packed(tmp_path)})
    vendor.key = "renewed"

    refused = await shown(engine)
    await asyncio.to_thread(secret.write_text, "renewed")
    welcome = await shown(engine)

    assert isinstance(refused, Dropped)
    assert refused.detail.startswith("system_refuses")
    assert "renewed" not in refused.detail
    assert welcome == [("lamp", 0.87)]


async def test_a_system_that_fails_is_left_alone_for_a_while_and_what_it_missed_is_counted(
    engine: Running, vendor: VendorSystem, tmp_path: Path
) -> None:
    await engine.holds({KEY: await packed(tmp_path)})
    vendor.status = 503

    failed = [await shown(engine) for _ in range(OPENS_AFTER)]
    asked = vendor.asked
    alone = await shown(engine)
    vendor.status = 200

    assert asked == vendor.asked == OPENS_AFTER
    assert all(isinstance(each, Dropped) and "answers 503" in each.detail for each in failed)
    assert isinstance(alone, Dropped)
    assert alone.detail.startswith("system_away")
    assert "it is asked again in" in alone.detail
    (report,) = engine.engine.report().models
    assert report.dropped == {"failed": OPENS_AFTER, "away": 1}
    assert "answers 503" in report.reason
    assert engine.engine.dropped == OPENS_AFTER + 1

    async def back() -> bool:
        return await shown(engine) == [("lamp", 0.87)]

    await until(back, within_s=WITHIN_S, what="the system asked again")
    assert engine.engine.report().models[0].reason == ""


async def test_a_system_that_wants_to_be_left_alone_is(engine: Running, vendor: VendorSystem, tmp_path: Path) -> None:
    await engine.holds({KEY: await packed(tmp_path)})
    vendor.status, vendor.headers = 429, {"Retry-After": "120"}

    first, second = await shown(engine), await shown(engine)

    assert isinstance(first, Dropped)
    assert isinstance(second, Dropped)
    assert vendor.asked == 1
    assert int(second.detail.rsplit(" ", 2)[1]) > 100


async def test_a_slow_system_has_as_many_pictures_as_it_may_and_the_rest_is_dropped_with_its_reason(
    engine: Running, vendor: VendorSystem, tmp_path: Path
) -> None:
    await engine.holds({KEY: await packed(tmp_path, manifest(at_once=2, timeout_s=60))})
    vendor.open.clear()

    frames = [
        Frame(source=f"camera{number % 4}", at=datetime.now(UTC), decode=lambda: PICTURE, gallery=engine.engine.gallery)
        for number in range(12)
    ]
    asked = [one for frame in frames for one in engine.engine.look(frame, [KEY], lane=Lane.PERSON)]
    await until(lambda: vendor.at_once == 2, within_s=WITHIN_S, what="two pictures at the system")
    vendor.open.set()
    async with asyncio.timeout(WITHIN_S):
        answers = [await one.answer for one in asked]

    assert vendor.most_at_once == 2
    superseded = [each for each in answers if isinstance(each, Dropped) and each.reason == "superseded"]
    assert len(superseded) + vendor.asked == len(frames)
    assert engine.engine.report().models[0].dropped == {"superseded": len(superseded)}


async def test_a_system_that_answers_otherwise_is_said_to(
    engine: Running, vendor: VendorSystem, tmp_path: Path
) -> None:
    await engine.holds({KEY: await packed(tmp_path)})
    vendor.answer = {"code": 7}

    seen = await shown(engine)

    assert isinstance(seen, Dropped)
    assert seen.detail == "system_answer: the system says 7 at '/code'"


async def test_a_redirect_is_not_followed(engine: Running, vendor: VendorSystem, tmp_path: Path) -> None:
    await engine.holds({KEY: await packed(tmp_path)})
    vendor.status, vendor.headers = 302, {"Location": vendor.url}

    seen = await shown(engine)

    assert isinstance(seen, Dropped)
    assert "answers 302" in seen.detail
    assert vendor.asked == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "224.0.0.1"])
def test_addresses_that_keep_secrets_of_this_machine_are_never_called(host: str) -> None:
    line = Line(Bound(url=f"http://{host}:9"), None)

    with pytest.raises(OutsideFault, match=f"nothing is delivered to {host}"):
        line.send("GET", "/", within_s=5)

    line.close()


async def test_packages_that_ask_the_same_share_the_answer(
    engine: Running, vendor: VendorSystem, tmp_path: Path
) -> None:
    other: PackageKey = ("test.lamp", "1.1.0")
    (tmp_path / "other").mkdir()
    later = manifest().model_copy(update={"version": "1.1.0"})
    found = await engine.holds({KEY: await packed(tmp_path), other: await packed(tmp_path / "other", later)})

    await engine.sees([KEY, other], PICTURE)

    assert all(isinstance(state, Ready) for state in found.values())
    assert vendor.asked == 1
