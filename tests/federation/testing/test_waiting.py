"""Waits that tests rest on."""

import asyncio

import pytest

from federation.testing.waiting import NeverHappened, until, wait_until


async def test_until_returns_the_first_truthy_answer() -> None:
    answers = iter([None, 0, "here"])

    assert await until(lambda: next(answers), within_s=5, what="an answer") == "here"


async def test_until_awaits_a_coroutine_function() -> None:
    async def arrived() -> int:
        return 7

    assert await until(arrived, within_s=5, what="a number") == 7


async def test_until_names_what_did_not_happen() -> None:
    with pytest.raises(NeverHappened, match=r"within 0\.05 s: the flag is up \(last answer: False\)"):
        await until(lambda: False, within_s=0.05, what="the flag is up")


async def test_until_ends_although_the_condition_hangs() -> None:
    with pytest.raises(NeverHappened, match="an answer"):
        await until(asyncio.Event().wait, within_s=0.05, what="an answer")


def test_wait_until_needs_no_loop() -> None:
    answers = iter([None, "here"])

    assert wait_until(lambda: next(answers), within_s=5, what="an answer") == "here"


def test_wait_until_names_what_did_not_happen() -> None:
    with pytest.raises(NeverHappened, match="the flag is up"):
        wait_until(lambda: False, within_s=0.05, what="the flag is up")
