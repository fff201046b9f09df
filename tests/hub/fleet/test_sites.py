"""The places where nodes stand."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from hub.fleet.model import NodeChange
from tests.hub.conftest import ON_SQLITE


async def join(hub: Any, name: str, site: str) -> str:
    return str((await hub.enrol(name, site=site)).identity.node_id)


async def ids(hub: Any, **query: str) -> list[str]:
    answer: httpx.Response = await hub.console.get("/api/v1/nodes", params=query)
    return [row["id"] for row in answer.raise_for_status().json()["items"]]


async def test_a_node_stands_where_its_bundle_says(hub: Any) -> None:
    node_id = await join(hub, "a", "east-gate")

    assert (await hub.console.get(f"/api/v1/nodes/{node_id}")).json()["site"] == "east-gate"
    [bundle] = (await hub.console.get("/api/v1/enrolment-bundles")).json()["items"]
    assert bundle["site"] == "east-gate"


async def test_nodes_are_found_by_their_site_and_by_having_none(hub: Any) -> None:
    for name, site in (("a", "east"), ("b", "east"), ("c", "west"), ("d", "")):
        await join(hub, name, site)

    assert await ids(hub, site="east") == ["a", "b"]
    assert await ids(hub, site="") == ["d"]
    assert await ids(hub) == ["a", "b", "c", "d"]
    rows = (await hub.console.get("/api/v1/sites")).json()["items"]
    assert rows == [{"site": "east", "nodes": 2, "online": 0}, {"site": "west", "nodes": 1, "online": 0}]


async def test_a_node_moves_to_another_site_keeps_its_name_and_the_audit_says_so(hub: Any) -> None:
    await join(hub, "a", "east")

    moved = await hub.console.patch("/api/v1/nodes/a", json={"site": "west"})

    assert (moved.json()["name"], moved.json()["site"]) == ("a", "west")
    entry = (await hub.console.get("/api/v1/audit")).json()["items"][0]
    assert (entry["action"], entry["detail"]) == ("node.change", {"from": {"site": "east"}, "to": {"site": "west"}})
    assert (await hub.console.patch("/api/v1/nodes/a", json={"site": ""})).json()["site"] == ""


@pytest.mark.parametrize("site", ["East Gate", "-east", "东门", "a" * 65, "a/b"])
def test_a_site_is_a_slug_or_nothing(site: str) -> None:
    with pytest.raises(ValidationError):
        NodeChange(site=site)
    assert [NodeChange(site=good).site for good in ("", "a", "a" * 64, "a.b_c-9")] == ["", "a", "a" * 64, "a.b_c-9"]


@ON_SQLITE
async def test_a_wrong_site_is_refused_by_name_and_changes_nothing(hub: Any) -> None:
    await join(hub, "a", "east")

    refused = await hub.console.patch("/api/v1/nodes/a", json={"name": "other", "site": "East Gate"})

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.site")
    assert (await hub.console.get("/api/v1/nodes/a")).json()["name"] == "a"
