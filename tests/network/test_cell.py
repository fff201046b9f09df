"""Namespaces that leave nothing behind, and disks that are full."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from federation.testing.waiting import until
from hil_tests.network.cell import Cell, cell, why_not
from hil_tests.network.errors import NetworkError
from hil_tests.network.ground import Ground
from tests.network.conftest import program

HELD = """
import asyncio
from hil_tests.network.cell import cell
async def hold():
    async with cell() as held:
        print(held.pid, flush=True)
        await asyncio.sleep(1000)
asyncio.run(hold())
"""


@pytest.fixture
async def lone() -> AsyncIterator[Cell]:
    if reason := await why_not():
        pytest.skip(f"no namespaces here: {reason}")
    async with cell() as made:
        yield made


async def test_a_cell_has_a_network_of_its_own(lone: Cell) -> None:
    devices = await lone.run("ip", "-brief", "link")

    assert [line.split()[0] for line in devices.splitlines()] == ["lo"]
    assert "UNKNOWN" in devices  # which is how Linux says that a loopback device is up


async def test_a_command_that_fails_says_what_it_was(lone: Cell) -> None:
    with pytest.raises(NetworkError, match=r"ip link set nowhere up: .*nowhere"):
        await lone.run("ip", "link", "set", "nowhere", "up")


async def test_a_cell_dies_with_a_run_that_is_killed(lone: Cell) -> None:
    async with program((sys.executable, "-c", HELD)) as run:
        held = int(await run.hear())
        namespace = await asyncio.to_thread(Path(f"/proc/{held}/ns/net").readlink)
        assert namespace != await asyncio.to_thread(Path("/proc/self/ns/net").readlink)
        inside = await asyncio.to_thread(processes_in, namespace)

        run.process.send_signal(signal.SIGKILL)

        await until(lambda: not Path(f"/proc/{held}").exists(), within_s=60, what="the sleeper is gone")
    assert held in inside
    # Linux gives the number of one that is gone to the next that somebody makes: those within would still be there.
    assert not inside & await asyncio.to_thread(processes_in, namespace)


def processes_in(namespace: Path) -> set[int]:
    """Return the processes whose network namespace it is."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        with suppress(OSError):  # a process that has just ended
            if link.readlink() == namespace:
                found.add(int(link.parts[2]))
    return found


WRITER = """
import os, sys
for line in sys.stdin:
    try:
        descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, bytes(65536))
        print("written", flush=True)
    except OSError as error:
        print("full", flush=True)
    finally:
        os.close(descriptor)
"""


async def test_nothing_is_written_to_a_full_disk_until_there_is_room_again(ground: Ground, tmp_path: Path) -> None:
    async with ground.party() as box:
        disk = await box.disk(tmp_path)
        # A process that may not write further gets a signal, which Python ignores as our agents do.
        async with program(box.command(sys.executable, "-c", WRITER, str(tmp_path / "file"))) as writer:
            said = []
            for full in (False, True, False):
                await disk.fill(full=full, writer=writer.process.pid)
                writer.say("write")
                said.append(await writer.hear())

        assert said == ["written", "full", "written"]
        assert (disk.seen / "file").stat().st_size >= 2 * 65536
