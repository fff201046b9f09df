"""Linux namespaces for the programs of one party: a network and a table of mounts that nobody else sees.

They have no name and belong to one sleeping process, which dies with this one, however that dies (`setpriv
--pdeathsig`). The kernel then takes back links, addresses, rules and mounts: nothing is left behind to be tidied up,
and nothing of the machine's own network is ever touched.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hil_tests.network.errors import NetworkError

ANSWER_WITHIN_S = 60.0
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # a program that is started so does not outlive this one
SLEEPER = (*DIES_WITH_US, "unshare", "--net", "--mount", "sh", "-c", "echo made; exec sleep infinity")
NEEDED = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables", "setpriv": "util-linux", "unshare": "util-linux"}
PLACES = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"  # sbin is not on everybody's PATH


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The namespaces that process `pid` holds; made by `cell`."""

    pid: int

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command that runs `words` in here, as the same process."""
        return ("nsenter", f"--net=/proc/{self.pid}/ns/net", f"--mount=/proc/{self.pid}/ns/mnt", "--", *words)

    def seen(self, path: Path) -> Path:
        """Return how this process sees the file or folder that is `path` in here."""
        return Path(f"/proc/{self.pid}/root{path}")

    async def run(self, *words: str, text: str = "") -> str:
        """Run a short command in here with `text` as its input; return its output, or raise NetworkError."""
        return await _run(*self.command(*words), text=text)


@asynccontextmanager
async def cell() -> AsyncIterator[Cell]:
    """Make namespaces for as long as the context is open; raise NetworkError where that is not permitted."""
    sleeper = await asyncio.create_subprocess_exec(
        *SLEEPER, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert sleeper.stdout is not None and sleeper.stderr is not None  # noqa: S101, PT018 - they are pipes
    try:
        if await asyncio.wait_for(sleeper.stdout.readline(), ANSWER_WITHIN_S) != b"made\n":
            said = (await asyncio.wait_for(sleeper.stderr.read(), ANSWER_WITHIN_S)).decode(errors="replace").strip()
            raise NetworkError(said or "namespaces cannot be made")
        made = Cell(pid=sleeper.pid)
        await made.run("ip", "link", "set", "lo", "up")
        yield made
    finally:
        if sleeper.returncode is None:
            sleeper.kill()
        await sleeper.wait()


async def why_not() -> str:
    """Return why namespaces cannot be made here, in a few words; nothing if they can."""
    missing = sorted({package for name, package in NEEDED.items() if shutil.which(name, path=PLACES) is None})
    if missing:
        return f"not installed: {', '.join(missing)}"
    try:
        async with cell():
            return ""
    except NetworkError as error:
        return str(error).splitlines()[-1]


async def _run(*command: str, text: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": PLACES},
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(text.encode()), ANSWER_WITHIN_S)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise NetworkError(f"no end of: {' '.join(command)}") from error
    if process.returncode != 0:
        raise NetworkError(f"{' '.join(command)}: {err.decode(errors='replace').strip()}")
    return out.decode()
