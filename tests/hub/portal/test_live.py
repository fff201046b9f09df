"""The WebSocket of portal pages."""

from typing import Any

import aiohttp
import pytest

from federation.testing.played_appliance import made_event, played_appliance
from federation.testing.waiting import until
from tests.hub.conftest import ON_SQLITE

ADDRESS = "/api/v1/live"


def cookies_of(client: Any) -> dict[str, str]:
    return {cookie.name: str(cookie.value) for cookie in client.cookies.jar}


async def notice(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    while True:
        message = await socket.receive_json(timeout=60)
        if message["kind"] == kind:
            return dict(message["data"])


async def test_a_page_learns_of_events_verdicts_nodes_and_counters(linked_hub: Any) -> None:
    async with (
        linked_hub.signed_in("operator") as operator,
        aiohttp.ClientSession(linked_hub.url, cookies=cookies_of(operator)) as session,
        session.ws_connect(ADDRESS) as socket,
        played_appliance(await linked_hub.enrol()) as node,
    ):
        changed = await notice(socket, "node.changed")
        row = made_event(node.node_id)
        await node.hand_over(1, [row])
        created = await notice(socket, "event.created")
        counters = await notice(socket, "counters")
        await operator.put(f"/api/v1/events/{row['id']}/verdict", json={"verdict": "false"})
        judged = await notice(socket, "event.judged")

    assert changed["id"] == node.node_id
    assert (created["id"], created["type_name_zh"]) == (row["id"], "区域入侵")
    assert "events_total" in counters
    assert (judged["id"], judged["verdict"]) == (row["id"], "false")


@ON_SQLITE
async def test_signing_out_closes_the_live_connection(hub: Any) -> None:
    async with (
        hub.signed_in("viewer") as viewer,
        aiohttp.ClientSession(hub.url, cookies=cookies_of(viewer)) as session,
        session.ws_connect(ADDRESS) as socket,
    ):
        (await viewer.delete("/api/v1/session")).raise_for_status()

        message = await until(socket.receive, within_s=60, what="the hub closes the connection")

        assert message.type == aiohttp.WSMsgType.CLOSE
        assert message.data == 4401


@ON_SQLITE
async def test_a_page_of_another_origin_is_refused(hub: Any) -> None:
    async with (
        hub.signed_in("viewer") as viewer,
        aiohttp.ClientSession(hub.url, cookies=cookies_of(viewer)) as session,
    ):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(ADDRESS, headers={"Origin": "http://evil.example"})

    assert refused.value.status == 403


@ON_SQLITE
async def test_nobody_listens_without_signing_in(hub: Any) -> None:
    answer = await hub.anonymous.get(ADDRESS)

    assert answer.status_code == 401


@ON_SQLITE
async def test_a_plain_request_is_told_in_a_sentence_and_not_by_a_fault(hub: Any) -> None:
    answer = await hub.console.get(ADDRESS)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


@ON_SQLITE
async def test_a_hub_that_stops_does_not_wait_for_open_pages(hub: Any) -> None:
    async with (
        hub.signed_in("viewer") as viewer,
        aiohttp.ClientSession(hub.url, cookies=cookies_of(viewer)) as session,
        session.ws_connect(ADDRESS),
    ):
        assert hub.hub.foundation.live.viewers == 1
