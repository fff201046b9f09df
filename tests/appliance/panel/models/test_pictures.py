"""Pictures that people and programs hand to the models of a box: real agent, real engine, planted models."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from appliance.local.vision_client import VisionClient
from federation.testing.waiting import until
from tests.appliance.analysis.test_films import sound
from tests.appliance.panel.models.planted import DRAWN, JPEG, NAME, PlantedBox, planted_box
from tests.appliance.panel.test_api import POINT


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlantedBox]:
    async with planted_box(tmp_path_factory.mktemp("box")) as found:
        yield found


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_page_of_models_is_told_what_is_loaded_and_what_it_costs(box: PlantedBox) -> None:
    told = (await box.panel.get("/api/v1/models")).json()

    assert [model["packages"] for model in told["models"]] == [["test.planted 1.0.0"]]
    assert told["devices"] == ["cpu"]
    assert told["models"][0]["declared_mb"] == 1024


async def test_an_algorithm_of_a_package_is_told_with_its_names_and_how_it_stands_with_its_vendor(
    box: PlantedBox,
) -> None:
    listed = (await box.panel.get("/api/v1/algorithms")).json()["items"]

    built_in = [item["id"] for item in listed if item["built_in"]]
    (planted,) = (item for item in listed if not item["built_in"])
    assert "fengsui.area_intrusion" in built_in
    assert (planted["id"], planted["name_zh"]) == ("test.planted", "测试")
    assert planted["events"] == [{"code": "test.planted/x", "name_zh": "测", "name_en": "x"}]
    assert planted["licence"]["state"] == "expiring"
    assert {item["licence"]["state"] for item in listed if item["built_in"]} == {"free"}


async def test_a_picture_is_shown_with_what_the_model_sees_and_what_its_rule_says(box: PlantedBox) -> None:
    told = (await box.look(JPEG)).json()

    assert (told["width_px"], told["height_px"]) == (720, 360)
    assert [(item["label"], round(item["box"]["x"], 2)) for item in told["detections"]] == [("bin", 0.25)]
    assert [(event["code"], event["after_s"]) for event in told["events"]] == [("test.planted/x", 0)]
    assert told["events"][0]["detections"] == told["detections"]


async def test_the_picture_of_a_camera_is_judged_by_what_is_drawn_for_it(box: PlantedBox) -> None:
    brought, taken = (await box.look(JPEG)).json(), (await box.look(JPEG, point_id=POINT)).json()

    assert brought["drawn"]["regions"] == []
    assert taken["drawn"] == DRAWN.model_dump(mode="json", exclude={"preset"})
    assert (taken["unjudged"], len(taken["events"])) == ("", 1)


async def test_what_is_no_picture_and_what_no_model_can_see_is_refused_with_a_reason(box: PlantedBox) -> None:
    broken, unknown = await box.look(b"no picture"), await box.look(JPEG, version="9.0.0")
    large = await box.look(b"x" * ((16 << 20) + 1))

    assert (broken.status_code, broken.json()["code"]) == (422, "unreadable_picture")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert large.status_code == 413


async def test_pictures_of_a_folder_are_looked_at_by_name_and_a_broken_one_stops_nothing(box: PlantedBox) -> None:
    job, rows = await box.results(folder="yard")

    assert (job["state"], job["pictures"], job["faults"]) == ("done", 3, 1)
    assert [(row["number"], row["name"], len(row["verdict"]["detections"])) for row in rows] == [
        (1, "a.jpg", 1),
        (2, "b.jpg", 1),
        (3, "broken.png", 0),
    ]


async def test_a_film_is_looked_at_as_often_as_asked_for(box: PlantedBox) -> None:
    job, rows = await box.results(film="street.mp4", every_s=1)

    assert job["state"] == "done"
    assert [row["verdict"]["at_s"] for row in rows] == [0.0, 1.0, 2.0]


async def test_a_film_without_pictures_ends_its_task_with_the_reason(box: PlantedBox) -> None:
    sound(box.config.footage_folder / "sound.mp4")

    job, rows = await box.results(film="sound.mp4", every_s=1)

    assert (job["state"], job["faults"]) == ("done", 1)
    assert rows[0]["verdict"]["fault"].startswith("film_without_pictures: ")


@asynccontextmanager
async def web_server(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """Give the address of a server on this machine."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_film_goes_on_behind_a_moment_with_the_pictures_that_would_have_come(box: PlantedBox) -> None:
    vision, film = VisionClient(box.config.run_folder), box.config.footage_folder / "street.mp4"

    async def seen(**how: float) -> list[float]:
        return [verdict.at_s async for verdict in vision.film(film, "test.planted", "1.0.0", **how)]

    whole = await seen(every_s=0.3)

    assert whole == [0.0, 0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4, 2.7]
    assert await seen(every_s=0.3, after_s=1.2) == whole[5:]
    assert await seen(every_s=0, after_s=2.7) == [2.8, 2.9]


async def test_a_batch_in_the_request_is_handed_to_a_receiver_when_it_is_done(box: PlantedBox) -> None:
    got: list[tuple[str, dict[str, Any]]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.headers["Idempotency-Key"], await request.json()))
        return web.Response(status=503 if len(got) == 1 else 204)  # the first try fails

    picture = {"name": "one", "content": base64.b64encode(JPEG).decode()}
    async with web_server(take) as url:
        path = await box.ordered(pictures=[picture, {"name": "bad", "content": "*"}], callback_url=f"{url}/results")

        async def delivered() -> bool:
            return bool((await box.panel.get(path)).json()["callback"] == "delivered")

        await until(delivered, within_s=90, what="a second try")

    assert len(got) == 2
    assert got[0][0] == got[1][0]
    assert [item["name"] for item in got[1][1]["items"]] == ["one", "bad"]
    assert [bool(item["verdict"]["fault"]) for item in got[1][1]["items"]] == [False, True]


@pytest.mark.parametrize("host", ["169.254.169.254", "100.100.100.200", "0.0.0.0", "[fe80::1]"])
async def test_results_are_not_ordered_to_an_address_that_the_box_must_not_call(box: PlantedBox, host: str) -> None:
    order = {**NAME, "folder": "yard", "callback_url": f"http://{host}/x"}
    before = await jobs(box)

    answer = await box.panel.post("/api/v1/picture-jobs", json=order)

    assert (answer.status_code, answer.json()["code"]) == (422, "forbidden_address")
    assert await jobs(box) == before


async def jobs(box: PlantedBox) -> set[str]:
    """Return the ids of all orders; those of other tests may still be at work, so that their figures change."""
    return {item["id"] for item in (await box.panel.get("/api/v1/picture-jobs")).json()["items"]}


async def test_pictures_at_web_addresses_are_fetched_looked_at_and_shown(box: PlantedBox) -> None:
    asked: list[str] = []

    async def give(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/elsewhere":
            return web.Response(status=302, headers={"Location": "/one.jpg"})
        return web.Response(body=JPEG) if request.path == "/one.jpg" else web.Response(status=404)

    async with web_server(give) as url:
        names = ("one.jpg", "none.jpg", "elsewhere")
        path = await box.ordered(urls=[f"{url}/{name}?key=secret" for name in names] + ["http://169.254.169.254/k"])
        job = await box.ended(path)
    rows = (await box.panel.get(f"{path}/results")).json()["items"]
    shown = await box.panel.get(f"{path}/results/1/picture")

    assert (job["state"], job["pictures"], job["total"], job["faults"]) == ("done", 4, 4, 3)
    assert [row["name"] for row in rows[:3]] == [f"{url}/{name}" for name in names]
    assert [row["verdict"]["fault"] for row in rows] == [
        "",
        "address_refuses: the address answers 404",
        "address_refuses: the address answers 302",
        "forbidden_address: nothing is delivered to 169.254.169.254",
    ]
    assert (shown.status_code, shown.content) == (200, JPEG)
    assert asked == ["/one.jpg", "/none.jpg", "/elsewhere"]


async def test_a_picture_and_an_order_may_be_as_large_as_is_said_and_no_larger(box: PlantedBox) -> None:
    """4 MiB a picture, 32 MiB an order with all its pictures in Base64."""

    async def order(body: bytes) -> int:
        headers = {"Content-Type": "application/json"}
        return (await box.panel.post("/api/v1/picture-jobs", content=body, headers=headers)).status_code

    def handing(size_bytes: int) -> bytes:
        content = base64.b64encode(bytes(size_bytes)).decode()
        return json.dumps({**NAME, "pictures": [{"content": content}]}).encode()

    small = json.dumps({**NAME, "folder": "yard"}).encode()

    assert [await order(handing(4 << 20)), await order(handing((4 << 20) + 1))] == [201, 422]
    assert [await order(small.ljust(32 << 20)), await order(small.ljust((32 << 20) + 1))] == [201, 413]


async def test_a_task_that_was_stopped_goes_on_and_one_that_is_removed_is_gone(box: PlantedBox) -> None:
    paths = [await box.ordered(film="street.mp4", every_s=0) for _ in range(2)]
    stopped = await box.panel.post(f"{paths[1]}/stop")
    twice = await box.panel.post(f"{paths[1]}/stop")
    await box.ended(paths[0])
    started = await box.panel.post(f"{paths[1]}/start")
    job = await box.ended(paths[1])
    removed = await box.panel.delete(paths[1])

    assert (stopped.json()["state"], twice.json()["code"]) == ("stopped", "has_ended")
    assert (started.status_code, job["state"], job["pictures"]) == (200, "done", 30)
    assert (await box.panel.post(f"{paths[0]}/start")).json()["code"] == "not_stopped"
    assert removed.status_code == 204
    assert [(await box.panel.get(paths[1] + rest)).status_code for rest in ("", "/results")] == [404, 404]


@pytest.mark.parametrize("folder", ["../secrets", "/etc", "yard/a.jpg", "nowhere"])
async def test_a_folder_outside_of_the_footage_is_not_looked_into(box: PlantedBox, folder: str) -> None:
    job, rows = await box.results(folder=folder)

    assert (job["state"], rows) == ("failed", [])
    assert "folder of footage" in job["reason"]


async def test_an_order_with_no_source_or_two_is_refused(box: PlantedBox) -> None:
    none = await box.panel.post("/api/v1/picture-jobs", json=NAME)
    two = await box.panel.post("/api/v1/picture-jobs", json={**NAME, "folder": "yard", "film": "street.mp4"})

    assert [answer.status_code for answer in (none, two)] == [422, 422]


async def test_a_job_tells_how_far_it_is_and_what_it_found(box: PlantedBox) -> None:
    folder, _ = await box.results(folder="yard")
    film, _ = await box.results(film="street.mp4", every_s=1)

    assert (folder["source"], folder["total"], folder["reported"], folder["queue"]) == ("yard", 3, 2, False)
    assert (film["source"], film["total"], film["reported"]) == ("street.mp4", 3, 3)


@pytest.mark.parametrize("order", [{"folder": "yard"}, {"film": "street.mp4"}, {"pictures": True}])
async def test_the_picture_of_a_result_is_given_whatever_the_source(box: PlantedBox, order: dict[str, Any]) -> None:
    given = [{"name": "one", "content": base64.b64encode(JPEG).decode()}]
    path = await box.ordered(**({"pictures": given} if "pictures" in order else order))
    await box.ended(path)

    first, *beyond = [await box.panel.get(f"{path}/results/{number}/picture") for number in (1, 0, 99, 10**30)]

    assert (first.status_code, first.headers["Content-Type"], first.content[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert [answer.status_code for answer in beyond] == [404, 404, 404]


async def test_a_job_is_done_once_more_as_one_of_its_own(box: PlantedBox) -> None:
    path = await box.ordered(folder="yard")
    first = await box.ended(path)

    made = await box.panel.post(f"{path}/again")

    second = await box.ended(f"/api/v1/picture-jobs/{made.json()['id']}")
    assert second["id"] != first["id"]
    assert second["pictures"] == first["pictures"] == 3


async def test_uploaded_pictures_and_films_are_there_for_a_task(box: PlantedBox) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    kept = await box.panel.put("/api/v1/footage/uploads/u1/街景.jpg", content=JPEG, headers=headers)

    assert kept.status_code == 201, kept.text
    job, _ = await box.results(folder="uploads/u1")
    assert (job["state"], job["pictures"], job["faults"]) == ("done", 1, 0)
    items = {item["name"]: item for item in (await box.panel.get("/api/v1/footage")).json()["items"]}
    assert (items["uploads/u1"]["pictures"], items["street.mp4"]["film"], items["yard"]["pictures"]) == (1, True, 3)


@pytest.mark.parametrize(
    ("place", "status"),
    [("u1/a.exe", 422), ("u1/.a.jpg", 404), ("u1/..%2Fa.jpg", 404), ("..%2Fu1/a.jpg", 404), ("u1/large.jpg", 413)],
)
async def test_an_upload_that_is_no_picture_or_leads_elsewhere_is_refused(
    box: PlantedBox, place: str, status: int
) -> None:
    content = b"x" * ((16 << 20) + 1) if "large" in place else JPEG
    headers = {"Content-Type": "application/octet-stream"}
    answer = await box.panel.put(f"/api/v1/footage/uploads/{place}", content=content, headers=headers)

    assert answer.status_code == status, answer.text


async def test_results_for_a_queue_that_the_box_does_not_have_are_refused(box: PlantedBox) -> None:
    answer = await box.panel.post("/api/v1/picture-jobs", json={**NAME, "folder": "yard", "queue": True})

    assert (answer.status_code, answer.json()["code"]) == (409, "no_queue")
