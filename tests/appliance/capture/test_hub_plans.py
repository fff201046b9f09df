"""Snapshots that the hub plans, at a box that once was told of them: they are followed without any link."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.capture import owed
from appliance.capture.hub_side import OwedPictures
from appliance.capture.schema import migrations as captures
from appliance.capture.shelf import Shelf
from appliance.config import Config
from appliance.store import documents
from appliance.store.database import Database
from appliance.store.pictures import PictureFolder, digest_of
from appliance.store.schema import migrations
from federation.messages import CapturePlan, CaptureTarget, DesiredCaptures, Result, Round, Shard, SnapshotTold
from federation.testing.waiting import until
from tests.appliance.capture.conftest import Box, running_box
from tests.appliance.panel.test_api import POINT, config_in

TARGET = CaptureTarget(url="http://192.0.2.1/in", token="key-of-the-pool")
PLAN = CapturePlan(plan_id="hubs", name="平台巡查", every_s=10, rounds=(Round(point_id=POINT),), target=TARGET)


async def told(config: Config, *plans: CapturePlan) -> None:
    """Let a box know plans of its hub before it starts."""
    document = DesiredCaptures(node_id="n1", hub_epoch=1, version=1, issued_at=datetime.now(UTC), plans=plans)
    await asyncio.to_thread(config.data_folder.mkdir, parents=True, exist_ok=True)
    async with Database(config.database_file, migrations) as database:
        await database.run(lambda db: documents.put(db, documents.DESIRED[Shard.CAPTURES], document))


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    config = config_in(tmp_path)
    await told(config, PLAN)
    async with running_box(config) as running:
        yield running


def words(config: Config) -> list[Mapping[str, Any]]:
    """Return what the outbox holds on snapshots."""
    with closing(sqlite3.connect(f"file:{config.database_file}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT body FROM outbox WHERE lane = 'results' ORDER BY sequence").fetchall()
    return [row for row in (json.loads(body) for (body,) in rows) if row["type"] == "snapshot"]


async def test_the_hubs_plan_is_followed_shown_and_its_snapshots_are_told_and_handed_over(box: Box) -> None:
    async def heard() -> Any:
        box.send()
        return await asyncio.to_thread(words, box.config)

    found = await until(heard, within_s=60, what="a word on a snapshot")
    assert isinstance(found, list)
    word = Result.model_validate({**found[0], "source": "n1"})
    detail = SnapshotTold.model_validate(word.data.detail)
    row = await box.row(word.id)

    assert (detail.plan_id, detail.point_id, detail.digest) == ("hubs", POINT, row["digest"])
    assert (word.data.succeeded, word.data.subject) == (True, f"camera:{POINT}")
    assert len(found) == len({each["id"] for each in found})
    await handed_over(box.config, str(row["digest"]))


async def handed_over(config: Config, digest: str) -> None:
    """Do as the link to the hub does with pictures that are owed; see that each is owed once."""
    async with Database(config.captures_file, captures) as database, Database(config.database_file) as record:
        shelf = Shelf(pictures=PictureFolder(root=config.captures_folder), database=database)
        pictures = OwedPictures(shelf=lambda: shelf, record=record)
        await until(lambda: is_owed(pictures, digest), within_s=60, what="a picture that is owed")
        content = await pictures.read(digest)
        await pictures.refused(digest)
        rests = await is_owed(pictures, digest)
        await pictures.handed_over(digest)
        left = await database.read(lambda db: owed.pictures(db, without=(), limit=100))

    assert content is not None
    assert digest_of(content) == digest
    assert not rests
    assert digest not in left


async def is_owed(pictures: OwedPictures, digest: str) -> bool:
    return digest in await pictures.due(100)


async def test_the_hubs_plan_cannot_be_changed_at_the_box_and_its_key_is_not_shown(box: Box) -> None:
    (row,) = (await box.panel.get("/api/v1/snapshots/plans")).json()["items"]
    detail = await box.panel.get("/api/v1/snapshots/plans/hubs")
    body = {"name": "x", "every_s": 10, "rounds": [{"point_id": POINT}]}
    changed = await box.panel.put("/api/v1/snapshots/plans/hubs", json=body)
    removed = await box.panel.delete("/api/v1/snapshots/plans/hubs")

    assert (row["name"], row["of_hub"], row["cameras"]) == ("平台巡查", True, 1)
    assert detail.json()["target"] == {"url": TARGET.url, "method": "POST", "has_token": True}
    assert TARGET.token not in detail.text
    assert [(answer.status_code, answer.json()["code"]) for answer in (changed, removed)] == [(409, "set_by_hub")] * 2


async def test_a_target_keeps_its_key_until_its_address_changes(box: Box) -> None:
    body: dict[str, Any] = {"name": "x", "every_s": 3600, "rounds": [{"point_id": POINT}]}
    target = {"url": "http://192.0.2.1/in/{point}", "token": "key"}
    path = "/api/v1/snapshots/plans"
    made = (await box.panel.post(path, json={**body, "target": target})).json()
    path = f"{path}/{made['plan_id']}"

    async def has_token(**target: Any) -> bool:
        (await box.panel.put(path, json={**body, "target": target})).raise_for_status()
        return bool((await box.panel.get(path)).json()["target"]["has_token"])

    kept = await has_token(url=target["url"], method="PUT")
    moved = await has_token(url="http://192.0.2.2/")
    await box.panel.put(path, json=body)

    assert (made["of_hub"], kept, moved) == (False, True, False)
    assert (await box.panel.get(path)).json()["target"] is None


@pytest.mark.parametrize(
    "target",
    [
        {"url": "ftp://192.0.2.1/"},
        {"url": "http://user:secret@192.0.2.1/"},
        {"url": "http://192.0.2.1/a b"},
        {"url": "file:///etc/passwd"},
        {"url": "http://"},
        {"url": "http://192.0.2.1/", "method": "DELETE"},
        {"url": "http://192.0.2.1/", "token": "a\r\nX-Evil: 1"},
        {"url": "http://192.0.2.1/" + "a" * 500},
    ],
)
def test_a_target_that_makes_no_sense_is_refused(target: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="target"):
        CapturePlan.model_validate({**PLAN.model_dump(), "target": target})
