"""Programs that are kept running."""

import os
from pathlib import Path

import pytest

from federation.testing.waiting import until
from hil_tests.chaos.errors import ChaosError
from hil_tests.chaos.program import Program, kept_running

WITHIN_S = 60.0
SLEEP = ["sleep", "1000"]


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def started(program: Program, count: int) -> int:
    await until(lambda: program.starts >= count and program.pid, within_s=WITHIN_S, what=f"start {count}")
    assert program.pid is not None
    return program.pid


async def test_what_is_killed_starts_again_and_ends_with_its_context(tmp_path: Path) -> None:
    async with kept_running(SLEEP, tmp_path / "log") as program:
        first = await started(program, 1)
        program.kill()
        second = await started(program, 2)
        assert first != second

    assert not runs(second)


async def test_what_is_held_stays_down_until_it_is_released(tmp_path: Path) -> None:
    async with kept_running(SLEEP, tmp_path / "log") as program:
        await started(program, 1)

        await program.hold()
        assert program.pid is None
        program.release()

        await started(program, 2)


async def test_a_program_gets_its_environment_and_its_words_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with kept_running(["sh", "-c", "echo $WORD; exec sleep 1000"], log, {"WORD": "beacon"}) as program:
        await started(program, 1)
        await until(lambda: log.read_text() == "beacon\n", within_s=WITHIN_S, what="the word")


async def test_what_fails_inside_leaves_as_it_is(tmp_path: Path) -> None:
    async def fail() -> None:
        async with kept_running(SLEEP, tmp_path / "log") as program:
            await started(program, 1)
            raise ChaosError("no end")

    with pytest.raises(ChaosError, match="no end"):
        await fail()
