"""Recordings over HTTP: a running agent and recorder, asked as the panel's page asks them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from appliance.config import Config
from appliance.local.agent_client import agent_client
from appliance.local.parcel import Outgoing
from appliance.recording.api import serving
from tests.appliance.coded import START, coded, later
from tests.appliance.footage import decoded, probed
from tests.appliance.panel.test_api import agent, an_event, config_in, results_of, signed_in
from tests.appliance.recording.conftest import ALWAYS, Studio, recording

POINT = "local-gate"
HERE = f"/api/v1/cameras/{POINT}/recordings"
BOOKMARKS = "/api/v1/recordings/bookmarks"


def moment(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def stretch(start: float, end: float, **more: str) -> dict[str, str]:
    return {"start": moment(start), "end": moment(end), **more}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_in(tmp_path)


@asynccontextmanager
async def box(config: Config) -> AsyncIterator[tuple[httpx.AsyncClient, Studio]]:
    """Run agent and recorder of one box with a recorded camera; give the panel's client."""
    await asyncio.to_thread(config.data_folder.mkdir, parents=True)
    await asyncio.to_thread(config.run_folder.mkdir, parents=True)
    async with (
        recording(config.data_folder) as studio,
        serving(studio.recorder, config.run_folder),
        agent(config) as url,
        signed_in(config, url) as client,
    ):
        studio.want(ALWAYS, POINT)
        await studio.ready(point_id=POINT)
        await studio.send(coded(), POINT)
        # One picture more ends the first segment, and adds to no sum when it is written down, seconds later.
        await studio.send(later(coded(), by_s=4, session=2)[:1], POINT)
        await studio.stored("SELECT 1 FROM segments WHERE NOT open", bool)
        yield client, studio


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """Give the panel of one box to all tests that change nothing."""
    async with box(config_in(tmp_path_factory.mktemp("box"))) as (client, _):
        yield client


@pytest.mark.asyncio(loop_scope="module")
async def test_a_recording_is_listed_played_and_downloaded(shared: httpx.AsyncClient, tmp_path: Path) -> None:
    timeline = (await shared.get(HERE, params=stretch(-10, 60))).json()
    played = await shared.get(f"{HERE}/play.mp4", params=stretch(1.5, 4))
    clip = await shared.get(f"{HERE}/clip.mp4", params=stretch(1, 3))
    part = await shared.get(f"{HERE}/clip.mp4", params=stretch(1, 3), headers={"Range": "bytes=100-199"})
    tail = await shared.get(f"{HERE}/clip.mp4", params=stretch(1, 3), headers={"Range": "bytes=-50"})
    outside = await shared.get(f"{HERE}/clip.mp4", params=stretch(1, 3), headers={"Range": "bytes=9999999-"})

    assert timeline["recorded"][0]["start"] == moment(0).replace("+00:00", "Z")
    assert timeline["mime"] == played.headers["content-type"] == 'video/mp4; codecs="avc1.42c00b"'
    assert played.headers["fengsui-start"] == moment(1)
    (tmp_path / "played.mp4").write_bytes(played.content)
    assert len(decoded(tmp_path / "played.mp4")) == 30
    (tmp_path / "clip.mp4").write_bytes(clip.content)
    assert probed(tmp_path / "clip.mp4").duration_s == pytest.approx(2.0)
    assert f'filename="{POINT}-' in clip.headers["content-disposition"]
    assert (part.status_code, part.content) == (206, clip.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(clip.content)}"
    assert (tail.status_code, tail.content) == (206, clip.content[-50:])
    assert (outside.status_code, outside.json()["code"]) == (416, "range_not_satisfiable")


async def test_a_stretch_is_marked_locked_and_let_go_again(config: Config) -> None:
    async with box(config) as (panel, studio):
        draft = {"point_id": POINT, "start": moment(0), "end": moment(2), "text": " 可疑车辆 "}
        marked = (await panel.post(BOOKMARKS, json=draft)).raise_for_status().json()
        at = f"{BOOKMARKS}/{marked['id']}"
        locked = (await panel.put(at, json={"text": "事故证据", "locked": True})).raise_for_status().json()
        shown = (await panel.get(HERE, params=stretch(0, 60))).json()["bookmarks"]
        rows = studio.rows("SELECT text, locked, set_by FROM bookmarks")
        gone = [await panel.delete(at), await panel.delete(at), await panel.put(at, json={"text": "x"})]
        noted = await asyncio.to_thread(results_of, config)

    assert (marked["text"], marked["locked"], marked["set_by"]) == ("可疑车辆", False, "admin")
    assert shown == [locked]
    assert rows == [("事故证据", 1, "admin")]
    assert [answer.status_code for answer in gone] == [204, 404, 404]
    assert [item[0] for item in noted if item[0].startswith("recording.")] == [
        "recording.mark",
        "recording.change_mark",
        "recording.unmark",
    ]


@pytest.mark.parametrize(
    ("draft", "status"),
    [
        ({"text": "字" * 200}, 201),
        ({"text": "字" * 201}, 422),
        ({"text": "  "}, 422),
        ({"locked": True}, 201),
        ({"text": "倒着", "start": moment(3), "end": moment(2)}, 422),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_bookmark_says_something_or_locks(
    shared: httpx.AsyncClient, draft: dict[str, Any], status: int
) -> None:
    answer = await shared.post(
        BOOKMARKS, json={"point_id": "local-other", "start": moment(0), "end": moment(2), **draft}
    )

    assert answer.status_code == status


async def test_recordings_are_found_by_kind_time_lock_and_words(config: Config) -> None:
    async with box(config) as (panel, studio):
        studio.recorder.trigger(POINT)
        for number in range(2, 5):  # each its own segment, a minute after the one before
            await studio.send(later(coded(), by_s=60 * number, session=number + 1), POINT)
        await studio.stored("SELECT 1 FROM segments WHERE NOT open", lambda rows: len(rows) >= 4)
        for start, end, text, locked in (
            (0, 1, "案件 A-17", False),
            (121, 122, "案件 a-17 主路", True),
            (182, 183, "", True),
        ):
            draft = {"point_id": POINT, "start": moment(start), "end": moment(end), "text": text, "locked": locked}
            (await panel.post(BOOKMARKS, json=draft)).raise_for_status()

        async def found(**query: Any) -> list[tuple[int, int, str, list[str]]]:
            return told((await panel.get(f"{HERE}/search", params=query)).raise_for_status().json())

        everything = await found()
        first = (await panel.get(f"{HERE}/search", params={"limit": 2})).json()
        rest = (await panel.get(f"{HERE}/search", params={"limit": 200, "after": first["next"]})).json()
        by_text, none = await found(text="A-17"), await found(text="100%")
        kept, free = await found(locked="true"), await found(locked="false")
        planned, late = await found(kind="planned"), await found(kind="backfill")
        by_time = await found(start=moment(60), end=moment(150))
        together = await found(locked="true", text="案件", kind="event", start=moment(1))
        elsewhere = (await panel.get("/api/v1/cameras/local-other/recordings/search")).json()["items"]
        refused = [
            await panel.get(f"{HERE}/search", params=query)
            for query in ({"start": moment(2), "end": moment(1)}, {"after": "1_x"}, {"kind": "manual"})
        ]

    assert everything == told(first) + told(rest)
    assert everything == sorted(everything, reverse=True)
    assert (rest["next"], none, late, elsewhere) == (None, [], [], [])
    assert [(start, texts) for start, _, _, texts in by_text] == [(120, ["案件 a-17 主路"]), (0, ["案件 A-17"])]
    assert sorted(kept + free, reverse=True) == everything
    assert [start for start, *_ in kept] == [180, 120]
    assert planned == [item for item in everything if item[2] == "planned"]
    assert [start for start, *_ in by_time] == [120]
    assert [start for start, *_ in together] == [120]
    assert [answer.status_code for answer in refused] == [422, 422, 422]


def told(page: Any) -> list[tuple[int, int, str, list[str]]]:
    """Return start and end in seconds of the recording, the kind and the words of each item."""
    return [
        (
            round((datetime.fromisoformat(item["start"]) - START).total_seconds()),
            round((datetime.fromisoformat(item["end"]) - START).total_seconds()),
            item["kind"],
            [bookmark["text"] for bookmark in item["bookmarks"]],
        )
        for item in page["items"]
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_days_are_those_of_the_place(shared: httpx.AsyncClient) -> None:
    first = (START - timedelta(days=1)).date().isoformat()
    days = (await shared.get("/api/v1/recordings/days", params={"first": first, "days": "3"})).json()["items"]
    unknown = await shared.get("/api/v1/recordings/days", params={"first": first, "timezone": "Mars/Olympus"})

    assert [(item["point_id"], item["name"], item["duration_s"]) for item in days] == [(POINT, "东门", 4)]
    shanghai = START + timedelta(hours=8)
    assert days[0]["day"] == shanghai.date().isoformat()
    assert unknown.status_code == 422


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("play.mp4", stretch(-500, -400), "nothing_recorded"),
        ("clip.mp4", stretch(-500, -400), "nothing_recorded"),
        ("cover.jpg", {"at": moment(-4000)}, "nothing_recorded"),
        ("play.mp4", stretch(4, 1), "invalid_input"),
        ("play.mp4", stretch(1, 4, backward="true"), "invalid_input"),
        ("play.mp4", stretch(0, 24 * 3600 + 1), "invalid_input"),
        ("play.mp4", stretch(0, 4, frames="some"), "invalid_input"),
        ("clip.mp4", stretch(4, 1), "invalid_input"),
        ("clip.mp4", stretch(0, 6 * 3600 + 1), "invalid_input"),
        ("", stretch(0, 7 * 24 * 3600 + 1), "invalid_input"),
        ("cover.jpg", {"at": "yesterday"}, "invalid_input"),
        ("cover.jpg", {"at": moment(1)}, "process_away"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_is_told_in_one_sentence(
    shared: httpx.AsyncClient, path: str, query: dict[str, str], code: str
) -> None:
    answer = await shared.get(f"{HERE}/{path}".rstrip("/"), params=query)

    assert answer.json()["code"] == code
    assert answer.json()["detail"]


@pytest.mark.asyncio(loop_scope="module")
async def test_limits_hold_to_the_second(shared: httpx.AsyncClient) -> None:
    answers = [
        await shared.get(f"{HERE}/play.mp4", params=stretch(0, 24 * 3600)),
        await shared.get(f"{HERE}/clip.mp4", params=stretch(0, 6 * 3600)),
        await shared.get(HERE, params=stretch(0, 7 * 24 * 3600)),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_an_event_marks_the_timeline_and_asks_the_recorder(config: Config) -> None:
    async with box(config) as (panel, studio):
        await panel.post("/api/v1/cameras", json={"id": "gate", "name": "东门", "url": "rtsp://127.0.0.1:1/"})
        always: dict[str, Any] = {"calendar": {}, "after_s": 3600}
        kept = await panel.put(f"/api/v1/cameras/{POINT}/recording", json=always)
        now = datetime.now(UTC)
        event = an_event(point_id=POINT, pictures=())
        async with agent_client(config.run_folder) as vision:
            assert await vision.post_events([Outgoing(event=event, pictures=[])]) == {}
        around = {"start": (now - timedelta(hours=1)).isoformat(), "end": (now + timedelta(hours=1)).isoformat()}
        marks = (await panel.get(HERE, params=around)).json()["events"]
        camera = studio.recorder.report(POINT)
        assert camera is not None
        await studio.send(later(coded(), by_s=8, session=3), POINT)
        await studio.send(later(coded(), by_s=12, session=4), POINT)

        kinds = await studio.stored("SELECT kind FROM segments ORDER BY id", lambda rows: ("event",) in rows)

    assert (kept.status_code, kept.json()["recording_set_by"]) == (200, "box")
    assert [(mark["id"], mark["type"]) for mark in marks] == [(event.id, "intrusion/object")]
    assert marks[0]["type_name_zh"]
    assert kinds[0] == ("planned",)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stranger_sees_nothing(shared: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=shared.base_url, timeout=60) as stranger:
        answers = [
            await stranger.get(f"{HERE}/clip.mp4", params=stretch(0, 1)),
            await stranger.get(HERE, params=stretch(0, 1)),
            await stranger.post(BOOKMARKS, json={}),
            await stranger.get(f"{HERE}/search"),
        ]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]
