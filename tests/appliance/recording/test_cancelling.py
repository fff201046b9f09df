"""A write that has begun is done to its end, and whoever was told to end meanwhile ends after it."""

import asyncio

from appliance.recording.shelf import finished


async def test_a_cancellation_during_writes_counts_once_they_are_done() -> None:
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()
    written: list[str] = []

    async def record() -> None:
        written.append(await finished(first))
        written.append(await finished(second))
        await asyncio.Event().wait()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        recording = group.create_task(record())
        await asyncio.sleep(0)
        recording.cancel()
        await asyncio.sleep(0)
        first.set_result("fragment")
        second.set_result("index")

    assert written == ["fragment", "index"]
    assert recording.cancelled()
