"""Looks after a neighbour when the hub asks whether it answers on the local network."""

import asyncio
import logging
import ssl
from collections.abc import Callable

import aiohttp

from federation.messages import Ask, WitnessAnswer

log = logging.getLogger(__name__)

WAITING_QUESTIONS = 8
AT_ONCE = 2
HEALTH_PATH = "/healthz"


class Witness:
    """Answers the hub's questions, two at a time; what finds no room is dropped and counted."""

    def __init__(self, node_id: str, tell: Callable[[WitnessAnswer], None]) -> None:
        """Testify as `node_id` through `tell`."""
        self.dropped = 0
        self.asked = 0
        self._node_id = node_id
        self._tell = tell
        self._waiting: asyncio.Queue[Ask] = asyncio.Queue(WAITING_QUESTIONS)

    def take(self, ask: Ask) -> None:
        """Note a question."""
        self.asked += 1
        if self._waiting.full():
            self.dropped += 1
            return
        self._waiting.put_nowait(ask)

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(AT_ONCE):
                group.create_task(self._answer_forever(), name=f"witness {number + 1}")

    async def _answer_forever(self) -> None:
        while True:
            ask = await self._waiting.get()
            reached, detail = await probe(ask.urls, within_s=ask.within_s)
            log.info("looked after %s: %s", ask.about, detail)
            self._tell(
                WitnessAnswer(
                    node_id=self._node_id, ask_id=ask.id, about=ask.about, reached=reached, detail=detail[:200]
                )
            )


async def probe(urls: tuple[str, ...], *, within_s: float) -> tuple[bool, str]:
    """Tell whether an agent answers at one of the addresses within so many seconds, and how: one is enough."""
    timeout = aiohttp.ClientTimeout(total=within_s)
    reached, found = False, dict.fromkeys(urls, "is not waited for")
    session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
    async with session, asyncio.TaskGroup() as group:
        knocks = [group.create_task(_knock(session, url)) for url in found]
        for knock in asyncio.as_completed(knocks):
            url, reached, found[url] = await knock
            if reached:
                break
        for each in knocks:
            each.cancel()
    return reached, "; ".join(f"{url} {detail}" for url, detail in found.items())


async def _knock(session: aiohttp.ClientSession, url: str) -> tuple[str, bool, str]:
    # The question is whether anybody lives there, not who: no certificate is asked for.
    try:
        async with session.get(url + HEALTH_PATH, allow_redirects=False, ssl=False) as answer:
            return url, answer.status == 200, f"answers {answer.status}"
    except TimeoutError:
        return url, False, "does not answer"
    except (aiohttp.ClientError, OSError, ValueError, ssl.SSLError) as error:
        return url, False, type(error).__name__
