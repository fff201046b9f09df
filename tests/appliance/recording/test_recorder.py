"""The recorder over a feed: what it writes, when, and what it says of gaps."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from appliance.recording.space import Limits
from appliance.store.damage import all_set_aside
from federation.messages import Calendar, RecordingSpec, RecordingState, Window
from federation.testing.waiting import until
from tests.appliance.coded import START, coded, later
from tests.appliance.footage import probed
from tests.appliance.recording.conftest import ALWAYS, Studio, recording

SEGMENTS = "SELECT id, first_us, last_us, open FROM segments ORDER BY id"
CLOSED = Calendar(
    windows=(Window(days=((datetime.now(UTC) + timedelta(days=3)).isoweekday(),), start=time(1), end=time(2)),),
    timezone="UTC",
)
START_US = round(START.timestamp()) * 1_000_000


async def test_a_recorded_camera_is_on_the_disk_and_in_the_index(studio: Studio) -> None:
    studio.want(ALWAYS)
    await studio.ready()

    await studio.send(coded())
    await studio.ready(RecordingState.RECORDING)
    await studio.send(later(coded(), by_s=0, session=2))  # a new connection: the first segment ends

    [(_, first_us, last_us, _), *_] = await studio.stored(SEGMENTS, lambda rows: any(not row[3] for row in rows))
    assert (first_us, last_us) == (START_US, START_US + 4_000_000)
    assert probed(studio.files()[0]).frames == 40


async def test_what_waits_at_an_orderly_end_is_kept(tmp_path: Path) -> None:
    async with recording(tmp_path) as studio:
        studio.want(ALWAYS)
        await studio.ready()
        await studio.send(coded())

    assert [probed(path).frames for path in studio.files()] == [40]
    assert studio.rows("SELECT open, size_bytes FROM segments") == [(0, studio.files()[0].stat().st_size)]


async def test_a_segment_ends_after_a_minute_at_a_key_frame_and_the_next_begins_there(studio: Studio) -> None:
    studio.want(ALWAYS)
    await studio.ready()

    for round_number in range(17):  # 68 s
        await studio.send(later(coded(), by_s=4 * round_number))

    rows = await studio.stored(SEGMENTS, lambda rows: len(rows) == 2)
    assert rows[0][2] - rows[0][1] == 60_000_000
    assert rows[1][1] == rows[0][2]


async def test_other_pictures_begin_another_segment(studio: Studio) -> None:
    studio.want(ALWAYS)
    await studio.ready()

    await studio.send(coded())
    await studio.send(later(coded(width_px=640, height_px=384), by_s=4))
    await studio.send(later(coded("h265"), by_s=8))
    await studio.send(later(coded("h265"), by_s=12, session=2))

    await studio.stored(SEGMENTS, lambda rows: len(rows) == 4 and not rows[2][3])
    seen = [probed(path) for path in studio.files()[:3]]
    assert [(item.width_px, item.tag) for item in seen] == [(320, "avc1"), (640, "avc1"), (320, "hvc1")]
    assert [item.frames for item in seen] == [40, 40, 40]


async def test_a_box_whose_clock_jumps_keeps_the_order(studio: Studio) -> None:
    studio.want(ALWAYS)
    await studio.ready()
    day = timedelta(days=1)

    await studio.send(coded())
    await studio.send([replace(unit, arrived_at=unit.arrived_at - day) for unit in later(coded(), by_s=4)])
    await studio.send(later(coded(), by_s=8))
    await studio.send(later(coded(), by_s=12, session=2))

    rows = await studio.stored(SEGMENTS, lambda rows: len(rows) == 4)
    starts = [row[1] - START_US for row in rows]
    assert starts == [0, 4_000_000 - 86_400_000_000, 8_000_000, 12_000_000]
    assert [probed(path).frames for path in studio.files()[:3]] == [40, 40, 40]


async def test_a_cameras_clock_is_believed_if_it_is_near_ours(studio: Studio) -> None:
    studio.want(ALWAYS)
    await studio.ready()
    near, far = timedelta(seconds=-3), timedelta(hours=-8)

    await studio.send([replace(unit, sent_at=unit.arrived_at + near) for unit in coded()])
    await studio.send([replace(unit, sent_at=unit.arrived_at + far) for unit in later(coded(), by_s=4, session=2)])
    await studio.send(later(coded(), by_s=8, session=3))

    rows = await studio.stored(SEGMENTS, lambda rows: len(rows) == 3)
    assert [row[1] - START_US for row in rows[:2]] == [-3_000_000, 4_000_000]


async def test_a_camera_that_was_away_leaves_a_gap_with_its_reason(studio: Studio) -> None:
    studio.want(ALWAYS)
    await studio.ready()

    await studio.send(coded())
    await studio.send(later(coded(), by_s=60, session=2))
    await studio.send(later(coded(), by_s=64, session=3))

    [gap] = await studio.stored("SELECT from_us, until_us, reason FROM gaps", bool)
    assert gap == (START_US + 4_000_000, START_US + 60_000_000, "no_pictures")


async def test_a_box_that_did_not_run_leaves_a_gap(tmp_path: Path) -> None:
    async with recording(tmp_path) as studio:
        studio.want(ALWAYS)
        await studio.ready()
        await studio.send(coded())
    async with recording(tmp_path) as studio:
        studio.want(ALWAYS)
        await studio.ready()
        await studio.send(later(coded(), by_s=100))

    gaps = studio.rows("SELECT from_us, until_us, reason FROM gaps")
    assert gaps == [(START_US + 4_000_000, START_US + 100_000_000, "stopped")]


async def test_outside_its_calendar_nothing_is_written(studio: Studio) -> None:
    studio.want(RecordingSpec(calendar=CLOSED))
    await studio.ready(RecordingState.WAITING)
    await studio.send(coded())

    assert list(studio.files()) == []


async def test_an_event_is_recorded_with_the_seconds_before_it(studio: Studio) -> None:
    studio.want(RecordingSpec(on_event=True, before_s=2, after_s=1))
    await studio.ready(RecordingState.ARMED)
    await studio.send(later(coded(), by_s=0))
    await studio.send(later(coded(), by_s=4))
    assert list(studio.files()) == []

    studio.recorder.trigger("p1")
    await studio.send(later(coded(), by_s=8))
    await studio.ready(RecordingState.ARMED)  # one second later nothing more is written

    [row] = await studio.stored(SEGMENTS, lambda rows: bool(rows) and not rows[0][3])
    # 8 s of pictures have come; the newest second of them was not finished when the event came.
    assert row[1] - START_US == 5_000_000
    assert row[2] >= START_US + 11_000_000


async def test_what_is_recorded_while_something_happens_is_of_another_kind(studio: Studio) -> None:
    studio.want(ALWAYS.model_copy(update={"after_s": 1}))
    await studio.ready()
    await studio.send(coded())

    studio.recorder.trigger("p1")
    await studio.send(later(coded(), by_s=4))
    await studio.send(later(coded(), by_s=8, session=2))

    kinds = await studio.stored("SELECT kind, last_us - first_us FROM segments ORDER BY id", lambda rows: len(rows) > 2)
    assert kinds[:2] == [("planned", 3_000_000), ("event", 5_000_000)]


async def test_a_full_disk_pauses_recording_and_says_so(tmp_path: Path) -> None:
    async with recording(tmp_path, limits=Limits(most_bytes=0, floor_bytes=1 << 60)) as studio:
        studio.want(ALWAYS)
        await studio.ready(RecordingState.PAUSED)
        await studio.send(coded())

        report = studio.recorder.report("p1")

    assert report is not None
    assert report.reason.startswith("disk_full: ")
    assert list(studio.files()) == []


async def test_a_disk_that_fails_is_told_and_recording_goes_on_when_it_works_again(studio: Studio) -> None:
    studio.want(ALWAYS)
    await studio.ready()
    folder = studio.recorder.settings.folder
    (folder / "p1").write_bytes(b"where the camera's folder should be")

    await studio.send(coded())
    await studio.ready(RecordingState.PAUSED)
    (folder / "p1").unlink()

    async def keep_sending() -> None:
        for number in range(1, 1000):
            await studio.send(later(coded(), by_s=4 * number))
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        sending = group.create_task(keep_sending())
        await until(lambda: studio.state() is RecordingState.RECORDING, within_s=60, what="recording again")
        sending.cancel()


async def test_a_damaged_index_is_made_again_from_the_files(tmp_path: Path) -> None:
    async with recording(tmp_path) as studio:
        studio.want(ALWAYS)
        await studio.ready()
        await studio.send(coded())
    before = studio.rows("SELECT id, path, first_us, last_us, size_bytes, mime, entries FROM segments")
    (tmp_path / "recordings.db").write_bytes(b"no database at all" * 1000)

    async with recording(tmp_path) as studio:
        await studio.stored(SEGMENTS, lambda rows: bool(rows) and not rows[0][3])

    assert studio.rows("SELECT id, path, first_us, last_us, size_bytes, mime, entries FROM segments") == before
    aside = await asyncio.to_thread(all_set_aside, tmp_path)
    assert [each.database for each in aside] == ["recordings"]
