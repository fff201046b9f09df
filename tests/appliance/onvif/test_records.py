"""What a camera tells of its own record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from appliance.onvif import Device, NotOnvif, NotSupported
from hil_tests.rig.onvif import OwnRecord, served
from hil_tests.rig.onvif import answers as rig
from tests.appliance.onvif.test_device import USER, camera

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
RECORD = OwnRecord(token="card<&>1", url="rtsp://127.0.0.1:8554/east/record", first=NOW - HOUR)


@asynccontextmanager
async def device(*records: OwnRecord, answer: str = "") -> AsyncIterator[Device]:
    simulated = camera()
    simulated.records = records
    async with served(simulated) as on_air, aiohttp.ClientSession() as session:
        made = Device(session, on_air.url, USER)
        await made.records().all() if records else None
        if answer:
            simulated.become(answers=rig.message(answer))
        yield made


async def test_the_record_that_holds_a_stretch_is_found_with_its_address() -> None:
    async with device(RECORD) as asked:
        found = await asked.records().holding(NOW - HOUR / 2, NOW)
        before = await asked.records().holding(NOW - 3 * HOUR, NOW - 2 * HOUR)
        assert found is not None
        url = await asked.records().replay_url(found.token)

    assert (found.token, found.first, before) == (RECORD.token, RECORD.first, None)
    assert url == RECORD.url


async def test_a_device_with_records_of_several_cameras_is_not_guessed_at() -> None:
    other = OwnRecord(token="2", url="rtsp://127.0.0.1:8554/west/record", first=NOW - HOUR)
    async with device(RECORD, other) as asked:
        with pytest.raises(NotSupported, match="several cameras"):
            await asked.records().holding(NOW - HOUR / 2, NOW)


async def test_a_camera_without_a_record_says_so() -> None:
    async with device() as asked:
        with pytest.raises(NotSupported, match="keeps no record"):
            await asked.records().all()


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "９９"])
async def test_a_time_that_is_none_is_refused(text: str) -> None:
    answer = (
        "<tse:GetRecordingSearchResultsResponse><tse:ResultList><tt:SearchState>Completed</tt:SearchState>"
        f"<tt:RecordingInformation><tt:RecordingToken>1</tt:RecordingToken><tt:EarliestRecording>{text}"
        "</tt:EarliestRecording><tt:Track><tt:TrackType>Video</tt:TrackType></tt:Track></tt:RecordingInformation>"
        "</tse:ResultList></tse:GetRecordingSearchResultsResponse>"
    )
    async with device(RECORD, answer=answer) as asked:
        with pytest.raises(NotOnvif, match="time of its record"):
            await asked.records().all()
