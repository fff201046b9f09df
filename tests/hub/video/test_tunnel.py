"""Through the tunnel: a real hub and broker, and a node that answers by its own connections, as appliances do."""

import asyncio
import functools
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from appliance.uplink.tunnel import ACTOR_HEADER, Tunnel, tunnel_session
from federation.http import Problem
from federation.messages import CallHead, CameraReport, CameraState, NodeCall, new_id
from federation.messages.calls import MOST_CALLS
from federation.testing.mutation import json_mutations, mutations
from federation.testing.played_appliance import BEAT_EVERY_S, PlayedAppliance, played_appliance
from federation.testing.ports import reserved
from federation.testing.waiting import until
from federation.viewing import Kind, Message, init_message
from hub.fleet.link import Link
from hub.video.calls import Calls, new_ticket
from hub.video.turning import MOST_ORDERS
from tests.hub.conftest import REMEMBERED, Served, hub_config, remember, running_broker, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STRETCH = {"start": NOON.isoformat(), "end": (NOON + timedelta(minutes=1)).isoformat()}
LOCK = {"point_id": "gate", "text": "证据", "locked": True, **STRETCH}
SNAPSHOT = "/api/v1/points/gate/snapshot.jpg"
BOOKMARKS = "/api/v1/points/gate/recordings/bookmarks"
INIT = init_message('video/mp4; codecs="avc1.42c00b"', b"ftypmoov")
LARGE = bytes(range(256)) * 40_000
LIVE = {"kind": "state", "state": "live", "reason": "", "fault": ""}
PICTURE = b"\x01first"
JPEG = b"\xff\xd8\xffpicture"
CLIP = "/api/v1/points/gate/recordings/clip.mp4"
MUTATIONS = 10_000
OVER_THE_NETWORK = 60
SEED = 20_261_129
BROKEN = "2026-03-01T13"
POINTS = ("gate", "dome")


Lie = tuple[str | bytes, ...]
Say = Callable[[NodeCall, Lie], Awaitable[None]]


@dataclass(kw_only=True)
class Box:
    """What a node keeps behind its door: answers, and how often it was asked for what."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    actors: list[str] = field(default_factory=list)
    viewers: list[web.WebSocketResponse] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    in_use: bool = False
    taken_bytes: int = 0
    lie: Lie = ()
    lies_told: int = 0

    @asynccontextmanager
    async def open(self, door: Path) -> AsyncIterator[None]:
        app = web.Application(middlewares=[self._note])
        app.router.add_get("/api/v1/cameras/gate/recordings", self._timeline)
        app.router.add_get("/api/v1/cameras/gate/recordings/search", self._search)
        app.router.add_get("/api/v1/cameras/gate/recordings/play.mp4", self._play)
        app.router.add_get("/api/v1/cameras/gate/recordings/clip.mp4", self._clip)
        app.router.add_get("/api/v1/cameras/gate/live", self._live)
        app.router.add_get("/api/v1/cameras/gate/picture.jpg", self._picture)
        app.router.add_post("/api/v1/snapshots", self._snapshot)
        app.router.add_get("/api/v1/snapshots/s1/picture.jpg", self._picture)
        app.router.add_get("/api/v1/cameras/gate/presets", self._presets)
        app.router.add_post("/api/v1/cameras/gate/turn", self._turn)
        app.router.add_post("/api/v1/cameras/dome/turn", self._turn)
        app.router.add_post("/api/v1/recordings/bookmarks", self._mark)
        app.router.add_put("/api/v1/recordings/bookmarks/{bookmark}", self._mark)
        app.router.add_delete("/api/v1/recordings/bookmarks/{bookmark}", self._unmark)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(door)).start()
        try:
            yield
        finally:
            await runner.cleanup()

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append((request.method, request.path_qs))
        self.actors.append(request.headers.get(ACTOR_HEADER, ""))
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _timeline(self, _request: web.Request) -> web.Response:
        recorded = [{"kind": "planned", **STRETCH}]
        return web.json_response(
            {"point_id": "gate", "recorded": recorded, "gaps": [], "bookmarks": [], "events": [], "mime": "video/mp4"}
        )

    async def _picture(self, _request: web.Request) -> web.Response:
        return web.Response(body=JPEG, content_type="image/jpeg")

    async def _snapshot(self, request: web.Request) -> web.Response:
        draft = await request.json()
        self.orders.append(draft)
        if draft["aim"] == {"kind": "preset", "preset": "99"}:
            return Problem(422, "unknown_preset", "No picture: the camera remembers no preset '99'.").response()
        return web.json_response({"id": "s1", "taken_at": NOON.isoformat(), "state": "done"}, status=201)

    async def _presets(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": [{"preset": "1", "name": "大门"}]})

    async def _turn(self, request: web.Request) -> web.Response:
        if self.in_use:
            return Problem(409, "in_use", "The camera is being turned for a snapshot.").response()
        self.orders.append((await request.json())["order"])
        return web.Response(status=204)

    async def _play(self, request: web.Request) -> web.StreamResponse:
        if request.query["start"] != NOON.isoformat().replace("+00:00", "Z"):
            return Problem(404, "nothing_recorded", "Nothing was recorded there.").response()
        response = web.StreamResponse(headers={"Content-Type": "video/mp4", "Fengsui-Start": NOON.isoformat()})
        await response.prepare(request)
        for _ in range(400):
            await response.write(LARGE)
            self.taken_bytes += len(LARGE)
        return response

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Range") == "bytes=5-9":
            return web.Response(status=206, body=LARGE[5:10], headers={"Content-Range": f"bytes 5-9/{len(LARGE)}"})
        if request.query["end"].startswith(BROKEN):
            response = web.StreamResponse(headers={"Content-Length": str(len(LARGE))})
            await response.prepare(request)
            await response.write(LARGE[: len(LARGE) // 2])
            raise ConnectionResetError("the disk is gone")
        return web.Response(body=LARGE, content_type="video/mp4", headers={"Content-Disposition": "attachment"})

    async def _mark(self, request: web.Request) -> web.Response:
        said = await request.json()
        bookmark = {"id": request.match_info.get("bookmark", new_id()), "text": said["text"], "locked": said["locked"]}
        return web.json_response({**bookmark, **STRETCH, **self._set_by(request)})

    async def _search(self, request: web.Request) -> web.Response:
        asked = request.query
        bookmark = {"id": new_id(), "text": asked["text"], "locked": asked["locked"] == "true", **STRETCH}
        found = {"kind": asked["kind"], **STRETCH, "bookmarks": [{**bookmark, **self._set_by(request)}]}
        return web.json_response({"items": [found], "next": "1_7"})

    @staticmethod
    def _set_by(request: web.Request) -> dict[str, str]:
        return {"set_by": request.headers[ACTOR_HEADER], "set_at": NOON.isoformat()}

    async def _unmark(self, _request: web.Request) -> web.Response:
        return web.Response(status=204)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.viewers.append(socket)
        await socket.send_str(json.dumps({"kind": "state", "state": "live", "reason": "", "fault": ""}))
        await socket.send_bytes(INIT.content)
        await socket.send_bytes(PICTURE)
        async for _ in socket:
            pass
        self.viewers.remove(socket)
        return socket


@dataclass(frozen=True, kw_only=True)
class Site:
    """A hub, its one node with a camera, and what that node keeps."""

    hub: Served
    box: Box
    node: PlayedAppliance
    alive: asyncio.Event
    viewer: httpx.AsyncClient
    operator: httpx.AsyncClient

    def live_url(self) -> str:
        return f"{self.hub.url}/api/v1/points/gate/live"


async def answer_calls(node: PlayedAppliance, tunnel: Tunnel) -> None:
    while True:
        tunnel.take(await node.called())


async def answer_or_lie(node: PlayedAppliance, tunnel: Tunnel, box: Box, say: Say) -> None:
    """Answer as an appliance does, or with what the box has been told to say in place of it."""
    while True:
        call = await node.called()
        if box.lie:
            await say(call, box.lie)
            box.lies_told += 1
        else:
            tunnel.take(call)


def saying(session: aiohttp.ClientSession, hub_url: str) -> Say:
    """Return what answers a call with some messages, and ends in order."""

    async def say(call: NodeCall, messages: Lie) -> None:
        with suppress(aiohttp.ClientError, ConnectionError):
            async with session.ws_connect(f"{hub_url}/api/v1/calls/{call.ticket}") as socket:
                for message in messages:
                    await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))

    return say


async def live_on(node: PlayedAppliance, alive: asyncio.Event) -> None:
    while True:
        await alive.wait()
        node.beat()
        await asyncio.sleep(BEAT_EVERY_S)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    with tempfile.TemporaryDirectory(prefix="fengsui-") as name, reserved(len(REMEMBERED)) as ports:
        folder = Path(name)
        config, box, alive = hub_config(folder), Box(), asyncio.Event()
        await asyncio.to_thread(remember, config, ports)
        alive.set()
        async with running_broker(config, folder), serving(config) as hub, box.open(folder / "door"):
            await until(lambda: hub.hub.foundation.link.connected, within_s=60, what="the hub's link")
            member = await hub.enrol()
            tls = await asyncio.to_thread(member.tls)
            async with played_appliance(member) as node, tunnel_session(tls) as session, asyncio.TaskGroup() as group:
                tunnel = Tunnel(hub_url=hub.node_url, session=session, door=folder / "door")
                tasks = [
                    group.create_task(tunnel.run()),
                    group.create_task(answer_or_lie(node, tunnel, box, saying(session, hub.node_url))),
                    group.create_task(live_on(node, alive)),
                ]
                node.report(cameras=tuple(CameraReport(point_id=each, state=CameraState.LIVE) for each in POINTS))
                roster = hub.hub.foundation.roster
                await until(
                    lambda: (found := roster.get(node.node_id)) and found.reported, within_s=60, what="the report"
                )
                async with (
                    hub.signed_in("viewer", username="wang") as viewer,
                    hub.signed_in("operator", username="li") as operator,
                ):
                    yield Site(hub=hub, box=box, node=node, alive=alive, viewer=viewer, operator=operator)
                for task in tasks:
                    task.cancel()


@asynccontextmanager
async def watching(site: Site) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession(cookies=dict(site.viewer.cookies)) as session,
        session.ws_connect(site.live_url()) as socket,
    ):
        yield socket


async def seen(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[Message | dict[str, Any]]:
    """Return the next messages, states as JSON."""
    found: list[Message | dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                found.append(Message.of(message.data))
            else:
                found.append(json.loads(message.data))
    return found


async def begun(socket: aiohttp.ClientWebSocketResponse) -> list[Message | dict[str, Any]]:
    """Return all up to the first picture and the word that the camera is live."""
    found: list[Message | dict[str, Any]] = []
    while not (LIVE in found and any(isinstance(item, Message) and item.kind is Kind.KEY for item in found)):
        found += await seen(socket, 1)
    return found


async def test_a_timeline_comes_through_the_tunnel_in_the_name_of_who_asks(site: Site) -> None:
    answer = await site.viewer.get("/api/v1/points/gate/recordings", params=STRETCH)

    assert answer.status_code == 200
    assert answer.json()["recorded"][0]["kind"] == "planned"
    assert site.box.actors[-1] == "wang"


async def test_what_the_appliance_says_is_wrong_is_said_in_its_words(site: Site) -> None:
    earlier = {"start": (NOON - timedelta(days=1)).isoformat(), "end": NOON.isoformat()}

    answer = await site.hub.console.get("/api/v1/points/gate/recordings/play.mp4", params=earlier)

    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_recorded")


async def test_a_file_and_a_range_of_it_come_whole_and_are_noted(site: Site) -> None:
    whole = await site.operator.get("/api/v1/points/gate/recordings/clip.mp4", params=STRETCH)
    part = await site.operator.get(
        "/api/v1/points/gate/recordings/clip.mp4", params=STRETCH, headers={"Range": "bytes=5-9"}
    )
    audit = (await site.hub.console.get("/api/v1/audit", params={"limit": 50})).json()["items"]

    assert (whole.status_code, whole.content, whole.headers["content-disposition"]) == (200, LARGE, "attachment")
    assert (part.status_code, part.content) == (206, LARGE[5:10])
    noted = [(entry["action"], entry["actor"], entry["subject"]) for entry in audit]
    assert ("recording.download", "li", "point:gate") in noted


async def test_a_file_that_breaks_off_at_the_appliance_is_never_taken_for_whole(site: Site) -> None:
    broken = {"start": NOON.isoformat(), "end": f"{BROKEN}:00:00Z"}

    with pytest.raises(httpx.RemoteProtocolError):
        await site.hub.console.get("/api/v1/points/gate/recordings/clip.mp4", params=broken)
    after = await site.hub.console.get("/api/v1/points/gate/recordings/clip.mp4", params=STRETCH)

    assert after.content == LARGE


def head(status: int = 200, **headers: str) -> str:
    return json.dumps({"status": status, "headers": {name.replace("_", "-"): text for name, text in headers.items()}})


@pytest.fixture
def lying(site: Site) -> Iterator[Box]:
    """The box, which says what it is told to until the test ends."""
    yield site.box
    site.box.lie = ()


async def test_a_page_of_an_appliance_is_none_of_the_portals(site: Site, lying: Box) -> None:
    page = b"<script>alert(1)</script>"
    lying.lie = (head(Content_Type="text/html", Set_Cookie="fengsui=x", Location="//x", Refresh="0;url=//x"), page)

    answer = await site.operator.get(CLIP, params=STRETCH)

    assert (answer.status_code, answer.content) == (200, page)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not {"set-cookie", "location", "refresh"} & set(answer.headers)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(head(302, Location="//x"), id="go elsewhere"),
        pytest.param(head(101), id="another protocol"),
        pytest.param(head(401), id="sign in"),
        pytest.param(head(Content_Length="-1"), id="less than nothing"),
        pytest.param(head(Content_Type="a\r\nSet-Cookie: b=c"), id="two headers in one"),
        pytest.param("[" * 60_000, id="deep nesting"),
        pytest.param(b"\x00", id="bytes"),
        pytest.param("", id="nothing"),
    ],
)
async def test_an_appliance_that_answers_what_it_may_not_has_failed(site: Site, lying: Box, first: str | bytes) -> None:
    lying.lie = (first, b"{}")

    answer = await site.operator.get(CLIP, params=STRETCH)

    assert (answer.status_code, answer.json()["code"]) == (502, "node_failed")


@pytest.mark.parametrize("told", [2, 4])
async def test_a_file_of_another_length_than_was_told_is_cut_off(site: Site, lying: Box, told: int) -> None:
    lying.lie = (head(Content_Length=str(told)), b"abc")

    with pytest.raises(httpx.RemoteProtocolError):
        await site.operator.get(CLIP, params=STRETCH)


async def test_mutations_of_an_answer_are_read_or_are_a_failure_of_the_appliance(site: Site, lying: Box) -> None:
    timeline = await site.viewer.get("/api/v1/points/gate/recordings", params=STRETCH)
    heads = mutations((head(Content_Type="application/json").encode(),), count=OVER_THE_NETWORK, seed=SEED)
    bodies = json_mutations((timeline.content,), count=OVER_THE_NETWORK, seed=SEED)
    answers = Counter[int]()
    for first, body in chain(zip(heads, repeat(timeline.content)), zip(repeat(head().encode()), bodies)):
        lying.lie = (first.decode("latin-1"), body)
        answers[(await site.viewer.get("/api/v1/points/gate/recordings", params=STRETCH)).status_code] += 1

    assert answers.keys() <= {200, 502} | set(range(400, 600)) - {401, 500}
    assert answers[502] > OVER_THE_NETWORK
    lying.lie = ()
    assert (await site.viewer.get("/api/v1/points/gate/recordings", params=STRETCH)).json() == timeline.json()


async def test_ten_thousand_mutations_of_what_begins_an_answer_are_read_or_refused() -> None:
    whole = CallHead(status=200, headers={"Content-Type": "video/mp4", "Fengsui-Start": NOON.isoformat()}).to_bytes()
    refused = 0
    for payload in json_mutations((whole,), count=MUTATIONS, seed=SEED):
        try:
            read = CallHead.from_bytes(payload)
        except ValueError:
            refused += 1
        else:
            assert 100 <= read.status <= 599
            assert all(text.isprintable() and text.isascii() for text in read.headers.values())
    assert refused > MUTATIONS // 2


async def test_a_live_view_that_says_nonsense_ends_no_other(site: Site, lying: Box) -> None:
    async with watching(site) as socket:
        await begun(socket)
        told, lying.lie = lying.lies_told, (head(101), "[" * 60_000)
        await site.box.viewers[0].close()
        await until(lambda: lying.lies_told > told, within_s=60, what="the nonsense is said")
        lying.lie = ()
        assert await begun(socket)


async def test_the_appliance_reads_no_faster_than_the_viewer_takes(site: Site) -> None:
    site.box.taken_bytes = 0
    async with site.hub.console.stream("GET", "/api/v1/points/gate/recordings/play.mp4", params=STRETCH) as answer:
        assert answer.headers["fengsui-start"] == NOON.isoformat()
        pieces = answer.aiter_bytes(1 << 16)
        for _ in range(16):
            await anext(pieces)
        taken = [site.box.taken_bytes]
        while len(taken) < 2 or taken[-1] > taken[-2]:
            await asyncio.sleep(0.3)
            taken.append(site.box.taken_bytes)

        assert taken[-1] < 200 * len(LARGE)  # of 4 GB: what fits into the buffers on the way


async def test_a_stretch_is_locked_and_unlocked(site: Site) -> None:
    locked = await site.operator.post(BOOKMARKS, json=LOCK)
    other = await site.operator.post("/api/v1/points/yard/recordings/bookmarks", json=LOCK)
    at = f"{BOOKMARKS}/{locked.json()['id']}"
    unlocked = await site.operator.put(at, json={"text": "看过了", "locked": False})
    gone = await site.operator.delete(at)
    audit = (await site.hub.console.get("/api/v1/audit", params={"limit": 50})).json()["items"]

    assert (locked.status_code, locked.json()["text"], locked.json()["set_by"]) == (201, "证据", "li")
    assert other.status_code == 422
    assert (unlocked.json()["id"], unlocked.json()["locked"]) == (locked.json()["id"], False)
    assert gone.status_code == 204
    noted = [(entry["action"], entry["detail"].get("locked")) for entry in audit if "mark" in entry["action"]]
    assert noted == [("recording.unmark", None), ("recording.change_mark", False), ("recording.mark", True)]


async def test_recordings_are_searched_through_the_tunnel(site: Site) -> None:
    query = {"text": "案件", "locked": "true", "kind": "event", "limit": "1"}
    found = (await site.viewer.get("/api/v1/points/gate/recordings/search", params=query)).json()
    away = await site.viewer.get("/api/v1/points/yard/recordings/search")

    (item,) = found["items"]
    assert (item["kind"], [mark["text"] for mark in item["bookmarks"]], found["next"]) == ("event", ["案件"], "1_7")
    assert (away.status_code, away.json()["code"]) == (404, "point_away")


async def test_the_newest_picture_comes_through_the_tunnel(site: Site) -> None:
    found = await site.viewer.get("/api/v1/points/gate/still.jpg")
    away = await site.viewer.get("/api/v1/points/yard/still.jpg")

    assert (found.status_code, found.headers["content-type"], found.content) == (200, "image/jpeg", JPEG)
    assert (away.status_code, away.json()["code"]) == (404, "point_away")


async def test_a_picture_is_taken_now_turned_and_cut_as_wanted_and_noted(site: Site) -> None:
    site.box.orders.clear()
    region = {"x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5}
    wanted = {"aim": {"kind": "preset", "preset": "1"}, "region": region, "fresh_s": 0}
    taken = await site.operator.post(SNAPSHOT, json=wanted)
    audit = (await site.hub.console.get("/api/v1/audit", params={"limit": 50})).json()["items"]

    assert (taken.status_code, taken.headers["content-type"], taken.content) == (200, "image/jpeg", JPEG)
    assert taken.headers["fengsui-taken-at"] == NOON.isoformat()
    assert site.box.orders == [{"point_id": "gate", **wanted, "within_s": 10.0}]
    noted = next(entry for entry in audit if entry["action"] == "point.snapshot")
    assert (noted["actor"], noted["subject"], noted["detail"]["region"]) == ("li", "point:gate", region)


@pytest.mark.parametrize(
    ("point", "draft", "expected"),
    [
        ("gate", {"aim": {"kind": "preset", "preset": "99"}}, (422, "unknown_preset")),
        ("gate", {"region": {"x": 0.9, "y": 0, "width": 0.2, "height": 0.2}}, (422, "invalid_input")),
        ("gate", {"within_s": 61}, (422, "invalid_input")),
        ("yard", {}, (404, "point_away")),
    ],
)
async def test_why_there_is_no_picture_is_said(
    site: Site, point: str, draft: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = await site.operator.post(f"/api/v1/points/{point}/snapshot.jpg", json=draft)

    assert (answer.status_code, answer.json()["code"]) == expected


async def test_who_may_only_look_takes_nothing_away(site: Site) -> None:
    clip = await site.viewer.get("/api/v1/points/gate/recordings/clip.mp4", params=STRETCH)
    lock = await site.viewer.post(BOOKMARKS, json=LOCK)
    picture = await site.viewer.post(SNAPSHOT, json={})
    stranger = await site.hub.anonymous.get("/api/v1/points/gate/live")

    assert (clip.status_code, lock.status_code, picture.status_code, stranger.status_code) == (403, 403, 403, 401)


async def test_a_point_that_nobody_pulls_has_nothing(site: Site) -> None:
    answer = await site.hub.console.get("/api/v1/points/yard/recordings", params=STRETCH)

    assert (answer.status_code, answer.json()["code"]) == (404, "point_away")


async def test_many_watch_over_one_view_that_ends_when_the_last_has_left(site: Site) -> None:
    async with watching(site) as first:
        once = await begun(first)
        async with watching(site) as second:
            again = await begun(second)
            assert len(site.box.viewers) == 1
            await site.box.viewers[0].send_bytes(b"\x02next")
            both = [await seen(first, 1), await seen(second, 1)]

    await until(lambda: not site.box.viewers, within_s=60, what="the end of the view")
    audit = (await site.hub.console.get("/api/v1/audit", params={"limit": 50})).json()["items"]
    noted = [(entry["action"], entry["actor"], entry["subject"]) for entry in audit]
    pictures = [INIT, Message(Kind.KEY, PICTURE)]
    assert [item for item in once if isinstance(item, Message)] == pictures
    assert [item for item in again if isinstance(item, Message)] == pictures
    assert both == [[Message(Kind.DELTA, b"\x02next")]] * 2
    assert ("point.watch", "wang", "point:gate") in noted


async def test_a_view_that_breaks_off_is_called_for_again(site: Site) -> None:
    async with watching(site) as socket:
        await begun(socket)

        await site.box.viewers[0].close()

        found = await seen(socket, 4)  # connecting, live again, and the pictures from the start
    assert [item.kind for item in found if isinstance(item, Message)] == [Kind.INIT, Kind.KEY]
    assert [item["state"] for item in found if isinstance(item, dict)] == ["connecting", "live"]


async def test_an_appliance_that_goes_away_ends_the_view_with_words_and_brings_it_back(site: Site) -> None:
    async with watching(site) as socket:
        await begun(socket)

        site.alive.clear()
        site.node.be(online=False)
        away = await seen(socket, 1)
        await until(lambda: not site.box.viewers, within_s=60, what="the end of the view")
        site.alive.set()
        site.node.be(online=True)
        back = await begun(socket)

    assert away == [{"kind": "state", "state": "away", "reason": "", "fault": ""}]
    assert [item.kind for item in back if isinstance(item, Message)] == [Kind.INIT, Kind.KEY]


async def test_no_node_answers_for_another(site: Site) -> None:
    other = await site.hub.enrol("analysis-2")
    ticket = new_ticket()
    calls = site.hub.hub.foundation
    async with site.hub.node(other) as stranger:
        answer = await stranger.get(f"/api/v1/calls/{ticket}")
        malformed = await stranger.get("/api/v1/calls/../../etc")
    person = await site.viewer.get(f"/api/v1/calls/{ticket}")

    assert calls.roster.get(other.identity.node_id) is not None
    assert answer.status_code == 404
    assert malformed.status_code == 404
    assert person.status_code == 404  # the port for people knows no such address


async def test_without_a_link_nothing_is_called() -> None:
    calls = Calls(Link())

    with pytest.raises(Problem) as refused:
        async with calls.answered("n1", NodeCall(ticket=new_ticket(), path="/api/v1/status")):
            pass

    assert refused.value.code == "not_connected"


async def test_a_node_is_asked_no_more_than_it_answers_at_once(site: Site) -> None:
    silent = (await site.hub.enrol("analysis-4")).identity.node_id
    calls = Calls(site.hub.hub.foundation.link, answer_within_s=20)
    codes: list[str] = []

    async def ask() -> None:
        try:
            async with calls.answered(silent, NodeCall(ticket=new_ticket(), path="/api/v1/status")):
                pass
        except Problem as problem:
            codes.append(problem.code)

    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(ask()) for _ in range(MOST_CALLS + 1)]
        await until(lambda: codes, within_s=60, what="the refusal")
        for task in asking:
            task.cancel()

    assert codes == ["node_busy"]


async def test_a_node_that_keeps_silent_is_told_of_after_a_while(site: Site) -> None:
    silent = await site.hub.enrol("analysis-3")
    calls = Calls(site.hub.hub.foundation.link, answer_within_s=0.5)

    with pytest.raises(Problem) as refused:
        async with calls.answered(silent.identity.node_id, NodeCall(ticket=new_ticket(), path="/api/v1/status")):
            pass

    assert refused.value.code == "node_silent"


async def test_an_answer_that_does_not_begin_within_its_own_time_is_given_up(site: Site) -> None:
    calls = Calls(site.hub.hub.foundation.link, answer_within_s=60)
    call = NodeCall(ticket=new_ticket(), path="/api/v1/status")
    app = web.Application()
    app.router.add_get("/", functools.partial(_taken, calls, call.ticket))

    async with TestServer(app) as server, aiohttp.ClientSession() as node, asyncio.TaskGroup() as group:
        asking = group.create_task(_refusal(calls, call, within_s=0.1))
        await asyncio.sleep(0)  # so that the call waits for its node
        async with node.ws_connect(server.make_url("/")):
            assert await asyncio.wait_for(asking, 50) == "node_silent"


async def _taken(calls: Calls, ticket: str, request: web.Request) -> web.StreamResponse:
    return await calls.take("n1", ticket, request)


async def _refusal(calls: Calls, call: NodeCall, *, within_s: float) -> str:
    with pytest.raises(Problem) as refused:
        async with calls.answered("n1", call, within_s=within_s):
            pass
    return refused.value.code


TURN = "/api/v1/points/gate/turn"
TURN_DOME = "/api/v1/points/dome/turn"
MOVE = {"order": {"kind": "move", "pan": 0.5}}
STOP = {"order": {"kind": "stop"}}


async def turns_noted(site: Site) -> list[tuple[str, dict[str, Any]]]:
    audit = (await site.hub.console.get("/api/v1/audit", params={"limit": 50})).json()["items"]
    turns = [entry for entry in audit if (entry["action"], entry["subject"]) == ("point.turn", "point:gate")]
    return [(entry["actor"], entry["detail"]) for entry in turns]


async def test_a_camera_is_turned_through_the_tunnel_and_who_begins_to_is_noted_once(site: Site) -> None:
    site.box.orders.clear()
    presets = await site.viewer.get("/api/v1/points/gate/presets")
    orders = [MOVE, MOVE, STOP, {"order": {"kind": "preset", "preset": "1"}}]
    answers = [await site.operator.post(TURN, json=order) for order in orders]

    assert presets.json()["items"] == [{"preset": "1", "name": "大门"}]
    assert [answer.status_code for answer in answers] == [204] * 4
    assert [order["kind"] for order in site.box.orders] == ["move", "move", "stop", "preset"]
    assert site.box.actors[-1] == "li"
    assert await turns_noted(site) == [("li", {"preset": "1"}), ("li", {})]


async def test_nobody_turns_a_camera_who_may_only_look_or_while_a_snapshot_turns_it(site: Site) -> None:
    site.box.orders.clear()
    looking = await site.viewer.post(TURN, json=MOVE)
    site.box.in_use = True
    in_use = await site.operator.post(TURN, json=MOVE)
    site.box.in_use = False
    away = await site.operator.post("/api/v1/points/yard/turn", json=MOVE)
    too_fast = await site.operator.post(TURN, json={"order": {"kind": "move", "pan": 1.1}})

    assert (looking.status_code, too_fast.status_code) == (403, 422)
    assert (in_use.status_code, in_use.json()["code"]) == (409, "in_use")
    assert (away.status_code, away.json()["code"]) == (404, "point_away")
    assert site.box.orders == []


async def test_a_stop_passes_while_a_camera_gets_more_orders_than_it_may(site: Site) -> None:
    site.box.orders.clear()

    async with asyncio.TaskGroup() as group:  # at one time: on a busy machine so many in a row take too long
        moves = [group.create_task(site.operator.post(TURN_DOME, json=MOVE)) for _ in range(MOST_ORDERS + 1)]
        (refused,) = await until(lambda: refusals(moves), within_s=60, what="more orders than a camera may get")
        preset = {"order": {"kind": "preset", "preset": "1"}}
        orders = (preset, STOP, STOP, STOP)
        answers = await asyncio.gather(*(site.operator.post(TURN_DOME, json=order) for order in orders))

    assert refused.json()["code"] == "too_many_turns"
    assert [answer.status_code for answer in answers] == [429, 204, 204, 204]
    assert Counter(order["kind"] for order in site.box.orders) == {"move": MOST_ORDERS, "stop": 3}


def refusals(asked: list[asyncio.Task[httpx.Response]]) -> list[httpx.Response]:
    """Return those of the answers that came which are refusals."""
    answers = [task.result() for task in asked if task.done()]
    return [answer for answer in answers if answer.status_code == 429]
