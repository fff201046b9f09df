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


async def test_a_locked_stretch_stands_in_the_timeline_until_it_is_unlocked(config: Config) -> None:
    async with box(config) as (panel, studio):
        draft = {"point_id": POINT, "start": moment(0), "end": moment(2), "reason": "事故证据"}
        locked = await panel.post("/api/v1/recordings/locks", json=draft)
        shown = (await panel.get(HERE, params=stretch(0, 60))).json()["locks"]
        rows = studio.rows("SELECT reason, locked_by FROM locks")
        gone = await panel.delete(f"/api/v1/recordings/locks/{locked.json()['id']}")
        again = await panel.delete(f"/api/v1/recordings/locks/{locked.json()['id']}")

    assert locked.status_code == 201
    assert [(item["id"], item["reason"], item["locked_by"]) for item in shown] == [
        (locked.json()["id"], "事故证据", "admin")
    ]
    noted = await asyncio.to_thread(results_of, config)
    assert rows == [("事故证据", "admin")]
    assert [item[0] for item in noted if item[0].startswith("recording.")] == ["recording.lock", "recording.unlock"]
    assert (gone.status_code, again.status_code) == (204, 404)


async def test_locked_stretches_are_found_by_time_and_by_words_of_their_reason(config: Config) -> None:
    async with box(config) as (panel, _):
        for start, end, reason in ((0, 1, "案件 A-17"), (1, 2, "巡查"), (2, 3, "案件 b-17")):
            draft = {"point_id": POINT, "start": moment(start), "end": moment(end), "reason": reason}
            (await panel.post("/api/v1/recordings/locks", json=draft)).raise_for_status()

        async def found(path: str = f"{HERE}/locks", **query: Any) -> Any:
            return (await panel.get(path, params=query)).json()

        first = await found(limit=2)
        rest = await found(limit=2, after=first["next"])
        by_text, none = await found(text="B-17"), await found(text="100%")
        by_time = await found(start=moment(0.5), end=moment(2))
        elsewhere = await found("/api/v1/cameras/local-other/recordings/locks")
        refused = await panel.get(f"{HERE}/locks", params={"start": moment(2), "end": moment(1)})
        nonsense = await panel.get(f"{HERE}/locks", params={"after": "1_x"})

    assert reasons(first) + reasons(rest) == ["案件 b-17", "巡查", "案件 A-17"]
    assert (rest["next"], reasons(by_text), reasons(none), reasons(elsewhere)) == (None, ["案件 b-17"], [], [])
    assert reasons(by_time) == ["巡查", "案件 A-17"]
    assert (refused.status_code, nonsense.status_code) == (422, 422)


def reasons(page: Any) -> list[str]:
    return [item["reason"] for item in page["items"]]


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
            await stranger.post("/api/v1/recordings/locks", json={}),
        ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]
