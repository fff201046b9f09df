"""A process that fetches one artifact from `URL` into `FOLDER`, as an agent does, and prints what that took as JSON.

    python fetcher.py FOLDER URL WANTED.json MEMORY_MB KEY_PEM

Its address space is bounded by MEMORY_MB.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import aiohttp

from appliance.artifacts.holdings import Holdings
from appliance.artifacts.progress import Wanted
from appliance.artifacts.sources import Source
from appliance.artifacts.transfer import Patience
from appliance.artifacts.transfers import Transfers
from federation.crypto import PublicKey
from federation.messages import ArtifactReport


async def fetch(folder: Path, url: str, wanted: Wanted, key: PublicKey) -> ArtifactReport:
    there = asyncio.Event()

    async def arrived() -> None:
        there.set()

    async with aiohttp.ClientSession(auto_decompress=False) as session, asyncio.TaskGroup() as group:
        transfers = Transfers(
            holdings=Holdings(root=folder),
            hub=Source(name="hub", url=url, session=session),
            key=lambda: key,
            profile="analysis",
            at_once=1,
            wanted=lambda: (wanted,),
            arrived=arrived,
            tell=lambda _reports: None,
            patience=Patience(start_within_s=0),
        )
        running = group.create_task(transfers.run())
        await there.wait()
        running.cancel()
        return transfers.reports()[0]


def peak_rss_mb() -> float:
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    raise AssertionError("this kernel does not tell the peak of memory")


def main() -> None:
    folder, url, described, memory_mb, pem = sys.argv[1:]
    bound = int(memory_mb) * 10**6
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    began_s = time.monotonic()
    wanted = Wanted(**json.loads(Path(described).read_text("utf-8")))
    report = asyncio.run(fetch(Path(folder), url, wanted, PublicKey.from_pem(pem)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "state": report.state,
        "hub_bytes": report.hub_bytes,
        "wall_s": round(time.monotonic() - began_s, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "peak_rss_mb": round(peak_rss_mb(), 1),
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
