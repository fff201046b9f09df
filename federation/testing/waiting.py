"""Waits of tests: poll until something has happened, or say in one sentence what did not."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

T = TypeVar("T")

_PAUSE_S = 0.02


class NeverHappened(AssertionError):
    """What a test waited for did not happen in the time that it was given."""


@overload
async def until(condition: Callable[[], Awaitable[T]], *, within_s: float, what: str) -> T: ...
@overload
async def until(condition: Callable[[], T], *, within_s: float, what: str) -> T: ...
async def until(condition: Callable[[], object], *, within_s: float, what: str) -> object:
    """Return the first truthy answer of `condition`, which may be a plain or a coroutine function.

    Raises NeverHappened after `within_s` seconds, naming `what`; a condition that itself hangs is cancelled.
    """
    last: object = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                answer = condition()
                last = await cast("Awaitable[object]", answer) if inspect.isawaitable(answer) else answer
                if last:
                    return last
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError as late:
        raise NeverHappened(_sentence(what, within_s, last)) from late


def wait_until(condition: Callable[[], T], *, within_s: float, what: str) -> T:
    """Return the first truthy answer of `condition`, as `until` does, for tests without a loop.

    Raises NeverHappened after `within_s` seconds; it cannot interrupt a condition that hangs.
    """
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise NeverHappened(_sentence(what, within_s, answer))
        time.sleep(_PAUSE_S)
    return answer


def _sentence(what: str, within_s: float, last: object) -> str:
    return f"did not happen within {within_s:g} s: {what} (last answer: {last!r})"
