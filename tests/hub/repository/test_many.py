"""As many packages as a city may have: each is listed, named and found, however many there are."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from federation.packages import Manifest, builtin_manifests
from federation.packages.licences import VendorLicence
from hub.config import HubConfig
from hub.database import Database
from hub.database.moments import now_us
from hub.repository.examiner import Examiner
from hub.repository.model import AlgorithmQuery
from hub.repository.service import Repository
from hub.repository.tables import algorithm_versions, algorithms, vendor_licences
from hub.storage import ContentStore
from tests.hub.repository.test_repository import manifest

MANY = 1024
TERMS = {"software": "proprietary", "activation": {"mode": "offline_file"}}


def described(number: int) -> Manifest:
    """Return an algorithm; every second one needs a licence of its vendor."""
    name = f"vendor{number % 7}.a{number:04}"
    event = {"code": f"{name}/seen", "name": {"zh": "发现", "en": "Seen"}, "when": {"labels": ["object"]}}
    more: dict[str, Any] = {"licence": TERMS} if number % 2 else {}
    return manifest(id=name, name={"zh": f"算法{number}", "en": f"Algorithm {number}"}, events=[event], **more)


@pytest.fixture
async def repository(config: HubConfig, tmp_path: Path) -> AsyncIterator[Repository]:
    """A repository of 1,024 packages beside the built-in algorithms; the even ones are on the shelf."""
    database = await asyncio.to_thread(Database, config.database)
    many = await asyncio.to_thread(lambda: [described(number) for number in range(MANY)])
    now = datetime.now(UTC)
    licence = VendorLicence(
        number="V-1",
        algorithm=many[1].id,
        holder="示范市",
        begins=now - timedelta(days=1),
        ends=now + timedelta(days=9),
    )
    entered = {
        "number": "V-1",
        "body": licence.model_dump_json(),
        "entered_at_us": now_us(),
        "signer": "",
        "of_all": True,
    }
    heads = [{"id": each.id, "source": "upload", "on_shelf": number % 2 == 0} for number, each in enumerate(many)]
    rows = [
        {"algorithm_id": each.id, "version": each.version, "manifest": each.model_dump_json(), "digest": f"sha256:{n}"}
        | {"size_bytes": 1, "imported_at_us": now_us(), "examination": None}
        for n, each in enumerate(many)
    ]

    await database.run(lambda connection: connection.execute(insert(algorithms), heads))
    await database.run(lambda connection: connection.execute(insert(algorithm_versions), rows))
    await database.run(lambda connection: connection.execute(insert(vendor_licences).values(**entered)))
    store = await asyncio.to_thread(ContentStore, tmp_path / "packages", limit_bytes=1 << 20)
    found = Repository(database, store, Examiner(None), added=lambda: None)
    await found.load()
    yield found
    await database.close()


async def walked(repository: Repository, **wanted: object) -> list[str]:
    """Return the ids of all pages, each as long as a page may be."""
    ids: list[str] = []
    after = None
    while True:
        page = await repository.page(AlgorithmQuery.model_validate({"limit": 200, "after": after, **wanted}))
        ids += [item.id for item in page.items]
        assert page.total is not None
        if page.next is None:
            assert len(ids) == page.total
            return ids
        after = page.next


async def test_1024_packages_are_paged_named_and_filtered(repository: Repository) -> None:
    built_in = set(builtin_manifests())

    everything = await walked(repository)
    briefs = repository.briefs()

    assert len(everything) == len(set(everything)) == MANY + len(built_in)
    assert [brief.id for brief in briefs] == everything
    assert next(brief.name_zh for brief in briefs if brief.id == "vendor1.a1023") == "算法1023"
    assert len(await walked(repository, on_shelf=False)) == MANY // 2
    assert await walked(repository, authorisation="expiring") == ["vendor1.a0001"]
    assert len(await walked(repository, authorisation="unlicensed")) == MANY // 2 - 1
    assert set(await walked(repository, authorisation="free", source="builtin")) == built_in
    assert await walked(repository, text="算法1023") == ["vendor1.a1023"]
