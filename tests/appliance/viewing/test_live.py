"""Live view of a running agent: a real subscription to the streams process, real WebSockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from appliance.config import Config
from appliance.local import StreamsReport
from appliance.local.agent_client import agent_client
from appliance.streams.access_unit import AccessUnit
from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from federation.messages import CameraReport, CameraState
from federation.testing.waiting import until
from federation.viewing import Kind, Message, read_init
from federation.viewing.socket import SIGNED_OUT
from tests.appliance.coded import coded, later
from tests.appliance.panel.test_api import CAMERA, PASSWORD, POINT, agent, config_in, signed_in


@dataclass(kw_only=True)
class Box:
    """A box with one camera, into whose feed a test puts pictures."""

    url: str
    config: Config
    panel: httpx.AsyncClient
    feeds: Feeds

    async def send(self, units: list[AccessUnit] | tuple[AccessUnit, ...]) -> None:
        for unit in units:
            self.feeds.of(POINT).send(replace(unit, point_id=POINT, arrived_s=time.monotonic()))
            await asyncio.sleep(0)

    @asynccontextmanager
    async def watching(self, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        cookies = dict(self.panel.cookies)
        async with (
            aiohttp.ClientSession(cookies=cookies, headers=headers) as session,
            session.ws_connect(f"{self.url}/api/v1/cameras/{POINT}/live") as socket,
        ):
            yield socket


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    config = config_in(tmp_path)
    await asyncio.to_thread(config.run_folder.mkdir, parents=True)
    feeds = Feeds()
    async with (
        serving(Consumers(feeds), config.run_folder),
        agent(config) as url,
        signed_in(config, url) as panel,
    ):
        await panel.post("/api/v1/cameras", json=CAMERA)
        yield Box(url=url, config=config, panel=panel, feeds=feeds)


async def pictures(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[Message]:
    """Return the next `count` binary messages."""
    found: list[Message] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            message = await socket.receive()
            assert message.type in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT}, message
            if message.type is aiohttp.WSMsgType.BINARY:
                found.append(Message.of(message.data))
    return found


async def next_state(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                return dict(json.loads(message.data))


async def test_a_camera_is_watched_by_many_and_subscribed_to_once(box: Box) -> None:
    feed = box.feeds.of(POINT)
    async with box.watching() as first:
        await until(lambda: feed.wants_all, within_s=60, what="a subscription")
        await box.send(coded()[:15])
        got = await pictures(first, 16)
        async with box.watching() as second:
            begun = await pictures(second, 6)
            sinks = len(feed._sinks)
            await box.send(coded()[15:20])
            both = await asyncio.gather(pictures(first, 5), pictures(second, 5))

    assert [message.kind for message in got] == [Kind.INIT, Kind.KEY, *[Kind.DELTA] * 9, Kind.KEY, *[Kind.DELTA] * 4]
    assert read_init(got[0])[0] == 'video/mp4; codecs="avc1.42c00b"'
    assert begun == [got[0], *got[11:]]  # the pictures since the last key frame, at once
    assert both[0] == both[1]
    assert sinks == 1
    await until(lambda: not feed.wants_all, within_s=60, what="the end of the subscription")


async def test_the_state_of_the_camera_is_told_and_told_again_when_it_changes(box: Box) -> None:
    async with box.watching() as socket, agent_client(box.config.run_folder) as streams:
        before = await next_state(socket)
        refused = CameraReport(point_id=POINT, state=CameraState.REFUSED, reason="wrong_password: no")
        await streams.report(StreamsReport(pid=1, cameras=(refused,)))
        after = await next_state(socket)
        await box.panel.delete(f"/api/v1/cameras/{POINT}")
        gone = await next_state(socket)

    assert before == {"kind": "state", "state": "connecting", "reason": "", "fault": ""}
    assert (after["state"], after["reason"]) == ("refused", "wrong_password: no")
    assert gone["state"] == "removed"


async def test_a_new_connection_of_the_camera_goes_on(box: Box) -> None:
    async with box.watching() as socket:
        await until(lambda: box.feeds.of(POINT).wants_all, within_s=60, what="a subscription")
        await box.send(coded()[:10])
        await box.send(later(coded()[:10], by_s=500, session=2))
        got = await pictures(socket, 21)

    assert [message.kind for message in got].count(Kind.INIT) == 1
    assert [message.kind for message in got].count(Kind.KEY) == 2


async def test_who_signs_out_sees_no_more(box: Box) -> None:
    async with box.watching() as socket:
        await box.panel.delete("/api/v1/session")
        async with asyncio.timeout(20):
            while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
                pass

        assert socket.close_code == SIGNED_OUT


async def test_nobody_watches_unasked(box: Box) -> None:
    async with httpx.AsyncClient(base_url=box.url, timeout=60) as stranger:
        answer = await stranger.get(f"/api/v1/cameras/{POINT}/live")
    unknown = await box.panel.get("/api/v1/cameras/nowhere/live")

    assert answer.status_code == 401
    assert unknown.status_code == 404
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with box.watching(Origin="http://elsewhere.example"):
            pass
    assert refused.value.status == 403
    assert PASSWORD
