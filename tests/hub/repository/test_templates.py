"""The catalogue of city algorithms in the hub: none works without a model; a bound one is an algorithm like others."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from federation.packages.templates import templates
from tests.hub.conftest import ON_SQLITE
from tests.hub.repository.detectors import COCO, detector

OCTETS = {"Content-Type": "application/octet-stream"}


async def upload(hub: Any, folder: Path, *arguments: Any, **changes: Any) -> None:
    content = await asyncio.to_thread(detector, folder, *arguments, **changes)
    answer = await hub.console.post("/api/v1/algorithms", content=content, headers=OCTETS, timeout=120)
    answer.raise_for_status()


async def catalogue(hub: Any, **query: str) -> dict[str, Any]:
    shown = (await hub.console.get("/api/v1/algorithm-templates", params=query)).raise_for_status().json()
    return {item["slug"]: item for item in shown}


async def bind(hub: Any, slug: str, algorithm_id: str) -> Any:
    return await hub.console.post(f"/api/v1/algorithm-templates/{slug}/bindings", json={"algorithm_id": algorithm_id})


@ON_SQLITE
async def test_without_models_only_what_the_product_does_itself_is_bound(hub: Any) -> None:
    shown = await catalogue(hub)

    assert list(shown) == list(templates())
    assert Counter(item["state"] for item in shown.values())["bindable"] == 0
    assert shown["area_intrusion"]["bound"]["algorithm_id"] == "fengsui.area_intrusion"
    assert (shown["manhole_fault"]["state"], shown["manhole_fault"]["bound"]) == ("no_model", None)


async def test_a_template_is_bound_to_a_model_that_knows_its_classes_and_to_no_other(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path)
    before = (await catalogue(hub))["illegal_parking"]

    made = (await bind(hub, "illegal_parking", "example.detector")).raise_for_status().json()

    after = await catalogue(hub)
    assert (before["state"], before["fitting"]) == ("bindable", 1)
    assert (made["id"], made["version"], made["rule_kind"], made["on_shelf"]) == (
        "city.illegal_parking",
        "1.0.0",
        "stopped",
        True,
    )
    assert [event["code"] for event in made["events"]] == ["street_order/illegal_parking/car"]
    assert after["illegal_parking"]["bound"]["version"] == "1.0.0"
    assert after["manhole_fault"]["state"] == "no_model"
    refused = [await bind(hub, "manhole_fault", "example.detector"), await bind(hub, "no_such", "example.detector")]
    assert [(item.status_code, item.json()["code"]) for item in refused] == [(422, "cannot_bind"), (404, "not_found")]
    assert "it lacks missing manhole cover or " in refused[0].json()["detail"]


@ON_SQLITE
async def test_models_for_a_template_say_what_they_lack_and_those_that_fit_come_first(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path, ("teapot", "person"), id="another.detector")
    await upload(hub, tmp_path)

    shown = (await hub.console.get("/api/v1/algorithm-templates/illegal_parking/models")).raise_for_status().json()

    unknown = await hub.console.get("/api/v1/algorithm-templates/no_such/models")
    assert [(item["algorithm_id"], item["fits"]) for item in shown] == [
        ("example.detector", True),
        ("another.detector", False),
    ]
    assert [item["name"] for item in shown[0]["lacks"]] == ["truck", "bus", "van"]
    assert [[item["name"] for item in group] for group in shown[1]["missing"]] == [["car", "truck", "bus", "van"]]
    assert unknown.json()["code"] == "not_found"


@ON_SQLITE
async def test_a_detector_of_coco_classes_serves_many_templates_at_once(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path, COCO)

    served = await catalogue(hub, model="example.detector")

    everything = await catalogue(hub)
    unknown = await hub.console.get("/api/v1/algorithm-templates", params={"model": "no.such"})
    assert served.keys() == {slug for slug, item in everything.items() if item["fitting"]}
    assert {"illegal_parking", "area_intrusion", "discarded_furniture"} <= served.keys()
    assert len(served) == 10
    assert unknown.json()["code"] == "not_found"


async def test_a_template_whose_algorithm_is_removed_can_be_bound_again(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path)
    (await bind(hub, "illegal_parking", "example.detector")).raise_for_status()

    (await hub.console.delete("/api/v1/algorithms/city.illegal_parking")).raise_for_status()
    unbound = (await catalogue(hub))["illegal_parking"]
    (await hub.console.delete("/api/v1/algorithms/example.detector")).raise_for_status()

    assert (unbound["state"], (await catalogue(hub))["illegal_parking"]["state"]) == ("bindable", "no_model")


@ON_SQLITE
async def test_what_was_bound_by_hand_goes_before_what_the_product_does_itself(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path)

    (await bind(hub, "area_intrusion", "example.detector")).raise_for_status()

    assert (await catalogue(hub))["area_intrusion"]["bound"]["algorithm_id"] == "city.area_intrusion"


@ON_SQLITE
async def test_the_classes_of_a_template_are_events_gathered_by_its_name(hub: Any, tmp_path: Path) -> None:
    await upload(hub, tmp_path, ("car", "bus"))
    (await bind(hub, "illegal_parking", "example.detector")).raise_for_status()

    kinds = (await hub.console.get("/api/v1/event-types")).json()

    parent = next(item for item in kinds if item["code"] == "street_order/illegal_parking")
    children = [item["code"] for item in kinds if item["parent"] == parent["code"]]
    assert (parent["name_zh"], parent["parent"]) == ("机动车乱停检测", None)
    assert children == ["street_order/illegal_parking/bus", "street_order/illegal_parking/car"]


@ON_SQLITE
async def test_a_viewer_binds_nothing(hub: Any) -> None:
    async with hub.signed_in("viewer") as viewer:
        answer = await viewer.post("/api/v1/algorithm-templates/ship/bindings", json={"algorithm_id": "x"})

    assert answer.status_code == 403
