"""Access units over `streams.sock`: the real server and the real client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from appliance.local import DecodeLevel
from appliance.local.frames import CREDITS, AccessUnit, FrameSource
from appliance.local.sockets import STREAMS_SOCKET
from appliance.streams import access_unit
from appliance.streams.consumers import Consumers, serving
from appliance.streams.feeds import Feeds
from federation.testing.waiting import until

PARAMETERS = access_unit.CodecParameters(codec="h264", width_px=640, height_px=360)
WITHIN_S = 60.0


class Pulling:
    """A consumer with what it has got, and the feed that it is given from."""

    def __init__(self, feeds: Feeds, source: FrameSource, got: list[AccessUnit]) -> None:
        self.feeds = feeds
        self.source = source
        self.got = got
        self._sequence = 0

    def send(self, letters: str) -> None:
        """Send a unit of camera p1 per letter: K is a key unit, d is none."""
        for letter in letters:
            self._sequence += 1
            self.feeds.of("p1").send(
                access_unit.AccessUnit(
                    point_id="p1",
                    parameters=PARAMETERS,
                    session=1,
                    sequence=self._sequence,
                    key=letter == "K",
                    pts=self._sequence * 3600,
                    payload=letter.encode() * 100,
                    arrived_s=0.0,
                    arrived_at=datetime.now(UTC),
                )
            )

    def sequences(self) -> list[int]:
        return [unit.header.sequence for unit in self.got]

    async def attached(self, *, wants_all: bool) -> None:
        feed = self.feeds.of("p1")
        await until(
            lambda: bool(feed._sinks) and feed.wants_all is wants_all, within_s=WITHIN_S, what="the subscription"
        )


@asynccontextmanager
async def pulling(run_folder: Path) -> AsyncIterator[Pulling]:
    feeds, got = Feeds(), list[AccessUnit]()
    source = FrameSource(run_folder / STREAMS_SOCKET, got.append)
    async with serving(Consumers(feeds), run_folder), asyncio.TaskGroup() as group:
        running = group.create_task(source.run())
        yield Pulling(feeds, source, got)
        running.cancel()


async def test_the_newest_key_frame_comes_at_once_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async with pulling(tmp_path) as consumer:
        consumer.send("dKd")
        consumer.source.subscribe({"p1": DecodeLevel.KEYFRAME})
        await until(lambda: len(consumer.got) == 1, within_s=WITHIN_S, what="the newest key frame")

    unit = consumer.got[0]
    assert unit.payload == b"K" * 100
    assert (unit.header.sequence, unit.header.rtp_time, unit.header.width_px) == (2, 7200, 640)


async def test_credit_bounds_what_comes_and_the_drops_are_told(tmp_path: Path) -> None:
    limit = CREDITS[DecodeLevel.KEYFRAME]
    async with pulling(tmp_path) as consumer:
        consumer.source.subscribe({"p1": DecodeLevel.KEYFRAME})
        await consumer.attached(wants_all=False)
        consumer.send("K" * (limit + 3))
        await until(lambda: len(consumer.got) == limit, within_s=WITHIN_S, what="as many as there was credit for")
        consumer.source.done("p1")
        await until(lambda: _credits(consumer) == 1, within_s=WITHIN_S, what="credit")
        consumer.send("K")
        await until(lambda: len(consumer.got) == limit + 1, within_s=WITHIN_S, what="one more")

    assert consumer.got[-1].header.dropped == 3


async def test_a_level_is_raised_and_lowered_while_the_camera_is_pulled(tmp_path: Path) -> None:
    async with pulling(tmp_path) as consumer:
        consumer.source.subscribe({"p1": DecodeLevel.KEYFRAME})
        await consumer.attached(wants_all=False)
        consumer.send("Kdd")
        consumer.source.subscribe({"p1": DecodeLevel.FULL})
        await consumer.attached(wants_all=True)
        await until(lambda: len(consumer.got) == 2, within_s=WITHIN_S, what="the key frame, and the newest again")
        consumer.send("ddKdd")
        await until(lambda: len(consumer.got) == 5, within_s=WITHIN_S, what="all from the next key frame on")
        consumer.source.subscribe({"p1": DecodeLevel.KEYFRAME})
        await consumer.attached(wants_all=False)
        await until(lambda: len(consumer.got) == 6, within_s=WITHIN_S, what="the newest key frame again")
        consumer.send("dK")
        await until(lambda: len(consumer.got) == 7, within_s=WITHIN_S, what="a key frame")

    assert consumer.sequences() == [1, 1, 6, 7, 8, 6, 10]


async def test_a_consumer_that_speaks_nonsense_is_let_go_alone(tmp_path: Path) -> None:
    async with pulling(tmp_path) as consumer:
        consumer.source.subscribe({"p1": DecodeLevel.KEYFRAME})
        await consumer.attached(wants_all=False)
        for nonsense in (b"no json\n", b"[]\n", b'{"subscribe": "p1", "level": "x", "credits": 1}\n', b"9" * 99_999):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / STREAMS_SOCKET))
            writer.write(nonsense)
            async with asyncio.timeout(WITHIN_S):
                assert await reader.read() == b""
            writer.close()
        consumer.send("K")
        await until(lambda: len(consumer.got) == 1, within_s=WITHIN_S, what="a key frame all the same")


def _credits(consumer: Pulling) -> int:
    return sum(getattr(sink, "credits", 0) for sink in consumer.feeds.of("p1")._sinks)
