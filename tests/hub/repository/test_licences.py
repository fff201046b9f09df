"""Licences of vendors in the hub: without one an algorithm waits; when one ends, what runs goes on."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from federation.crypto import SigningKey
from federation.messages import DesiredWork, PackageRef
from federation.packages.licences import VendorLicence, write_licence
from federation.testing.played_appliance import PlayedAppliance, played_appliance
from hub.config import HubConfig
from hub.repository.tables import vendor_licences
from tests.hub.conftest import ON_SQLITE, Served, serving
from tests.hub.repository.detectors import signed_detector

OCTETS = {"Content-Type": "application/octet-stream"}
TERMS = {"software": "proprietary", "weights": "proprietary", "activation": {"mode": "offline_file"}}
LICENCES = "/api/v1/algorithm-licences"
DETECTOR = "/api/v1/algorithms/example.detector"
REGION = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
VENDOR, OTHER, CITY = (SigningKey.generate() for _ in range(3))


@pytest.fixture
async def hub(config: HubConfig, tmp_path: Path) -> AsyncIterator[Served]:
    """A hub that trusts the vendor and another, and the city as who may license the algorithms of both."""
    for name, key in (("vendor", VENDOR), ("other", OTHER), ("city", CITY)):
        await asyncio.to_thread((tmp_path / f"{name}.pem").write_text, key.public.to_pem(), "ascii")
    trusting = {"signers_folder": tmp_path, "licence_authorities": ("city",)}
    async with serving(config.model_copy(update=trusting)) as served:
        yield served


def licence(*, lasts: timedelta | None = timedelta(days=90), key: SigningKey = VENDOR, **more: Any) -> bytes:
    now = datetime.now(UTC)
    given = {"number": "V-1", "algorithm": "example.detector", "holder": "示范市", "begins": now - timedelta(days=1)}
    ends = None if lasts is None else now + lasts
    return write_licence(VendorLicence.model_validate({**given, "ends": ends, **more}), key).encode()


async def upload(hub: Any, folder: Path, key: SigningKey = VENDOR, **more: Any) -> dict[str, Any]:
    return await imported(hub, await asyncio.to_thread(signed_detector, folder, key, licence=TERMS, **more))


async def imported(hub: Any, content: bytes) -> dict[str, Any]:
    answer = await hub.console.post("/api/v1/algorithms", content=content, headers=OCTETS, timeout=120)
    return dict(answer.raise_for_status().json())


async def enter(hub: Any, content: bytes) -> Any:
    return await hub.console.post(LICENCES, content=content, headers=OCTETS)


async def task(hub: Any, *algorithm_ids: str) -> Any:
    await hub.console.post("/api/v1/points", json={"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1/gate"})
    return await hub.console.post(
        "/api/v1/tasks",
        json={"name": "t", "point_ids": ["gate"], "algorithm_ids": list(algorithm_ids), "region": REGION},
    )


@ON_SQLITE
async def test_an_algorithm_without_a_licence_stays_off_the_shelf_until_one_is_entered(
    hub: Served, tmp_path: Path
) -> None:
    came = await upload(hub, tmp_path)
    early = await hub.console.patch(DETECTOR, json={"on_shelf": True})

    entered = (await enter(hub, licence(tasks=3))).raise_for_status().json()
    again = await enter(hub, licence(tasks=4))

    shelved = (await hub.console.patch(DETECTOR, json={"on_shelf": True})).raise_for_status().json()
    assert (came["on_shelf"], came["authorisation"]["state"]) == (False, "unlicensed")
    assert "unlicensed" in {item["code"] for item in came["examined"]["findings"] if item["outcome"] == "failed"}
    assert (early.status_code, early.json()["code"]) == (409, "unlicensed")
    assert (entered["state"], entered["licence"]["tasks"]) == ("in_force", 3)
    assert (again.status_code, again.json()["code"]) == (409, "licence_exists")
    assert (shelved["on_shelf"], shelved["authorisation"]["state"]) == (True, "licensed")


@ON_SQLITE
async def test_when_a_licence_ends_what_is_there_goes_on_and_nothing_new_is_made(hub: Served, tmp_path: Path) -> None:
    await enter(hub, licence(lasts=timedelta(days=29)))
    came = await upload(hub, tmp_path)
    made = (await task(hub, "example.detector")).raise_for_status().json()
    await enter(hub, licence(number="V-0", lasts=-timedelta(hours=1)))

    (await hub.console.delete(f"{LICENCES}/V-1")).raise_for_status()  # what is left has ended
    refused = await task(hub, "example.detector")

    kept = (await hub.console.get(f"/api/v1/tasks/{made[0]['id']}")).raise_for_status().json()
    shown = (await hub.console.get(DETECTOR)).json()
    figures = {item.name: item.value for part in hub.hub.parts if part.figures for item in part.figures()}
    assert (came["on_shelf"], came["authorisation"]["state"]) == (True, "expiring")
    assert (kept["started"], shown["on_shelf"], shown["authorisation"]["state"]) == (True, True, "expired")
    assert (refused.status_code, refused.json()["code"]) == (409, "unlicensed")
    assert figures["algorithm_licence_left_seconds"] < 0


async def test_a_licence_allows_so_many_tasks_of_its_algorithm_and_its_model_together(
    hub: Served, tmp_path: Path
) -> None:
    await enter(hub, licence(tasks=2))
    await upload(hub, tmp_path)
    for slug in ("vehicle", "illegal_parking"):
        await hub.console.post(
            f"/api/v1/algorithm-templates/{slug}/bindings", json={"algorithm_id": "example.detector"}, timeout=120
        )

    three = await task(hub, "example.detector", "city.vehicle", "city.illegal_parking")
    two = await task(hub, "example.detector", "city.vehicle")
    one_more = await task(hub, "city.vehicle")

    assert (three.json()["code"], two.status_code, one_more.json()["code"]) == ("licence_full", 201, "licence_full")
    assert (await hub.console.get(LICENCES)).json()[0]["tasks_used"] == 2


@ON_SQLITE
async def test_a_licence_of_a_stranger_or_none_at_all_is_refused_and_a_viewer_enters_none(hub: Served) -> None:
    strangers, none = await enter(hub, licence(key=SigningKey.generate())), await enter(hub, b"{}")
    async with hub.signed_in("viewer") as viewer:
        forbidden = await viewer.post(LICENCES, content=licence(), headers=OCTETS)

    assert (strangers.json()["code"], none.json()["code"]) == ("licence_untrusted", "bad_licence")
    assert forbidden.status_code == 403
    assert (await hub.console.get(LICENCES)).json() == []


@ON_SQLITE
async def test_a_licence_that_another_than_the_vendor_signed_is_refused_and_an_authoritys_counts(
    hub: Served, tmp_path: Path
) -> None:
    await upload(hub, tmp_path)

    others = await enter(hub, licence(key=OTHER))
    refused = (await hub.console.get(DETECTOR)).json()["authorisation"]["state"]
    citys = (await enter(hub, licence(key=CITY))).raise_for_status().json()

    assert (others.status_code, others.json()["code"], refused) == (422, "licence_foreign", "unlicensed")
    assert citys["state"] == "in_force"
    assert (await hub.console.get(DETECTOR)).json()["authorisation"]["state"] == "licensed"


@ON_SQLITE
async def test_a_licence_that_came_before_its_algorithm_counts_only_if_the_vendor_signed_it(
    hub: Served, tmp_path: Path
) -> None:
    (await enter(hub, licence(key=OTHER))).raise_for_status()

    came = await upload(hub, tmp_path)

    found = {item["code"]: item["outcome"] for item in came["examined"]["findings"]}
    assert (came["on_shelf"], came["authorisation"]["state"]) == (False, "unlicensed")
    assert found["unlicensed"] == "failed"
    assert [item["state"] for item in (await hub.console.get(LICENCES)).json()] == ["foreign"]


@ON_SQLITE
async def test_nobody_may_license_an_algorithm_by_adding_a_version_to_it(hub: Served, tmp_path: Path) -> None:
    await upload(hub, tmp_path)
    added = await upload(hub, tmp_path, OTHER, version="2.1.0")

    refused = [(await enter(hub, licence(key=key))).json()["code"] for key in (OTHER, VENDOR)]

    assert added["authorisation"]["state"] == "unlicensed"
    assert refused == ["licence_foreign", "licence_foreign"]  # whose it is, is not certain any more
    assert (await enter(hub, licence(key=CITY))).json()["state"] == "in_force"


@ON_SQLITE
async def test_a_package_that_comes_again_is_its_vendors_once_the_vendor_is_trusted(
    hub: Served, tmp_path: Path
) -> None:
    late = SigningKey.generate()
    package = await asyncio.to_thread(signed_detector, tmp_path, late, licence=TERMS)
    before = await imported(hub, package)
    await asyncio.to_thread((tmp_path / "late.pem").write_text, late.public.to_pem(), "ascii")
    early = await enter(hub, licence(key=late))

    again = await imported(hub, package)
    entered = await enter(hub, licence(key=late))

    assert (before["examined"]["signed_by"], early.json()["code"]) == ([], "licence_foreign")
    assert [signer["name"] for signer in again["examined"]["signed_by"]] == ["late"]
    assert entered.json()["state"] == "in_force"


@ON_SQLITE
async def test_a_licence_whose_signer_was_never_kept_counts_again_once_its_file_is_entered(
    hub: Served, tmp_path: Path
) -> None:
    await upload(hub, tmp_path)
    content = licence()
    await enter(hub, content)
    await hub.hub.foundation.database.run(
        lambda connection: connection.execute(update(vendor_licences).values(signer=""))
    )

    ((lost,), again) = (await hub.console.get(LICENCES)).json(), (await enter(hub, content)).json()

    assert (lost["state"], again["state"]) == ("foreign", "in_force")


@ON_SQLITE
async def test_a_licence_is_forgotten(hub: Served, tmp_path: Path) -> None:
    await enter(hub, licence())
    await upload(hub, tmp_path)

    (await hub.console.delete(f"{LICENCES}/V-1")).raise_for_status()

    assert (await hub.console.get(DETECTOR)).json()["authorisation"]["state"] == "unlicensed"
    assert (await hub.console.delete(f"{LICENCES}/V-1")).status_code == 404


async def test_the_box_that_runs_an_algorithm_is_told_of_its_licences_as_they_come_and_go(
    broker: "subprocess.Popen[bytes]", hub: Served, tmp_path: Path
) -> None:
    await enter(hub, licence(tasks=3))
    await upload(hub, tmp_path)
    (await task(hub, "example.detector")).raise_for_status()

    async with played_appliance(await hub.enrol()) as node:

        async def told(*numbers: str) -> tuple[PackageRef, ...]:
            await node.listen_for(lambda: node.work is not None and licences_in(node.work) == [*numbers])
            assert node.work is not None
            return node.work.packages

        (package,) = await told("V-1")
        await enter(hub, licence(number="V-2", lasts=None))
        await told("V-2", "V-1")
        await hub.console.delete(f"{LICENCES}/V-1")
        await hub.console.delete(f"{LICENCES}/V-2")
        await told()

    assert package.algorithm_id == "example.detector"


async def test_a_box_is_not_told_of_a_licence_that_another_than_the_vendor_signed(
    broker: "subprocess.Popen[bytes]", hub: Served, tmp_path: Path
) -> None:
    (await enter(hub, licence(number="O-1", lasts=None, key=OTHER))).raise_for_status()  # it came before the algorithm
    await upload(hub, tmp_path)
    withheld = await task(hub, "example.detector")
    (await enter(hub, licence(number="C-1", key=CITY))).raise_for_status()
    (await hub.console.patch(DETECTOR, json={"on_shelf": True})).raise_for_status()
    (await task(hub, "example.detector")).raise_for_status()

    async with played_appliance(await hub.enrol()) as node:
        told = [await told_next(node, before=None)]
        (await hub.console.delete(f"{LICENCES}/C-1")).raise_for_status()
        told.append(await told_next(node, before=told[-1]))
        more = await task(hub, "example.detector")

    assert (withheld.json()["code"], more.json()["code"]) == ("algorithm_off_shelf", "unlicensed")
    assert told == [["C-1"], []]  # never O-1, which would be the longest
    assert {item["licence"]["number"]: item["state"] for item in (await hub.console.get(LICENCES)).json()} == {
        "O-1": "foreign"
    }


async def told_next(node: PlayedAppliance, *, before: list[str] | None) -> list[str] | None:
    """Return the licences of the package that a box is told of, once they are others than `before`."""
    await node.listen_for(lambda: node.work is not None and licences_in(node.work) != before)
    assert node.work is not None
    return licences_in(node.work)


def licences_in(work: DesiredWork) -> list[str] | None:
    licences = next((package.licences for package in work.packages), None)
    return None if licences is None else [licence.number for licence in licences]
