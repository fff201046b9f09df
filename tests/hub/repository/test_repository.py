"""The algorithm repository over HTTP: what is built in, and packages that are imported."""

import asyncio
import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from federation.packages import Manifest, builtin_manifests, write_manifest, write_package
from tests.appliance.packaging.test_examination import external, huge, packed, stranger
from tests.hub.conftest import ON_SQLITE

OCTETS = {"Content-Type": "application/octet-stream"}


def manifest(version: str = "1.0.0", **more: Any) -> Manifest:
    base = builtin_manifests()["fengsui.area_intrusion"].model_dump(mode="json", exclude_defaults=True)
    own = {
        "id": "example.smoke",
        "version": version,
        "name": {"zh": "烟雾检测", "en": "Smoke"},
        "events": [
            {"code": "example.smoke/smoke", "name": {"zh": "烟雾", "en": "Smoke"}, "when": {"labels": ["object"]}}
        ],
    }
    return Manifest.model_validate({**base, **own, **more})


async def package(folder: Path, described: Manifest, *, note: bytes = b"") -> bytes:
    def pack() -> bytes:
        path = folder / f"{described.id}-{described.version}.algpkg"
        write_package({"algorithm.yaml": write_manifest(described).encode(), "docs/note.txt": note}, path)
        return path.read_bytes()

    return await asyncio.to_thread(pack)


async def upload(hub: Any, content: bytes) -> Any:
    return await hub.console.post("/api/v1/algorithms", content=content, headers=OCTETS)


async def test_built_in_algorithms_are_there_from_the_start(hub: Any) -> None:
    found = (await hub.console.get("/api/v1/algorithms", params={"source": "builtin"})).json()["items"]

    assert {item["id"] for item in found} == set(builtin_manifests())
    assert all(item["on_shelf"] and item["parameters"] for item in found)


async def test_an_imported_package_is_listed_and_its_events_have_names(hub: Any, tmp_path: Path) -> None:
    content = await package(tmp_path, manifest())

    imported = (await upload(hub, content)).raise_for_status().json()

    kinds = (await hub.console.get("/api/v1/event-types")).json()
    assert (imported["name_zh"], imported["source"], imported["size_bytes"]) == ("烟雾检测", "upload", len(content))
    child = {"code": "example.smoke/smoke", "parent": "example.smoke", "name_zh": "烟雾", "name_en": "Smoke"}
    assert child in kinds
    assert {"code": "example.smoke", "parent": None, "name_zh": "烟雾检测", "name_en": "Smoke"} in kinds


async def test_the_same_bytes_again_change_nothing_and_other_bytes_of_a_version_are_refused(
    hub: Any, tmp_path: Path
) -> None:
    content = await package(tmp_path, manifest())
    await upload(hub, content)

    again = await upload(hub, content)
    other = await upload(hub, await package(tmp_path, manifest(), note=b"changed"))

    assert (again.status_code, again.json()["versions"]) == (201, ["1.0.0"])
    assert (other.status_code, other.json()["code"]) == (409, "version_exists")


@ON_SQLITE
async def test_versions_are_ordered_by_number_and_not_by_letter(hub: Any, tmp_path: Path) -> None:
    for version in ("1.10.0", "1.9.0"):
        (await upload(hub, await package(tmp_path, manifest(version)))).raise_for_status()

    shown = (await hub.console.get("/api/v1/algorithms/example.smoke")).json()

    assert (shown["version"], shown["versions"]) == ("1.10.0", ["1.9.0", "1.10.0"])


async def test_an_event_code_belongs_to_one_algorithm(hub: Any, tmp_path: Path) -> None:
    await upload(hub, await package(tmp_path, manifest()))

    taken = await upload(hub, await package(tmp_path, manifest(id="other.smoke")))

    assert (taken.status_code, taken.json()["code"]) == (409, "event_code_taken")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"\x00" * 1000])
@ON_SQLITE
async def test_what_is_no_package_is_refused_and_leaves_no_file(hub: Any, content: bytes) -> None:
    answer = await upload(hub, content)

    left = [path for path in (hub.config.data_folder / "packages").rglob("*") if path.is_file()]
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_archive")
    assert left == []


@ON_SQLITE
async def test_hostile_packages_are_refused_each_by_its_code_and_leave_nothing(hub: Any, tmp_path: Path) -> None:
    sent = await asyncio.to_thread(hostile_packages, tmp_path)

    answers = {name: await upload(hub, content) for name, content in sent.items()}

    left = [path for path in (hub.config.data_folder / "packages").rglob("*") if path.is_file()]
    assert {name: (answer.status_code, answer.json()["code"]) for name, answer in answers.items()} == {
        "80 GB": (422, "trial_failed"),
        "weights outside": (422, "unsafe_model"),
        "operator of a stranger": (422, "unsafe_model"),
        "lying shape": (422, "tensors_differ"),
        "bomb": (422, "bad_archive"),
        "path": (422, "bad_archive"),
        "link": (422, "bad_archive"),
        "changed": (422, "bad_digests"),
    }
    assert left == []


def hostile_packages(folder: Path) -> dict[str, bytes]:
    """Return packages that want what they must not have, by what that is."""
    models = {"80 GB": huge(), "weights outside": external(), "operator of a stranger": stranger()}
    sent = {name: packed(folder, content).path.read_bytes() for name, content in models.items()}
    lie = {"tensor": "images", "size": [64, 32]}
    sent["lying shape"] = packed(folder, input=lie).path.read_bytes()
    link = zipfile.ZipInfo("docs/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    more: dict[str, tuple[str | zipfile.ZipInfo, bytes]] = {
        "bomb": ("docs/bomb", bytes(64 << 20)),
        "path": ("../up", b""),
        "link": (link, b"/etc/passwd"),
        "changed": ("docs/more.txt", b"x"),
    }
    whole = packed(folder).path
    for name, (entry, content) in more.items():
        file = folder / "hostile.algpkg"
        shutil.copy(whole, file)
        with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(entry, content)
        sent[name] = file.read_bytes()
    return sent


async def test_an_algorithm_is_removed_with_its_file_and_its_events_keep_their_names(hub: Any, tmp_path: Path) -> None:
    imported = (await upload(hub, await package(tmp_path, manifest()))).json()

    removed = await hub.console.delete("/api/v1/algorithms/example.smoke")

    assert removed.status_code == 204
    assert (await hub.console.get(f"/api/v1/artifacts/{imported['digest']}")).status_code == 404
    assert "example.smoke/smoke" in str((await hub.console.get("/api/v1/event-types")).json())


async def test_an_algorithm_with_tasks_or_built_in_is_not_removed(hub: Any, tmp_path: Path) -> None:
    await upload(hub, await package(tmp_path, manifest(needs_region=False)))
    point = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1/gate"}
    await hub.console.post("/api/v1/points", json=point)
    draft = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["example.smoke"]}
    (await hub.console.post("/api/v1/tasks", json=draft)).raise_for_status()

    used = await hub.console.delete("/api/v1/algorithms/example.smoke")
    built_in = await hub.console.delete("/api/v1/algorithms/fengsui.area_intrusion")

    assert (used.json()["code"], built_in.json()["code"]) == ("algorithm_in_use", "algorithm_built_in")


@ON_SQLITE
async def test_a_viewer_imports_nothing(hub: Any) -> None:
    async with hub.signed_in("viewer") as viewer:
        answer = await viewer.post("/api/v1/algorithms", content=b"", headers=OCTETS)

    assert answer.status_code == 403


@ON_SQLITE
async def test_a_warning_stands_beside_a_package_that_is_let_in_and_criteria_say_what_it_means(
    hub: Any, tmp_path: Path
) -> None:
    imported = (await upload(hub, await package(tmp_path, manifest()))).raise_for_status().json()

    warned = {item["code"] for item in imported["examined"]["findings"] if item["outcome"] == "failed"}
    criteria = {item["code"]: item for item in (await hub.console.get("/api/v1/package-criteria")).json()}
    assert warned == {"unsigned", "presentation_missing"}
    assert {criteria[code]["severity"] for code in warned} == {"warning"}
    assert all(item["hint_zh"] and item["hint_en"] for item in criteria.values())


@ON_SQLITE
async def test_a_refused_package_is_told_with_every_code_and_leaves_no_file(hub: Any, tmp_path: Path) -> None:
    await upload(hub, await package(tmp_path, manifest()))
    black = {"code": "example.smoke/black", "name": {"zh": "黑烟", "en": "Black smoke"}, "when": {"labels": ["object"]}}
    fewer = manifest("1.1.0", events=[black])

    answer = await upload(hub, await package(tmp_path, fewer))

    left = [path for path in (hub.config.data_folder / "packages").rglob("*") if path.is_file()]
    assert (answer.status_code, answer.json()["code"]) == (409, "interface_broken")
    assert [fault["field"] for fault in answer.json()["errors"]] == ["interface_broken"]
    assert len(left) == 1


async def test_a_bundle_is_imported_after_its_algorithms_and_a_task_of_it_is_one_of_each(
    hub: Any, tmp_path: Path
) -> None:
    bundle: dict[str, Any] = {
        "kind": "bundle",
        "id": "example.pack",
        "runtime": {},
        "events": [],
        "params": {},
        "members": [{"id": "example.smoke", "version": "1.0.0"}],
    }
    early = await upload(hub, await package(tmp_path, manifest(**bundle)))
    await upload(hub, await package(tmp_path, manifest(needs_region=False)))
    (await upload(hub, await package(tmp_path, manifest(**bundle)))).raise_for_status()
    await hub.console.post("/api/v1/points", json={"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1/gate"})

    draft = {"name": "t", "point_ids": ["gate"], "algorithm_ids": ["example.pack", "example.smoke"]}
    made = (await hub.console.post("/api/v1/tasks", json=draft)).raise_for_status().json()

    assert early.json()["code"] == "members_unknown"
    assert [task["algorithm_id"] for task in made] == ["example.smoke"]


@ON_SQLITE
async def test_a_task_takes_30_algorithms_and_no_more_those_of_bundles_counted(hub: Any, tmp_path: Path) -> None:
    ids = [f"example.a{number}" for number in range(31)]
    for each in ids:
        event = {"code": f"{each}/seen", "name": {"zh": "发现", "en": "Seen"}, "when": {"labels": ["object"]}}
        described = manifest(id=each, needs_region=False, events=[event])
        (await upload(hub, await package(tmp_path, described))).raise_for_status()
    bundle: dict[str, Any] = {"kind": "bundle", "id": "example.pack", "runtime": {}, "events": [], "params": {}}
    members = [{"id": each, "version": "1.0.0"} for each in ids]
    (await upload(hub, await package(tmp_path, manifest(**bundle, members=members)))).raise_for_status()
    point = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1/gate"}
    (await hub.console.post("/api/v1/points", json=point)).raise_for_status()

    async def order(algorithms: list[str], points: list[str] | None = None) -> Any:
        draft = {"name": "t", "point_ids": points or ["gate"], "algorithm_ids": algorithms}
        return await hub.console.post("/api/v1/tasks", json=draft)

    refused = [
        await order(ids),
        await order(["example.pack"]),
        await order(ids[:1], [f"p{number}" for number in range(1001)]),
    ]
    none = (await hub.console.get("/api/v1/tasks")).json()["items"]
    made = await order(ids[:30])

    assert [answer.json()["errors"][0]["field"] for answer in refused] == [
        "body.algorithm_ids",
        "body.algorithm_ids",
        "body.point_ids",
    ]
    assert (none, made.status_code, len(made.json())) == ([], 201, 30)


@ON_SQLITE
async def test_what_no_node_runs_stays_off_the_shelf(hub: Any, tmp_path: Path) -> None:
    container: dict[str, Any] = {
        "kind": "container",
        "runtime": {},
        "container": {"image": f"r.example.cn/smoke@sha256:{'a' * 64}", "algorithm": "smoke"},
    }
    imported = (await upload(hub, await package(tmp_path, manifest(**container)))).raise_for_status().json()

    shelved = await hub.console.patch("/api/v1/algorithms/example.smoke", json={"on_shelf": True})

    assert (imported["package_kind"], imported["on_shelf"]) == ("container", False)
    assert (shelved.status_code, shelved.json()["code"]) == (409, "kind_not_run")


@ON_SQLITE
async def test_an_algorithm_of_an_outside_system_is_on_the_shelf_as_any_other(hub: Any, tmp_path: Path) -> None:
    endpoint: dict[str, Any] = {
        "kind": "endpoint",
        "runtime": {},
        "endpoint": {"system": "vendor", "url": "http://192.0.2.1/v1", "algorithm": "smoke"},
        "rule": {"kind": "presence"},
    }

    imported = (await upload(hub, await package(tmp_path, manifest(**endpoint)))).raise_for_status().json()

    assert (imported["package_kind"], imported["backend"], imported["on_shelf"]) == ("endpoint", "endpoint", True)
