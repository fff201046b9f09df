"""Picture tasks of a real box, ordered and read at a real hub: all goes through the tunnel that the box opens."""

import asyncio
import base64
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from federation.testing.waiting import until
from tests.appliance.panel.models.planted import JPEG, NAME
from tests.hub.pictures.picture_site import Site, picture_site

pytestmark = pytest.mark.asyncio(loop_scope="module")

BYTES = {"Content-Type": "application/octet-stream"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with picture_site() as running:
        yield running


async def test_uploaded_pictures_are_looked_at_by_the_box_and_shown_at_the_hub(site: Site) -> None:
    for place, content in (("路口 1.jpg", JPEG), ("b.jpg", b"no picture")):
        kept = await site.operator.put(f"{site.base}/footage/uploads/u1/{place}", content=content, headers=BYTES)
        assert kept.status_code == 201, kept.text

    path = await site.ordered(folder="uploads/u1")
    job = await site.ended(path)
    rows = (await site.viewer.get(f"{path}/results", params={"limit": 1, "after": "1"})).json()["items"]
    picture = await site.viewer.get(f"{path}/results/2/picture")

    assert (job["state"], job["pictures"], job["reported"], job["faults"]) == ("done", 2, 1, 1)
    assert [(row["number"], row["name"], len(row["verdict"]["detections"])) for row in rows] == [(2, "路口 1.jpg", 1)]
    assert (picture.status_code, picture.headers["content-type"], picture.content) == (200, "image/jpeg", JPEG)


async def test_an_upload_that_breaks_off_leaves_nothing_at_the_box(site: Site) -> None:
    url = urlsplit(site.hub.url)
    cookies = "; ".join(f"{name}={value}" for name, value in site.operator.cookies.items())
    lines = (
        f"PUT {site.base}/footage/uploads/half/a.jpg HTTP/1.1",
        "Host: hub",
        "Content-Type: application/octet-stream",
        "Content-Length: 2000",
        f"Cookie: {cookies}",
        f"X-CSRF-Token: {site.operator.headers['X-CSRF-Token']}",
    )
    folder = site.box.config.footage_folder / "uploads" / "half"
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write("\r\n".join((*lines, "", "")).encode() + bytes(1000))
    await writer.drain()
    await until(lambda: folder.is_dir() and list(folder.iterdir()), within_s=90, what="the beginning at the box")

    writer.close()
    await until(lambda: not list(folder.iterdir()), within_s=90, what="nothing left of it")
    whole = await site.operator.put(f"{site.base}/footage/uploads/half/a.jpg", content=JPEG, headers=BYTES)

    assert whole.status_code == 201
    assert (folder / "a.jpg").read_bytes() == JPEG


async def test_an_order_with_large_pictures_goes_through_the_tunnel_and_not_over_the_broker(site: Site) -> None:
    content = base64.b64encode(JPEG.ljust(4 << 20, b"\x00")).decode()

    path = await site.ordered(pictures=[{"name": str(number), "content": content} for number in range(5)])
    job = await site.ended(path)

    assert (job["state"], job["pictures"], job["faults"]) == ("done", 5, 0)


async def test_a_task_is_stopped_let_go_on_done_again_and_removed_and_all_that_is_noted(site: Site) -> None:
    first, second = [await site.ordered(film="street.mp4", every_s=0) for _ in range(2)]
    stopped = await site.operator.post(f"{second}/stop")
    started = await site.operator.post(f"{second}/start")
    job = await site.ended(second)
    again = await site.operator.post(f"{second}/again")
    await site.ended(f"{site.base}/picture-jobs/{again.json()['id']}")
    removed = await site.operator.delete(second)
    listed = [each["id"] for each in (await site.viewer.get(f"{site.base}/picture-jobs")).json()["items"]]
    audit = (await site.hub.console.get("/api/v1/audit", params={"limit": 50})).json()["items"]

    assert (stopped.json()["state"], started.status_code, job["pictures"]) == ("stopped", 200, 30)
    assert (removed.status_code, again.status_code) == (204, 201)
    assert again.json()["id"] in listed
    assert first.rpartition("/")[2] in listed
    assert second.rpartition("/")[2] not in listed
    noted = {(each["action"], each["actor"], each["subject"]) for each in audit}
    acts = ("order", "stop", "start", "again", "remove")
    assert {(f"picture_job.{act}", "li", f"node:{site.node_id}") for act in acts} <= noted


async def test_who_may_only_look_orders_and_removes_nothing(site: Site) -> None:
    path = await site.ordered(folder="yard")
    await site.ended(path)

    refused = [
        await site.viewer.post(f"{site.base}/picture-jobs", json={**NAME, "folder": "yard"}),
        await site.viewer.post(f"{path}/again"),
        await site.viewer.delete(path),
        await site.viewer.put(f"{site.base}/footage/uploads/u2/a.jpg", content=JPEG, headers=BYTES),
    ]
    stranger = await site.hub.anonymous.get(path)

    assert [answer.status_code for answer in refused] == [403] * 4
    assert stranger.status_code == 401


async def test_what_the_box_refuses_is_told_in_its_words(site: Site) -> None:
    jobs = f"{site.base}/picture-jobs"
    forbidden = {**NAME, "folder": "yard", "callback_url": "http://169.254.169.254/"}

    answers = [
        await site.operator.post(jobs, json=forbidden),
        await site.operator.post(jobs, json={**NAME, "folder": "yard", "queue": True}),
        await site.operator.put(f"{site.base}/footage/uploads/u3/a.exe", content=JPEG, headers=BYTES),
        await site.viewer.get(f"{jobs}/00000000-0000-0000-0000-000000000000"),
    ]

    told = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert told == [(422, "forbidden_address"), (409, "no_queue"), (422, "unknown_kind"), (404, "not_found")]


async def test_a_box_that_is_away_or_unknown_is_told_as_such(site: Site) -> None:
    away = await site.hub.enrol("box-away")

    answers = [
        await site.viewer.get(f"/api/v1/nodes/{name}/picture-jobs") for name in (away.identity.node_id, "nobody")
    ]

    told = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert told == [(503, "box_unreachable"), (404, "not_found")]


async def test_what_the_box_has_to_be_looked_at_is_listed(site: Site) -> None:
    told = (await site.viewer.get(f"{site.base}/footage")).json()

    assert told["algorithms"] == ["test.planted 1.0.0"]
    assert {"street.mp4", "yard"} <= {item["name"] for item in told["items"]}
