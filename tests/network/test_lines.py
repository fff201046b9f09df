"""The line between a box and the hub, and that between hub and broker, made of relays or of packets."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress

import pytest

from hil_tests.network.ground import Ground
from hil_tests.network.weather import FAIR, SLOW_BYTES_PER_S, Sky, Weather, Wire
from tests.network.conftest import Talk, echo_at, speaker_to

SILENCE_S = 0.4
LONG = "x" * 30_000  # more than the bucket of a slow line takes at once


@asynccontextmanager
async def line_of_a_box(ground: Ground) -> AsyncIterator[tuple[Wire, Talk]]:
    """Give the line of a box, and its talk with a server of the centre."""
    async with AsyncExitStack() as stack:
        (endpoint,) = ground.centre.listening(1)
        server = await stack.enter_async_context(echo_at(ground.centre.command, endpoint))
        assert await server.hear() == "listening"
        box = await stack.enter_async_context(ground.party())
        speaker = await stack.enter_async_context(speaker_to(box.command, await box.reach(endpoint)))
        assert await speaker.hear() == "connected"
        yield box.wire, speaker


@asynccontextmanager
async def line_to_the_broker(ground: Ground) -> AsyncIterator[tuple[Wire, Talk]]:
    """Give the line between hub and broker, and a talk over it."""
    async with AsyncExitStack() as stack:
        (endpoint,) = ground.centre.listening(1)
        server = await stack.enter_async_context(echo_at(ground.centre.command, endpoint))
        assert await server.hear() == "listening"
        (found,) = await ground.centre.broker_line(endpoint)
        speaker = await stack.enter_async_context(speaker_to(ground.centre.command, found))
        assert await speaker.hear() == "connected"
        yield ground.centre.wire, speaker


Line = Callable[[Ground], AbstractAsyncContextManager[tuple[Wire, Talk]]]
LINES = pytest.mark.parametrize("line", [line_of_a_box, line_to_the_broker])


@LINES
@pytest.mark.parametrize("weather", [FAIR, Weather(sky=Sky.LOSSY, loss_percent=20)])
async def test_what_is_said_arrives_even_where_packets_are_lost(line: Line, weather: Weather, ground: Ground) -> None:
    async with line(ground) as (wire, speaker):
        await wire.become(weather)
        for number in range(5):
            speaker.say(f"line {number}")
            assert await speaker.hear() == f"line {number}"


async def test_a_slow_line_takes_its_time(ground: Ground) -> None:
    async with line_of_a_box(ground) as (wire, speaker):
        await wire.become(Weather(sky=Sky.SLOW))
        began = time.monotonic()
        speaker.say(LONG)

        assert await speaker.hear() == LONG
        assert time.monotonic() - began > len(LONG) / SLOW_BYTES_PER_S / 2
        await wire.become(FAIR)
        speaker.say("quick")
        assert await speaker.hear() == "quick"


@LINES
@pytest.mark.parametrize("sky", [Sky.SILENT, Sky.DEAF, Sky.MUTE])
async def test_what_vanishes_is_told_to_nobody(line: Line, sky: Sky, ground: Ground) -> None:
    async with line(ground) as (wire, speaker):
        await wire.become(Weather(sky=sky))
        speaker.say("is there anybody?")
        with pytest.raises(TimeoutError):
            await speaker.hear(within_s=SILENCE_S)

        await wire.become(FAIR)

        # Packets are sent again; a relay has swallowed bytes, and resets what is no longer whole.
        assert await speaker.hear() in {"is there anybody?", "gone"}


@LINES
async def test_nothing_passes_a_cut_line(line: Line, ground: Ground) -> None:
    async with line(ground) as (wire, speaker):
        await wire.become(Weather(sky=Sky.CUT))
        speaker.say("is there anybody?")

        # A cable that is pulled tells nobody; where the line can tell, both ends are told.
        told = ""
        with suppress(TimeoutError):
            told = await speaker.hear(within_s=SILENCE_S)
        assert told in {"", "gone"}
        await wire.become(FAIR)
        assert told or await speaker.hear() in {"is there anybody?", "gone"}


async def test_a_cut_line_hurts_one_box_alone(ground: Ground) -> None:
    async with AsyncExitStack() as stack:
        (endpoint,) = ground.centre.listening(1)
        server = await stack.enter_async_context(echo_at(ground.centre.command, endpoint))
        assert await server.hear() == "listening"
        first = await stack.enter_async_context(ground.party())
        second = await stack.enter_async_context(ground.party())
        speaker = await stack.enter_async_context(speaker_to(second.command, await second.reach(endpoint)))
        assert await speaker.hear() == "connected"

        await first.wire.become(Weather(sky=Sky.CUT))

        speaker.say("hello")
        assert await speaker.hear() == "hello"
