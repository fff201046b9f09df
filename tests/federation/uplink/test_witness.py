"""A box that looks after its neighbours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from pydantic import ValidationError

from federation.messages import Ask, WitnessAnswer
from federation.testing.ports import reserved
from federation.testing.waiting import until
from federation.uplink.witness import AT_ONCE, WAITING_QUESTIONS, Witness, probe


@asynccontextmanager
async def neighbour(status: int, *, hangs: bool = False) -> AsyncIterator[str]:
    """Serve /healthz with this status, or not at all; give the address."""
    released = asyncio.Event()

    async def health(_request: web.Request) -> web.Response:
        if hangs:
            await released.wait()
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/healthz", health)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        released.set()
        await runner.cleanup()


@pytest.mark.parametrize(("status", "reached"), [(200, True), (404, False), (302, False), (500, False)])
async def test_a_neighbour_is_reached_if_its_health_page_says_so(status: int, *, reached: bool) -> None:
    async with neighbour(status) as url:
        assert await probe((url,), within_s=60) == (reached, f"{url} answers {status}")


async def test_one_address_of_several_is_enough_and_nobody_is_waited_for_beyond_the_limit() -> None:
    with reserved(1) as (closed,):
        async with neighbour(200) as answers, neighbour(200, hangs=True) as hangs:
            dead = f"http://127.0.0.1:{closed}"

            assert await probe((hangs, answers), within_s=3600) == (
                True,
                f"{hangs} is not waited for; {answers} answers 200",
            )
            reached, detail = await probe((dead, hangs), within_s=1)

    assert reached is False
    assert detail == f"{dead} ClientConnectorError; {hangs} does not answer"


async def test_questions_are_answered_in_the_witnesses_name_and_their_number_is_bounded() -> None:
    told: list[WitnessAnswer] = []
    witness = Witness("w", told.append)
    async with neighbour(200) as url, asyncio.TaskGroup() as group:
        for number in range(WAITING_QUESTIONS + 3):
            witness.take(Ask(id=str(number), about="n", urls=(url,), within_s=10))
        running = group.create_task(witness.run())
        await until(lambda: len(told) == WAITING_QUESTIONS, within_s=60, what="all that had room are answered")
        running.cancel()

    assert (witness.dropped, AT_ONCE < WAITING_QUESTIONS) == (3, True)
    assert {(said.node_id, said.about, said.reached) for said in told} == {("w", "n", True)}


@pytest.mark.parametrize(
    "url", ["http://gate.example:80", "file:///etc/passwd", "http://10.0.0.1:80/admin", "http://u@10.0.0.1:80", ""]
)
def test_nobody_can_be_sent_anywhere_but_to_the_health_page_of_an_address(url: str) -> None:
    with pytest.raises(ValidationError):
        Ask(id="1", about="n", urls=(url,))
