"""What an outage left out comes from the camera's own record: a simulated ONVIF camera over real HTTP and RTSP."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from appliance.playback.catalogue import Catalogue
from appliance.playback.player import Player
from appliance.recording import index
from appliance.recording.schema import migrations
from appliance.store.database import Database
from appliance.store.moments import from_us, to_us
from federation.messages import Calendar, CameraSpec, RecordingSpec
from federation.testing.waiting import until
from federation.viewing.recordings import Frames
from hil_tests.rig.cameras import virtual_cameras
from hil_tests.rig.footage.pattern import write_pattern
from hil_tests.rig.footage.writer import Encoding
from hil_tests.rig.onvif import OwnRecord, SimulatedCamera, served
from hil_tests.rig.rtsp.clip import read_clip
from tests.appliance.coded import START, coded, later
from tests.appliance.footage import decoded, probed
from tests.appliance.playback.conftest import poured
from tests.appliance.recording.conftest import Studio, recording

SECOND_US = 1_000_000
FPS = 10
GAP_S = 20


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    encoding = Encoding(width_px=320, height_px=192, fps=Fraction(FPS), gop_s=1.0)
    return write_pattern(tmp_path_factory.mktemp("clip") / "pattern.mp4", encoding, seconds=4)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A camera that records itself since five minutes, and its description for the recorder."""

    camera: SimulatedCamera
    spec: CameraSpec


@asynccontextmanager
async def camera(footage: Path, *, records: int = 1) -> AsyncIterator[Recording]:
    """Put a camera on air with so many records of its own."""
    clip = await asyncio.to_thread(read_clip, footage)
    async with virtual_cameras({}) as cameras:
        cameras.add("cam1", clip, phase_s=300)
        account, first = cameras.credentials, datetime.now(UTC) - timedelta(seconds=300)
        own = tuple(OwnRecord(token=f"r{n}", url=cameras.record_url("cam1"), first=first) for n in range(records))
        simulated = SimulatedCamera(
            name="east",
            serial="s1",
            stream_url=cameras.url("cam1"),
            picture=lambda _view: b"",
            username=account.username,
            password=account.password,
            records=own,
        )
        async with served(simulated) as on_air:
            spec = CameraSpec(
                point_id="p1",
                name="东门",
                url=cameras.url("cam1"),
                username=account.username,
                password=account.password,
                recording=RecordingSpec(calendar=Calendar(), backfill=True),
                onvif_url=on_air.url,
            )
            yield Recording(camera=simulated, spec=spec)


async def missed(folder: Path, *, ago_s: int = 60, reason: str = "no_pictures") -> tuple[int, int]:
    """Note a gap of `GAP_S` in an index; return its ends."""
    start = to_us(datetime.now(UTC) - timedelta(seconds=ago_s))
    end = start + GAP_S * SECOND_US
    async with Database(folder / "recordings.db", migrations) as database:
        await database.run(lambda db: index.note_gap(db, "p1", start, end, reason))
    return start, end


def gaps(studio: Studio) -> list[Any]:
    return studio.rows("SELECT from_us, until_us, reason, looks FROM gaps WHERE until_us IS NOT NULL")


async def test_a_gap_is_filled_from_the_cameras_own_record_and_marked_so(footage: Path, tmp_path: Path) -> None:
    start, end = await missed(tmp_path)
    async with camera(footage) as on_air, recording(tmp_path) as studio:
        studio.recorder.want([on_air.spec])
        await until(lambda: gaps(studio) == [], within_s=90, what="a gap that is filled")

        catalogue = Catalogue(index_file=tmp_path / "recordings.db", folder=tmp_path / "recordings")
        found = await asyncio.to_thread(catalogue.timeline, "p1", start - SECOND_US, end + SECOND_US)
        player = Player(catalogue=catalogue)
        reel = await player.reel("p1", start, end, frames=Frames.ALL, is_backward=False)
        path = await poured(player.stream(reel), tmp_path / "played.mp4")
        player.close()

    (stretch,) = found.recorded
    assert stretch.kind == "backfill"
    assert abs(stretch.start_us - start) < SECOND_US
    assert abs(stretch.end_us - end) < SECOND_US
    assert len(await asyncio.to_thread(decoded, path)) == pytest.approx(GAP_S * FPS, abs=FPS)
    assert (await asyncio.to_thread(probed, path)).complaints == ""


@pytest.mark.parametrize("records", [0, 2])
async def test_a_gap_stays_where_the_camera_keeps_no_record_or_several(
    records: int, footage: Path, tmp_path: Path
) -> None:
    start, end = await missed(tmp_path, reason="stopped")
    async with camera(footage, records=records) as on_air, recording(tmp_path) as studio:
        studio.recorder.want([on_air.spec])
        await until(lambda: gaps(studio)[0][3], within_s=90, what="a gap that was looked for")

        assert gaps(studio) == [(start, end, "stopped", 1)]
        assert studio.files() == []


async def test_what_nobody_wanted_is_not_fetched(footage: Path, tmp_path: Path) -> None:
    await missed(tmp_path, ago_s=200, reason="planned")
    await missed(tmp_path, ago_s=60)
    async with camera(footage) as on_air, recording(tmp_path) as studio:
        studio.recorder.want([on_air.spec])
        await until(lambda: len(gaps(studio)) == 1, within_s=90, what="the other gap to be filled")

        assert [row[2:] for row in gaps(studio)] == [("planned", 0)]


def missing(from_s: int, until_s: int, looks: int = 0) -> index.Missing:
    return index.Missing(
        id=1, point_id="p1", from_us=from_s * SECOND_US, until_us=until_s * SECOND_US, reason="disk", looks=looks
    )


@pytest.mark.parametrize(
    ("longest_s", "covered", "left"),
    [
        (100, [(0, 100)], []),
        (100, [], [(0, 100, 3)]),
        (100, [(20, 50), (60, 98)], [(0, 20, 3), (50, 60, 3)]),
        (40, [(60, 100)], [(0, 60, 2)]),
        (40, [(70, 80)], [(0, 60, 2), (60, 70, 3), (80, 100, 3)]),
        (100, [(-5, 105)], []),
    ],
)
def test_what_is_still_missing_takes_the_place_of_a_gap(
    longest_s: int, covered: Sequence[tuple[int, int]], left: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "index.db") as db:
        db.execute("CREATE TABLE gaps (id INTEGER PRIMARY KEY, point_id, from_us, until_us, reason, looks, looked_us)")
        gap = missing(0, 100, looks=2)
        db.execute("INSERT INTO gaps VALUES (1, 'p1', 0, ?, 'disk', 2, 0)", (gap.until_us,))

        part = gap.newest(timedelta(seconds=longest_s))
        index.settle(db, gap, part, [(a * SECOND_US, b * SECOND_US) for a, b in covered], 7)

        rows = db.execute("SELECT from_us, until_us, looks FROM gaps ORDER BY from_us").fetchall()
    db.close()
    assert [(a // SECOND_US, b // SECOND_US, looks) for a, b, looks in rows] == left


@pytest.mark.parametrize(
    ("looks", "looked_s", "now_s", "is_due"),
    [
        (0, 0, 0, True),
        (1, 100, 159, False),
        (1, 100, 160, True),
        (5, 0, 1859, False),
        (5, 0, 1860, True),
        (6, 0, 9**9, False),
    ],
)
async def test_a_gap_is_looked_for_ever_more_rarely_and_not_for_ever(
    looks: int, looked_s: int, now_s: int, *, is_due: bool, tmp_path: Path
) -> None:
    async with Database(tmp_path / "index.db", migrations) as database:
        await database.run(lambda db: index.note_gap(db, "p1", 1, 11 * SECOND_US, "disk"))
        await database.run(
            lambda db: db.execute("UPDATE gaps SET looks = ?, looked_us = ?", (looks, looked_s * SECOND_US))
        )
        found = await database.read(lambda db: index.next_missing(db, {"p1": 0}, now_s * SECOND_US, 12 * SECOND_US))
        early = await database.read(lambda db: index.next_missing(db, {"p1": 0}, now_s * SECOND_US, 11 * SECOND_US))
        other = await database.read(lambda db: index.next_missing(db, {"p2": 0}, now_s * SECOND_US, 12 * SECOND_US))

    assert (found is not None) is is_due
    assert (early, other) == (None, None)


async def test_what_was_fetched_late_is_played_in_its_place(tmp_path: Path) -> None:
    async with recording(tmp_path) as studio:
        studio.want(RecordingSpec(calendar=Calendar()))
        await studio.ready()
        await studio.send(coded())
        await studio.send(later(coded(session=2), by_s=40))
        await studio.send(later(coded(session=3), by_s=20))
    with sqlite3.connect(tmp_path / "recordings.db") as db:
        db.execute("UPDATE segments SET kind = 'backfill' WHERE id = (SELECT max(id) FROM segments)")
    db.close()

    catalogue = Catalogue(index_file=tmp_path / "recordings.db", folder=tmp_path / "recordings")
    found = await asyncio.to_thread(catalogue.timeline, "p1", to_us(START), to_us(START) + 60 * SECOND_US)

    starts = [round((from_us(item.start_us) - START).total_seconds()) for item in found.recorded]
    assert list(zip(starts, [item.kind for item in found.recorded], strict=True)) == [
        (0, "planned"),
        (20, "backfill"),
        (40, "planned"),
    ]
