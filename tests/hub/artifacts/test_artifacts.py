"""Artifacts of the hub: described once, given in parts, and followed on their way to the nodes."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from federation.artifacts import read_signed
from federation.crypto import PublicKey
from federation.messages import ArtifactReport, ArtifactState, ReportedState
from federation.packages import Manifest, builtin_manifests, write_manifest, write_package
from federation.testing.waiting import until
from hub.config import HubConfig
from tests.hub.conftest import ON_SQLITE, serving

OCTETS = {"Content-Type": "application/octet-stream"}


async def imported(hub: Any, folder: Path, content: bytes = b"") -> tuple[str, bytes]:
    """Import a package; return its digest and its bytes."""
    base = builtin_manifests()["fengsui.area_intrusion"].model_dump(mode="json", exclude_defaults=True)
    own = {
        "id": "example.smoke",
        "version": "1.0.0",
        "events": [{"code": "example.smoke/x", "name": {"zh": "烟", "en": "x"}, "when": {"labels": ["object"]}}],
    }
    manifest = Manifest.model_validate({**base, **own})

    def pack() -> bytes:
        path = folder / "p.algpkg"
        write_package({"algorithm.yaml": write_manifest(manifest).encode(), "models/m.onnx": content}, path)
        return path.read_bytes()

    packed = await asyncio.to_thread(pack)
    (await hub.console.post("/api/v1/algorithms", content=packed, headers=OCTETS)).raise_for_status()
    return "sha256:" + hashlib.sha256(packed).hexdigest(), packed


async def manifest_of(hub: Any, digest: str) -> bytes:
    async def answer() -> bytes:
        found = await hub.console.get(f"/api/v1/artifacts/{digest}/manifest")
        return bytes(found.content) if found.status_code == 200 else b""

    return await until(answer, within_s=60, what="the manifest is made")


@ON_SQLITE
async def test_a_node_fetches_manifest_and_parts_of_an_imported_package(hub: Any, tmp_path: Path) -> None:
    digest, packed = await imported(hub, tmp_path, bytes(5 * 2**20))

    manifest = read_signed(await manifest_of(hub, digest), digest=digest).manifest
    member = await hub.enrol()
    async with hub.node(member) as node:
        start = manifest.offset_bytes(1)
        last = await node.get(f"/api/v1/artifacts/{digest}", headers={"Range": f"bytes={start}-"})
        head = await node.head(f"/api/v1/artifacts/{digest}")

    read_signed(await manifest_of(hub, digest), digest=digest).check(PublicKey.from_pem(member.identity.signing_key))
    assert (manifest.kind, manifest.name, manifest.version) == ("algorithm-package", "example.smoke", "1.0.0")
    assert (last.status_code, manifest.accepts(1, last.content)) == (206, True)
    assert (head.status_code, int(head.headers["Content-Length"])) == (200, len(packed))
    shown = (await hub.console.get("/api/v1/artifacts", params={"kind": "algorithm-package"})).json()["items"]
    assert [(item["digest"], item["chunks"], item["ready"]) for item in shown] == [(digest, 2, True)]


@ON_SQLITE
async def test_a_manifest_that_was_not_finished_is_made_after_the_next_start(config: HubConfig, tmp_path: Path) -> None:
    async with serving(config, idle=frozenset({"artifacts"})) as hub:
        digest, _ = await imported(hub, tmp_path)
        early = await hub.console.get(f"/api/v1/artifacts/{digest}/manifest")
        shown = (await hub.console.get("/api/v1/artifacts")).json()["items"][0]

    async with serving(config) as hub:
        found = await manifest_of(hub, digest)

    assert (early.status_code, early.json()["code"], shown["ready"]) == (503, "manifest_in_the_making", False)
    assert read_signed(found, digest=digest).manifest.digest == digest


async def test_an_artifact_goes_with_its_algorithm(hub: Any, tmp_path: Path) -> None:
    digest, _ = await imported(hub, tmp_path)
    await manifest_of(hub, digest)

    await hub.console.delete("/api/v1/algorithms/example.smoke")

    for address in (f"/api/v1/artifacts/{digest}", f"/api/v1/artifacts/{digest}/manifest"):
        assert (await hub.console.get(address)).status_code == 404
    assert (await hub.console.get("/api/v1/artifacts")).json()["items"] == []


@ON_SQLITE
async def test_neither_bytes_nor_manifests_are_for_strangers(hub: Any, tmp_path: Path) -> None:
    digest, _ = await imported(hub, tmp_path)

    for address in (f"/api/v1/artifacts/{digest}", f"/api/v1/artifacts/{digest}/manifest", "/api/v1/deliveries"):
        assert (await hub.anonymous.get(address)).status_code == 401
    assert (await hub.console.get("/api/v1/artifacts/sha256:short")).status_code == 404


@ON_SQLITE
async def test_a_damaged_file_gets_no_manifest(
    config: HubConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(config, idle=frozenset({"artifacts"})) as hub:
        digest, packed = await imported(hub, tmp_path)
        name = digest.removeprefix("sha256:")
        path = config.data_folder / "packages" / name[:2] / name[2:4] / name
        await asyncio.to_thread(path.write_bytes, packed[:-1] + b"x")

    async with serving(config) as hub:
        await until(lambda: "damaged" in caplog.text, within_s=60, what="the damage is logged")

        assert (await hub.console.get(f"/api/v1/artifacts/{digest}/manifest")).status_code == 503


async def test_what_nodes_say_of_an_artifact_is_listed_and_counted(hub: Any, tmp_path: Path) -> None:
    digest, packed = await imported(hub, tmp_path)
    states = {"n1": ArtifactState.HELD, "n2": ArtifactState.WAITING}
    for name, state in states.items():
        await hub.enrol(name)
        report = ArtifactReport(
            digest=digest,
            kind="algorithm-package",
            name="example.smoke",
            size_bytes=len(packed),
            state=state,
            reason="r",
        )
        roster = hub.hub.foundation.roster
        node = next(item for item in roster.all() if item.name == name)
        reported = ReportedState(node_id=node.id, reported_at=datetime.now(UTC), artifacts=(report,))
        roster.put(replace(node, reported=reported))

    listed = (await hub.console.get("/api/v1/deliveries", params={"digest": digest})).json()["items"]
    first = (await hub.console.get("/api/v1/deliveries", params={"limit": 1})).json()
    second = (await hub.console.get("/api/v1/deliveries", params={"limit": 1, "after": first["next"]})).json()
    other = (await hub.console.get("/api/v1/deliveries", params={"name": "other"})).json()["items"]
    artifact = (await hub.console.get("/api/v1/artifacts")).json()["items"][0]

    assert {item["node_name"]: item["report"]["state"] for item in listed} == states
    assert [item["node_name"] for item in first["items"] + second["items"]] == sorted(states)
    assert (other, second["next"]) == ([], None)
    assert (artifact["nodes_holding"], artifact["nodes_fetching"]) == (1, 1)
