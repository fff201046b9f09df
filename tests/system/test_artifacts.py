"""An algorithm package on its way from a real hub to a real box, while both of them and the line between fail."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from federation.artifacts import CHUNK_BYTES
from federation.messages import new_id
from federation.packages import Manifest, builtin_manifests, write_manifest, write_package
from federation.testing.waiting import until
from hil_tests.chaos.box import Box, running_box
from hil_tests.chaos.field import invited, ready
from hil_tests.chaos.hub_side import HubSide, running_hub_side
from hil_tests.network.relay import Relay
from hil_tests.network.relayed import relayed_ground
from hil_tests.network.weather import FAIR, Sky, Weather

pytestmark = pytest.mark.system

CHUNKS = 9
LIMIT_KBPS = 64_000  # two chunks a second
CONNECTIONS = 2
OVERHEAD_BYTES = 600_000  # MQTT, headers, manifests
WITHIN_S = 120


def make_package(path: Path, version: str, model: bytes) -> str:
    """Write a package without a model that anybody runs; return its digest."""
    base = builtin_manifests()["fengsui.area_intrusion"].model_dump(mode="json", exclude_defaults=True)
    event = {"code": "example.smoke/smoke", "name": {"zh": "烟雾", "en": "Smoke"}, "when": {"labels": ["object"]}}
    name = {"zh": "烟雾检测", "en": "Smoke"}
    own = {"id": "example.smoke", "version": version, "name": name, "events": [event], "needs_region": False}
    manifest = Manifest.model_validate({**base, **own})
    write_package({"algorithm.yaml": write_manifest(manifest).encode(), "models/m.onnx": model}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def place(client: httpx.AsyncClient, package: Path) -> None:
    """Import a package and want it at a point."""
    content = await asyncio.to_thread(package.read_bytes)
    headers = {"Content-Type": "application/octet-stream"}
    (await client.post("/api/v1/algorithms", content=content, headers=headers)).raise_for_status()
    point = {"id": "gate", "name": "东门", "stream_url": "rtsp://127.0.0.1:9/gate"}
    (await client.post("/api/v1/points", json=point)).raise_for_status()
    draft = {"name": "烟雾", "point_ids": ["gate"], "algorithm_ids": ["example.smoke"]}
    (await client.post("/api/v1/tasks", json=draft)).raise_for_status()


async def limit(client: httpx.AsyncClient, kbps: int) -> None:
    """Let file transfers take no more than that of a node's line to the hub, at any time."""
    policy = {"bandwidth": [{"limit_kbps": kbps}]}
    (await client.put("/api/v1/link-policy", json=policy)).raise_for_status()


@asynccontextmanager
async def console(hub_side: HubSide) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(uds=str(hub_side.console))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub", timeout=60) as client:
        yield client


async def held(box: Box, digest: str) -> int:
    """How many chunks count on the disk of the box."""
    bitmap = box.folder / "data" / "artifacts" / f"{digest}.bitmap"

    def count() -> int:
        return sum(byte.bit_count() for byte in bitmap.read_bytes()) if bitmap.exists() else 0

    return await asyncio.to_thread(count)


async def has(box: Box, digest: str, chunks: int) -> None:
    async def enough() -> bool:
        return await held(box, digest) >= chunks

    await until(enough, within_s=WITHIN_S, what=f"{chunks} chunks are on the box")


async def delivery(client: httpx.AsyncClient) -> dict[str, Any] | None:
    try:
        items = (await client.get("/api/v1/deliveries")).raise_for_status().json()["items"]
    except httpx.HTTPError:
        return None
    return dict(items[0]["report"]) if items else None


async def test_a_package_arrives_and_hardly_a_byte_comes_twice_whoever_dies_on_the_way(tmp_path: Path) -> None:
    package = tmp_path / "smoke.algpkg"
    model = secrets.token_bytes(CHUNKS * CHUNK_BYTES - 100_000)
    digest = await asyncio.to_thread(make_package, package, "1.0.0", model)
    async with relayed_ground() as ground, running_hub_side(tmp_path, ground.centre) as hub_side:
        await ready(hub_side)
        bundle = await invited(hub_side, "box-1")
        box_of = running_box(tmp_path / "b1", bundle, ground=ground, hub_side=hub_side, task_id=new_id())
        async with box_of as box, console(hub_side) as client:
            await limit(client, LIMIT_KBPS)
            await place(client, package)

            await has(box, digest, 2)
            box.agent.kill()
            await has(box, digest, 4)
            hub_side.hub.kill()
            await has(box, digest, 6)
            await box.party.wire.become(Weather(sky=Sky.CUT))
            await box.party.wire.become(FAIR)

            async def arrived() -> bool:
                report = await delivery(client)
                return report is not None and report["state"] == "held"

            await until(arrived, within_s=WITHIN_S, what="the hub knows that the box has the package")
            folder = tmp_path / "b1" / "data" / "artifacts"
            content = await asyncio.to_thread((folder / digest).read_bytes)
            left = await asyncio.to_thread(lambda: sorted(path.suffix for path in folder.iterdir()))
            assert isinstance(box.party.wire, Relay)
            carried_bytes = box.party.wire.carried_bytes

    assert hashlib.sha256(content).hexdigest() == digest
    assert left == ["", ".manifest"]
    again = 3 * CONNECTIONS * CHUNK_BYTES  # three interruptions lose a chunk a connection
    assert carried_bytes <= len(content) + again + OVERHEAD_BYTES
