"""The panel's API of a running agent, as its page and the box's other processes call it."""

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from appliance import app
from appliance.config import Config, LanConfig, PanelConfig
from appliance.local import CameraDecoding, DecodeLevel, LocalEvent, LocalPicture, StreamsReport, VisionReport
from appliance.local.agent_client import AgentClient, EventsRefused, agent_client
from appliance.local.parcel import Outgoing
from appliance.panel.cameras.service import MOST_SCENES
from appliance.store import documents
from appliance.store.database import Database
from federation.identity.issuing import Authority
from federation.messages import CameraReport, CameraState, new_id
from federation.testing.waiting import until

PASSWORD = "tower-on-the-hill-7"
CAMERA = {"id": "gate", "name": "东门", "url": "rtsp://127.0.0.1:1/live", "username": "u", "password": "camera-secret"}
POINT = "local-gate"
REGION = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
INTRUSION = "fengsui.area_intrusion"


def config_in(folder: Path) -> Config:
    return Config(
        profile="analysis",
        data_folder=folder / "data",
        run_folder=folder / "run",
        panel=PanelConfig(port=0),
        lan=LanConfig(host="127.0.0.1", port=0, discovery=False),
    )


@asynccontextmanager
async def agent(config: Config) -> AsyncIterator[str]:
    """Run the agent; give its panel's address."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(app.run(config))
        await until(config.panel_note.exists, within_s=90, what="the panel answers")
        try:
            yield json.loads(config.panel_note.read_text())["url"]
        finally:
            running.cancel()


@asynccontextmanager
async def signed_in(config: Config, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client in whose name the first password was changed."""
    first = config.first_password_file.read_text().strip()
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        answer = await client.post("/api/v1/session", json={"username": "admin", "password": first})
        client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
        await client.put("/api/v1/session/password", json={"old": first, "new": PASSWORD})
        yield client


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_in(tmp_path)


@pytest.fixture
async def panel(config: Config) -> AsyncIterator[httpx.AsyncClient]:
    async with agent(config) as url, signed_in(config, url) as client:
        yield client


@pytest.fixture
async def box(config: Config, panel: httpx.AsyncClient) -> AsyncIterator[AgentClient]:
    assert not panel.is_closed  # the agent runs
    async with agent_client(config.run_folder) as client:
        yield client


def a_picture() -> bytes:
    return b"\xff\xd8" + io.BytesIO(b"picture").read() + b"\xff\xd9"


def an_event(**changes: Any) -> LocalEvent:
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "id": new_id(),
        "type": "intrusion/object",
        "time": now,
        "detected_at": now,
        "point_id": POINT,
        "task_id": "t1",
        "generation": 1,
        "algorithm_id": INTRUSION,
        "algorithm_version": "1.0.0",
        "score": 0.75,
        "pictures": (LocalPicture(width_px=64, height_px=36),),
    }
    return LocalEvent.model_validate({**values, **changes})


def results_of(config: Config) -> list[tuple[str, str, bool]]:
    """Return (type, subject, succeeded) of every result in the box's outbox."""
    with closing(sqlite3.connect(f"file:{config.database_file}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT body FROM outbox WHERE lane = 'results' ORDER BY sequence").fetchall()
    read = [json.loads(body) for (body,) in rows]
    return [(row["type"], row["data"]["subject"], row["data"]["succeeded"]) for row in read]


@pytest.mark.parametrize(
    "path", ["status", "cameras", "tasks", "algorithms", "events", "live", "cameras/x/picture.jpg"]
)
async def test_nothing_answers_a_stranger(config: Config, path: str) -> None:
    async with agent(config) as url, httpx.AsyncClient(base_url=url, timeout=60) as stranger:
        answer = await stranger.get(f"/api/v1/{path}")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_first_password_admits_to_its_change_only_and_then_is_gone(config: Config) -> None:
    async with agent(config) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        first = config.first_password_file.read_text().strip()
        session = await client.post("/api/v1/session", json={"username": "admin", "password": first})
        refused = await client.get("/api/v1/status")
        client.headers["X-CSRF-Token"] = session.json()["csrf_token"]
        changed = await client.put("/api/v1/session/password", json={"old": first, "new": PASSWORD})
        admitted = await client.get("/api/v1/status")

    assert session.json()["must_change_password"] is True
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")
    assert changed.status_code == 204
    assert admitted.status_code == 200
    assert not config.first_password_file.exists()


async def test_a_box_whose_disk_takes_no_file_says_so_until_it_does(config: Config) -> None:
    config.lanes_file.mkdir(parents=True)  # nothing can be written in its place
    async with agent(config) as url, signed_in(config, url) as client:

        async def notices() -> list[str]:
            return [each["code"] for each in (await client.get("/api/v1/status")).json()["notices"]]

        told = await notices()
        config.lanes_file.rmdir()

        async def is_well() -> bool:
            return await notices() == []

        await until(is_well, within_s=60, what="the file is written")

    assert told == ["lanes_unwritten"]


async def test_the_status_tells_who_the_box_is_and_what_of_it_runs(panel: httpx.AsyncClient, box: AgentClient) -> None:
    await box.report(StreamsReport(pid=4711, cameras=()))

    status = (await panel.get("/api/v1/status")).json()

    assert status["profile"] == "analysis"
    assert status["serial"].startswith("fs-")
    assert status["software"]
    assert status["link"]["enrolled"] is False
    assert {process["name"]: process["alive"] for process in status["processes"]} == {
        "agent": True,
        "streams": True,
        "vision": False,
    }
    assert all(0 <= status[share] <= 1 for share in ("cpu_share", "memory_share", "disk_share"))


async def test_a_camera_of_the_box_lives_from_its_addition_to_its_removal(
    panel: httpx.AsyncClient, box: AgentClient
) -> None:
    added = await panel.post("/api/v1/cameras", json=CAMERA)
    again = await panel.post("/api/v1/cameras", json=CAMERA)
    health = CameraReport(point_id=POINT, state=CameraState.LIVE, width_px=1280, height_px=720)
    await box.report(StreamsReport(pid=1, cameras=(health,)))
    listed = (await panel.get("/api/v1/cameras")).json()["items"]
    plan = await anext(box.plans())
    removed = await panel.delete(f"/api/v1/cameras/{POINT}")

    assert added.status_code == 201
    assert "camera-secret" not in added.text + str(listed)
    assert (again.status_code, again.json()["code"]) == (409, "exists")
    assert [(camera["point_id"], camera["report"]["state"]) for camera in listed] == [(POINT, "live")]
    assert plan.cameras[0].password == "camera-secret"  # streams needs it
    assert removed.status_code == 204
    assert (await panel.get("/api/v1/cameras")).json()["items"] == []


async def test_a_camera_is_changed_and_keeps_its_password_on_its_own_host_only(
    panel: httpx.AsyncClient, box: AgentClient
) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    change = {"name": "北门", "url": "rtsps://127.0.0.1:2/live", "username": "u", "trust": "none", "transport": "tcp"}

    changed = await panel.put(f"/api/v1/cameras/{POINT}", json=change)
    elsewhere = await panel.put(f"/api/v1/cameras/{POINT}", json={**change, "url": "rtsp://10.0.0.9/live"})
    unknown = await panel.put("/api/v1/cameras/local-nobody", json=change)
    camera = (await anext(box.plans())).cameras[0]

    assert (changed.status_code, elsewhere.status_code, unknown.status_code) == (200, 422, 404)
    assert changed.json()["name"] == "北门"
    assert elsewhere.json()["errors"][0]["field"] == "body.password"
    assert (camera.url, camera.trust, camera.transport) == ("rtsps://127.0.0.1:2/live", "none", "tcp")
    assert camera.password == "camera-secret"


async def test_cameras_come_from_a_table_all_or_none(panel: httpx.AsyncClient, box: AgentClient) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    table = "编号,名称,视频流地址,用户名,密码,传输方式\ngate,西门,rtsp://127.0.0.1:1/new,u,,udp\nyard,院子,http://127.0.0.1/a.flv,,,\n"
    faulty = "id,name,url,transport\nok,好,rtsp://127.0.0.1/1,\nBad,,ftp://x,carrier pigeon\nok,again,rtsp://127.0.0.1/2,tcp\n"
    headers = {"Content-Type": "text/csv"}

    taken = await panel.post("/api/v1/cameras/import", content=table.encode("gb18030"), headers=headers)
    refused = await panel.post("/api/v1/cameras/import", content=faulty.encode(), headers=headers)
    nonsense = await panel.post("/api/v1/cameras/import", content=b"a,b\n1,2\n", headers=headers)
    plan = await anext(box.plans())

    assert taken.json() == {"added": 1, "replaced": 1}
    assert (refused.status_code, nonsense.status_code) == (422, 422)
    faults = {item["field"] for item in refused.json()["errors"]}
    assert faults == {"row 3.id", "row 3.name", "row 3.url", "row 3.transport", "row 4.id"}
    assert {camera.point_id: camera.name for camera in plan.cameras} == {POINT: "西门", "local-yard": "院子"}
    gate = next(camera for camera in plan.cameras if camera.point_id == POINT)
    assert (gate.transport, gate.password) == ("udp", "camera-secret")


async def test_a_table_that_is_too_large_is_refused(panel: httpx.AsyncClient) -> None:
    rows = "".join(f"c{number},c,rtsp://127.0.0.1/{number}\n" for number in range(2001))

    answer = await panel.post(
        "/api/v1/cameras/import", content=("id,name,url\n" + rows).encode(), headers={"Content-Type": "text/csv"}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_rows")


async def test_a_try_of_a_camera_says_so_while_nothing_can_try_it(panel: httpx.AsyncClient) -> None:
    answer = await panel.post("/api/v1/cameras/try", json={"url": "rtsp://127.0.0.1:1/live"})

    assert (answer.status_code, answer.json()["code"]) == (503, "process_away")
    assert (await panel.get("/api/v1/cameras")).json()["items"] == []


async def test_how_much_of_a_camera_is_decoded_is_shown(panel: httpx.AsyncClient, box: AgentClient) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    decoding = CameraDecoding(point_id=POINT, level=DecodeLevel.FULL, gop_s=10, decoded=7, failed=1)

    before = (await panel.get("/api/v1/cameras")).json()["items"][0]["decoding"]
    await box.report(VisionReport(pid=1, tasks=(), decoding=(decoding,)))
    shown = (await panel.get("/api/v1/cameras")).json()["items"][0]["decoding"]

    assert before is None
    assert shown == {"level": "full", "decoded": 7, "failed": 1}


async def test_news_of_some_cameras_leaves_the_others_as_they_were(panel: httpx.AsyncClient, box: AgentClient) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    await panel.post("/api/v1/cameras", json={**CAMERA, "id": "yard"})
    gate, yard = (CameraReport(point_id=name, state=CameraState.LIVE) for name in (POINT, "local-yard"))

    await box.report(StreamsReport(pid=1, cameras=(gate, yard)))
    lost = gate.model_copy(update={"state": CameraState.STALLED, "reason": "no_pictures: silent"})
    await box.report(StreamsReport(pid=1, whole=False, cameras=(lost,)))
    listed = (await panel.get("/api/v1/cameras")).json()["items"]

    assert {item["point_id"]: item["report"]["state"] for item in listed} == {POINT: "stalled", "local-yard": "live"}


async def test_a_task_of_the_box_brings_its_built_in_algorithm_into_the_plan(
    panel: httpx.AsyncClient, box: AgentClient
) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    await panel.post("/api/v1/tasks", json={"point_id": POINT, "algorithm_id": INTRUSION, "region": REGION})

    plan = await anext(box.plans())

    task = plan.tasks[0]
    assert [(item.algorithm_id, item.version, item.path) for item in plan.packages] == [
        (task.algorithm_id, task.algorithm_version, None)
    ]


async def test_what_is_drawn_on_a_cameras_picture_goes_into_the_plan_and_serves_tasks_without_a_region(
    panel: httpx.AsyncClient, box: AgentClient
) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    scene = {"regions": [REGION], "masks": [], "lines": [{"points": [[0, 0.5], [1, 0.5]], "counts": "both"}]}

    drawn = await panel.put(f"/api/v1/cameras/{POINT}/scene", json=scene)
    task = await panel.post("/api/v1/tasks", json={"point_id": POINT, "algorithm_id": INTRUSION})
    plan = await anext(box.plans())

    kept = {**scene, "preset": None}
    assert drawn.json() == kept
    assert (await panel.get(f"/api/v1/cameras/{POINT}/scenes")).json()["items"] == [kept]
    assert task.status_code == 201
    assert [each.model_dump(mode="json") for each in plan.scenes[POINT]] == [kept]
    assert (await panel.put("/api/v1/cameras/nobody/scene", json=scene)).status_code == 404
    assert (await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"regions": [[[0, 0]]]})).status_code == 422
    undrawn = await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"lines": [{"points": [[0.2, 0.5], [0.2, 0.5]]}]})
    assert (undrawn.status_code, undrawn.json()["errors"][0]["field"]) == (422, "body.lines.0")


async def test_each_preset_has_a_scene_of_its_own_until_that_is_cleared(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    async with agent(config) as url, signed_in(config, url) as panel:
        await panel.post("/api/v1/cameras", json=CAMERA)
        for preset in (None, "1", "2"):
            await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"preset": preset, "regions": [REGION]})
        await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"preset": "1", "masks": [REGION]})
        await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"preset": "2"})
        async with agent_client(config.run_folder) as box:
            drawn = (await anext(box.plans())).scenes[POINT]

    async with Database(config.database_file) as database:
        kept = await database.read(documents.local_scenes)

    assert {scene.preset: (len(scene.regions), len(scene.masks)) for scene in drawn} == {None: (1, 0), "1": (0, 1)}
    assert sorted(kept[POINT], key=str) == sorted(drawn, key=str)


async def test_a_camera_has_so_many_scenes_and_no_more(panel: httpx.AsyncClient) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    for number in range(MOST_SCENES):
        kept = await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"preset": str(number), "regions": [REGION]})
        assert kept.status_code == 200

    one_more = await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"regions": [REGION]})
    another = await panel.put(f"/api/v1/cameras/{POINT}/scene", json={"preset": "0", "masks": [REGION]})

    assert (one_more.status_code, one_more.json()["code"], another.status_code) == (409, "too_many_scenes", 200)


async def test_a_camera_in_use_stays_until_its_task_is_gone(panel: httpx.AsyncClient) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    draft = {"point_id": POINT, "algorithm_id": INTRUSION, "region": REGION}
    task = await panel.post("/api/v1/tasks", json=draft)

    refused = await panel.delete(f"/api/v1/cameras/{POINT}")
    await panel.delete(f"/api/v1/tasks/{task.json()['task_id']}")
    removed = await panel.delete(f"/api/v1/cameras/{POINT}")

    assert task.status_code == 201
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert removed.status_code == 204


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"algorithm_id": "nobody.knows"}, "body.algorithm_id"),
        ({"point_id": "elsewhere"}, "body.point_id"),
        ({"region": None}, "body.region"),
        ({"region": [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]}, "body.region"),
        ({"region": [[0, 0], [2, 0], [0, 1]]}, "body.region"),
        ({"region": [[0, 0], [1, 1]]}, "body.region"),
        ({"algorithm_id": "fengsui.line_crossing"}, "body.lines"),
        ({"parameters": {"no_such": 1}}, "body.parameters"),
    ],
)
async def test_a_wrong_task_is_refused_and_changes_nothing(
    panel: httpx.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    draft = {"point_id": POINT, "algorithm_id": INTRUSION, "region": REGION, **changes}

    answer = await panel.post("/api/v1/tasks", json=draft)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert (await panel.get("/api/v1/tasks")).json()["items"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "http://user:password@127.0.0.1/"},
        {"url": "rtsp://user:password@127.0.0.1/"},
        {"url": "rtsp://" + "x" * 500},
        {"id": "Gate"},
        {"id": ""},
        {"id": "x" * 49},
        {"name": ""},
        {"unknown": 1},
    ],
)
async def test_a_wrong_camera_is_refused_and_changes_nothing(panel: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    answer = await panel.post("/api/v1/cameras", json={**CAMERA, **changes})

    assert answer.status_code == 422
    assert (await panel.get("/api/v1/cameras")).json()["items"] == []


async def test_an_event_of_vision_is_listed_once_with_its_picture(panel: httpx.AsyncClient, box: AgentClient) -> None:
    event = an_event()

    await box.post_events([Outgoing(event=event, pictures=[a_picture()])])
    await box.post_events([Outgoing(event=event, pictures=[a_picture()])])  # the answer was lost, say

    listed = (await panel.get("/api/v1/events")).json()["items"]
    assert [row["id"] for row in listed] == [event.id]
    assert listed[0]["type_name_zh"]
    picture = await panel.get(listed[0]["pictures"][0]["url"])
    assert picture.content == a_picture()
    assert picture.headers["content-type"] == "image/jpeg"
    lanes = (await panel.get("/api/v1/status")).json()["lanes"]
    assert {lane["lane"]: lane["produced"] for lane in lanes}["events"] == 1


async def test_events_are_paged_newest_first(panel: httpx.AsyncClient, box: AgentClient) -> None:
    made = [an_event(pictures=()) for _ in range(5)]
    await box.post_events([Outgoing(event=event, pictures=[]) for event in made])

    first = (await panel.get("/api/v1/events", params={"limit": 3})).json()
    rest = (await panel.get("/api/v1/events", params={"limit": 3, "after": first["next"]})).json()

    assert [row["id"] for row in first["items"] + rest["items"]] == [event.id for event in reversed(made)]
    assert rest["next"] is None


async def test_an_event_that_does_not_fit_its_pictures_is_refused_and_those_beside_it_are_kept(
    panel: httpx.AsyncClient, box: AgentClient
) -> None:
    good = an_event()
    parcel = [
        Outgoing(event=an_event(), pictures=[]),
        Outgoing(event=good, pictures=[a_picture()]),
        Outgoing(event=an_event(), pictures=[b""]),
    ]

    refused = await box.post_events(parcel)

    assert refused.keys() == {0, 2}
    assert "as many pictures" in refused[0]
    assert "empty" in refused[2]
    assert [row["id"] for row in (await panel.get("/api/v1/events")).json()["items"]] == [good.id]


async def test_what_is_no_parcel_is_refused_as_a_whole(panel: httpx.AsyncClient, box: AgentClient) -> None:
    with pytest.raises(EventsRefused, match="header"):
        await box.post_events([])

    assert (await panel.get("/api/v1/events")).json()["items"] == []


async def test_the_live_feed_tells_of_a_new_event(panel: httpx.AsyncClient, box: AgentClient) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in panel.cookies.items())
    url = f"{panel.base_url}/api/v1/live".replace("http", "ws", 1)
    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers={"Cookie": cookie}) as feed:
        event = an_event(pictures=())
        await box.post_events([Outgoing(event=event, pictures=[])])
        async with asyncio.timeout(60):
            notice = await feed.receive_json()

    assert notice["kind"] == "event.created"
    assert notice["data"]["id"] == event.id


async def test_a_picture_of_an_unknown_camera_is_404_and_of_a_silent_one_503(panel: httpx.AsyncClient) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)

    unknown = await panel.get("/api/v1/cameras/nobody/picture.jpg")
    silent = await panel.get(f"/api/v1/cameras/{POINT}/picture.jpg")

    assert unknown.status_code == 404
    assert (silent.status_code, silent.json()["code"]) == (503, "process_away")


async def test_a_restart_keeps_cameras_tasks_events_and_the_plan(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    async with agent(config) as url, signed_in(config, url) as panel, agent_client(config.run_folder) as box:
        await panel.post("/api/v1/cameras", json=CAMERA)
        await panel.post("/api/v1/tasks", json={"point_id": POINT, "algorithm_id": INTRUSION, "region": REGION})
        await box.post_events([Outgoing(event=an_event(), pictures=[a_picture()])])
        before = await anext(box.plans())

    async with (
        agent(config) as url,
        httpx.AsyncClient(base_url=url, timeout=60) as client,
        agent_client(config.run_folder) as box,
    ):
        await client.post("/api/v1/session", json={"username": "admin", "password": PASSWORD})
        after = await anext(box.plans())
        listed = (await client.get("/api/v1/events")).json()["items"]

    assert after == before  # the same version: nothing is started anew
    assert len(listed) == 1


def a_bundle(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "format": "fengsui-bundle/1",
        "hub_url": "https://127.0.0.1:1",
        "hub_name": "hub",
        "ca": Authority.make().certificate_pem,
        "token": "t" * 16,
        "name": "box",
        "profile": "analysis",
        "issued_at": now.isoformat(),
        "expires_at": (now + timedelta(days=1)).isoformat(),
        **changes,
    }


async def joining(panel: httpx.AsyncClient) -> Any:
    return (await panel.get("/api/v1/status")).json()["link"]["joining"]


async def test_a_hub_that_is_not_there_is_tried_again_and_the_panel_says_so(panel: httpx.AsyncClient) -> None:
    answer = await panel.put("/api/v1/enrolment-bundle", json=a_bundle())

    async def tried_twice() -> bool:
        return bool((await joining(panel))["failures"] >= 2)

    await until(tried_twice, within_s=60, what="the hub is tried again")
    told = await joining(panel)
    assert answer.status_code == 200
    assert (told["code"], told["refused"], told["hub_url"]) == ("hub_unreachable", False, "https://127.0.0.1:1")
    assert "t" * 16 not in answer.text + str(told)


async def test_a_bundle_outlives_a_restart_and_is_private(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    async with agent(config) as url, signed_in(config, url) as panel:
        await panel.put("/api/v1/enrolment-bundle", json=a_bundle())
    assert config.pending_bundle_file.stat().st_mode & 0o777 == 0o600

    async with agent(config) as url, httpx.AsyncClient(base_url=url, timeout=60) as panel:
        await panel.post("/api/v1/session", json={"username": "admin", "password": PASSWORD})

        async def tried() -> bool:
            told = await joining(panel)
            return bool(told and told["failures"])

        await until(tried, within_s=60, what="the bundle is tried")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"token": "t" * 15}, 422, "invalid_input"),
        ({"hub_url": "http://127.0.0.1:1"}, 422, "invalid_input"),
        ({"hub_url": "https://user@host"}, 422, "invalid_input"),
        ({"format": "fengsui-bundle/2"}, 422, "invalid_input"),
        ({"ca": "x" * 20_000}, 422, "invalid_input"),
        ({"profile": "capture"}, 409, "profile_mismatch"),
    ],
)
async def test_a_wrong_bundle_is_refused_and_changes_nothing(
    panel: httpx.AsyncClient, config: Config, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await panel.put("/api/v1/enrolment-bundle", json=a_bundle(**changes))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await joining(panel) is None
    assert not config.pending_bundle_file.exists()


async def test_what_is_done_on_the_panel_is_a_result_for_the_hub(panel: httpx.AsyncClient, config: Config) -> None:
    await panel.post("/api/v1/cameras", json=CAMERA)
    await panel.post("/api/v1/cameras", json=CAMERA)  # refused
    task = {"point_id": POINT, "algorithm_id": INTRUSION, "region": REGION}
    task_id = (await panel.post("/api/v1/tasks", json=task)).json()["task_id"]
    await panel.delete(f"/api/v1/tasks/{task_id}")
    await panel.delete("/api/v1/tasks/none")  # refused
    await panel.delete(f"/api/v1/cameras/{POINT}")
    wrong = {"username": "admin", "password": "wrong"}
    assert (await panel.post("/api/v1/session", json=wrong)).status_code == 401

    assert await asyncio.to_thread(results_of, config) == [
        ("session.created", "user:admin", True),
        ("password.changed", "user:admin", True),
        ("camera.add", f"camera:{POINT}", True),
        ("task.add", f"task:{task_id}", True),
        ("task.remove", f"task:{task_id}", True),
        ("camera.remove", f"camera:{POINT}", True),
        ("session.failed", "user:admin", False),
    ]
    stored = await asyncio.to_thread(config.database_file.read_bytes)
    assert PASSWORD.encode() not in stored
