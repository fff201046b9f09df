"""What ships with a model is in the repository of a new hub, and what somebody deleted stays away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from federation.testing.waiting import until
from hub.config import HubConfig
from tests.hub.conftest import ON_SQLITE, Served, serving

SHIPPED = "/api/v1/algorithms/fengsui.street_objects"
WITHIN_S = 120.0  # its model is tried, on a busy machine


@pytest.fixture
def fresh(config: HubConfig) -> HubConfig:
    """A hub that offers what ships, and was killed while it tried that: files on their way in are left."""
    for store in ("packages", "pictures"):
        left = config.data_folder / store / "incoming" / "made-before"
        left.mkdir(parents=True)
        (left / "fengsui.street_objects.algpkg").write_bytes(b"half of it")
    return config.model_copy(update={"offer_shipped": True})


@pytest.fixture
async def hub(fresh: HubConfig) -> AsyncIterator[Served]:
    async with serving(fresh) as served:
        yield served


async def shipped(hub: Any) -> Any:
    answer = await hub.console.get(SHIPPED)
    return answer.json() if answer.is_success else None


@ON_SQLITE
async def test_a_new_hub_has_the_detector_on_its_shelf_and_one_that_was_deleted_stays_away(
    hub: Served, fresh: HubConfig
) -> None:
    found = await until(lambda: shipped(hub), within_s=WITHIN_S, what="the detector is there")
    (await hub.console.delete(SHIPPED)).raise_for_status()

    offer = next(part.run for part in hub.hub.parts if part.name == "starters")
    assert offer is not None
    await offer()

    assert (found["on_shelf"], found["source"], found["binds"]) == (True, "upload", True)
    assert [item["code"] for item in found["examined"]["findings"] if item["outcome"] == "failed"] == ["unsigned"]
    assert await shipped(hub) is None
    assert await asyncio.to_thread(lambda: list(fresh.data_folder.glob("*/incoming/*"))) == []
