"""What is wanted of a node: signed, by shard, told until it is followed. Over a real broker."""

import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from federation import topics
from federation.desired import HubKey
from federation.messages import CameraSpec, DesiredPolicy, Shard, TaskSpec
from federation.testing.played_appliance import PlayedAppliance, played_appliance
from federation.testing.waiting import until
from hub.config import HubConfig
from hub.errors import ConfigInvalid
from hub.fleet.signing_key import read_key, renew_key
from tests.hub.conftest import running_broker, serving

BY_HAND = frozenset({"scheduling", "policies"})  # these tests say themselves what is wanted


@pytest.fixture
def database_url() -> str:
    """SQLite alone: what is tested here knows no database."""
    return ""


def camera(point_id: str = "gate") -> CameraSpec:
    return CameraSpec(point_id=point_id, name="大门", url="rtsp://10.0.0.1/1")


async def want(hub: Any, node_id: str, *cameras: CameraSpec, tasks: tuple[TaskSpec, ...] = ()) -> int:
    desired = hub.hub.foundation.desired
    return int(await desired.set_work(node_id, cameras=cameras, packages=(), tasks=tasks))


async def linked(hub: Any) -> None:
    await until(lambda: hub.hub.foundation.link.connected, within_s=60, what="the hub is connected to its broker")


async def has(node: PlayedAppliance, version: int) -> None:
    await node.listen_for(lambda: node.work is not None and node.work.version == version)


def epoch_of(hub: Any) -> int:
    return int(hub.hub.foundation.desired._epoch)


async def test_what_is_wanted_reaches_the_node_and_only_a_change_makes_a_version(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    async with serving(config, idle=BY_HAND) as hub, played_appliance(await hub.enrol()) as node:
        await linked(hub)
        versions = [await want(hub, node.node_id, camera()) for _ in range(2)]
        await has(node, 1)
        versions.append(await want(hub, node.node_id, camera("yard")))
        await has(node, 2)

        assert versions == [1, 1, 2]
        assert node.work is not None
        assert node.work.cameras[0].point_id == "yard"
        row = (await hub.console.get(f"/api/v1/nodes/{node.node_id}")).json()["shards"][0]
        assert row == {"shard": "work", "wanted_version": 2, "applied_version": 0, "followed": False}
        node.beat()

        async def followed() -> bool:
            return bool((await hub.console.get(f"/api/v1/nodes/{node.node_id}")).json()["shards"][0]["followed"])

        await until(followed, within_s=60, what="the hub knows that version 2 is followed")


async def test_after_the_broker_lost_everything_the_hub_tells_it_all_again(tmp_path: Path, config: HubConfig) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        async with running_broker(config, tmp_path) as first:
            await linked(hub)
            joined = await hub.enrol()
            await want(hub, joined.identity.node_id, camera())
            first.kill()
        async with running_broker(config, tmp_path):
            await linked(hub)
            async with played_appliance(joined) as node:
                await has(node, 1)


async def test_what_is_wanted_outlives_a_restart_of_the_hub_with_its_version_epoch_and_key(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        joined = await hub.enrol()
        await want(hub, joined.identity.node_id, camera())
        epoch = epoch_of(hub)
    assert config.signing_key_file.stat().st_mode & 0o777 == 0o600
    async with serving(config, idle=BY_HAND) as hub:
        assert await want(hub, joined.identity.node_id, camera()) == 1
        assert epoch_of(hub) == epoch
        async with played_appliance(joined) as node:
            await has(node, 1)


async def test_a_node_is_told_by_greeting_what_the_broker_did_not_keep_for_it(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        await linked(hub)
        joined = await hub.enrol()
        await want(hub, joined.identity.node_id, camera())
        # As on another node of a RabbitMQ cluster, where nothing is retained for it.
        hub.hub.foundation.link.publish(topics.desired(joined.identity.node_id, Shard.WORK), b"", retain=True)

        async with played_appliance(joined) as node:
            await has(node, 1)


async def test_a_beat_is_answered_with_what_is_wanted_and_who_lags_behind_is_told_again(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    async with serving(config, idle=BY_HAND) as hub, played_appliance(await hub.enrol()) as node:
        await linked(hub)
        await want(hub, node.node_id, camera())
        await has(node, 1)
        hub.hub.foundation.desired._told_at_s.clear()  # as if it had been told long ago

        node.beat(7, applied={})
        await node.listen_for(lambda: any(answer.number == 7 for answer in node.answers))
        await node.listen_for(lambda: len(node.envelopes) >= 2)

        answer = next(answer for answer in node.answers if answer.number == 7)
        assert answer.wanted == {Shard.WORK: (epoch_of(hub), 1)}
        assert node.envelopes[0] == node.envelopes[-1]


async def test_who_asks_while_a_document_is_being_signed_gets_that_same_signature(config: HubConfig) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        desired, joined = hub.hub.foundation.desired, await hub.enrol()
        await want(hub, joined.identity.node_id, camera())
        desired._signed.clear()

        first, second = await asyncio.gather(*(desired.envelopes(joined.identity.node_id) for _ in range(2)))

        assert first == second


async def test_a_node_of_a_thousand_tasks_fetches_its_document_and_nobody_else_does(
    broker: "subprocess.Popen[bytes]", config: HubConfig
) -> None:
    tasks = tuple(
        TaskSpec(task_id=f"t{n:04}", generation=1, point_id="gate", algorithm_id="a", algorithm_version="1.0.0")
        for n in range(1000)
    )
    async with serving(config, idle=BY_HAND) as hub:
        await linked(hub)
        joined, other = await hub.enrol("big"), await hub.enrol("other")
        async with played_appliance(joined) as node:
            await want(hub, "big", camera(), tasks=tasks)
            await node.listen_for(lambda: node.envelopes)
            envelope = node.envelopes[-1]
            path = f"/api/v1/desired/work/{envelope.digest}"
            async with hub.node(joined) as own, hub.node(other) as others, hub.stranger() as stranger:
                nobody = await stranger.get(path)
                answer, refused = await own.get(path), await others.get(path)
                node.take_fetched(envelope, answer.content)
                await want(hub, "big", camera())
                superseded = await own.get(path)

        assert envelope.text is None
        assert node.work is not None
        assert len(node.work.tasks) == 1000
        assert (refused.status_code, refused.json()["code"]) == (404, "document_superseded")
        assert superseded.status_code == 404
        assert nobody.status_code == 401
        assert (await hub.console.get(path)).status_code == 404


@pytest.mark.parametrize("ahead", [{"version": 5}, {"epoch": 3}, {"issued_at": datetime(2026, 1, 1, tzinfo=UTC)}])
async def test_a_hub_restored_from_a_backup_begins_an_epoch_that_its_nodes_obey(
    broker: "subprocess.Popen[bytes]", config: HubConfig, ahead: dict[str, Any]
) -> None:
    async with serving(config, idle=BY_HAND) as hub:
        await linked(hub)
        async with played_appliance(await hub.enrol()) as node:
            await want(hub, node.node_id, camera())
            await has(node, 1)
            first = node.applied[Shard.WORK]

            # What it follows came after the backup was made: the hub knows nothing of it.
            theirs = {
                "hub_epoch": first.hub_epoch + ahead.get("epoch", 0),
                "version": ahead.get("version", first.version),
                "issued_at": ahead.get("issued_at", first.issued_at),
            }
            node.beat(applied={Shard.WORK: theirs})

            await node.listen_for(lambda: node.work is not None and node.work.hub_epoch > first.hub_epoch)
            newest = node.applied[Shard.WORK]
            assert newest.order > (theirs["hub_epoch"], theirs["version"])
            assert node.work is not None
            assert node.work.cameras == (camera(),)
    async with serving(config, idle=BY_HAND) as hub:
        assert epoch_of(hub) == newest.hub_epoch


@pytest.mark.parametrize("epoch", [1, 20_000])
async def test_a_node_that_lags_behind_or_talks_nonsense_begins_no_epoch(linked_hub: Any, epoch: int) -> None:
    async with played_appliance(await linked_hub.enrol()) as node:
        await want(linked_hub, node.node_id, camera())
        own = epoch_of(linked_hub)
        far = {"hub_epoch": 1 if epoch == 1 else own + epoch, "version": 9, "issued_at": datetime.now(UTC)}

        node.beat(3, applied={Shard.WORK: far})
        await node.listen_for(lambda: any(answer.number == 3 for answer in node.answers))

        assert epoch_of(linked_hub) == own


async def test_a_policy_goes_to_all_nodes_and_that_of_a_site_to_its_own(linked_hub: Any) -> None:
    console = linked_hub.console
    async with (
        played_appliance(await linked_hub.enrol("a")) as one,
        played_appliance(await linked_hub.enrol("b")) as two,
    ):
        await console.patch("/api/v1/nodes/b", json={"site": "west"})
        window = {"days": [1], "start": "08:00", "end": "18:00", "limit_kbps": 512}
        body = {"report_every_s": 30, "bandwidth": [window]}
        await console.put("/api/v1/link-policy", json={"report_every_s": 20})
        await console.put("/api/v1/sites/west/link-policy", json=body)

        def every_s(node: PlayedAppliance) -> Any:
            found = node.desired.get(Shard.POLICY)
            return found.link.report_every_s if isinstance(found, DesiredPolicy) else None

        await one.listen_for(lambda: every_s(one) == 20)
        await two.listen_for(lambda: every_s(two) == 30)
        shown = (await console.get("/api/v1/link-policies")).json()["items"]
        assert [(row["site"], row["policy"]["report_every_s"]) for row in shown] == [("", 20.0), ("west", 30.0)]
        await console.delete("/api/v1/sites/west/link-policy")
        await two.listen_for(lambda: every_s(two) == 20)
        assert (await console.delete("/api/v1/sites/west/link-policy")).status_code == 404


async def test_beats_so_rare_that_everybody_would_be_suspect_are_refused(hub: Any) -> None:
    refused = await hub.console.put("/api/v1/link-policy", json={"beat_every_s": 12})

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "body.beat_every_s")
    assert (await hub.console.put("/api/v1/link-policy", json={"beat_every_s": 11.6})).status_code == 200


def test_the_key_is_made_once_and_its_renewal_is_signed_by_it(tmp_path: Path) -> None:
    path = tmp_path / "data" / "signing-key.json"
    first = read_key(path)

    before, after = renew_key(path)

    assert (before.id, path.stat().st_mode & 0o777) == (first.id, 0o600)
    assert read_key(path).id == after.id != first.id
    assert [word.key_id for word in after.successions] == [first.id]
    path.write_text(HubKey.generate().to_text()[:40])
    with pytest.raises(ConfigInvalid, match="enrol every node anew"):
        read_key(path)
