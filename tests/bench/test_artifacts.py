"""An artifact of any size through a fetching process whose address space is bounded: time, CPU, memory.

`make bench ARGS="-k artifact --artifact-mb 5000"` is the size of the largest dataset; without it, 500 MB.
"""

import asyncio
import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from federation.testing.played_source import played_source
from tests.appliance.artifacts.test_memory import MOST_RSS_MB, fetcher, large_file

if TYPE_CHECKING:
    from tests.bench.conftest import Notebook


pytestmark = pytest.mark.bench


def copied_mb_per_s(source: Path, target: Path, megabytes: int) -> float:
    """Read a file and write it durably, and nothing else."""
    began_s = time.perf_counter()
    with source.open("rb") as reading, target.open("wb") as writing:
        while piece := reading.read(4 << 20):
            writing.write(piece)
        writing.flush()
    target.unlink()
    return megabytes / (time.perf_counter() - began_s)


def digesting_s(megabytes: int = 64) -> float:
    """How many CPU seconds both digests of a gigabyte take."""
    content = bytes(megabytes * 10**6)
    began_s = time.process_time()
    hashlib.sha256(content).hexdigest()
    hashlib.new("sm3", content).hexdigest()
    return (time.process_time() - began_s) * 1000 / megabytes


async def test_an_artifact_is_fetched_over_loopback(
    tmp_path: Path, notebook: "Notebook", pytestconfig: pytest.Config
) -> None:
    megabytes = int(pytestconfig.getoption("--artifact-mb"))
    path = tmp_path / "large"
    manifest = await asyncio.to_thread(large_file, path, megabytes)
    plain = await asyncio.to_thread(copied_mb_per_s, path, tmp_path / "copy", megabytes)
    async with played_source(path, manifest) as hub:
        answer, _ = await (await fetcher(tmp_path / "box", hub)).communicate()
    figures = json.loads(answer)
    print(f"{megabytes} MB: {figures}")

    speed = megabytes / figures["wall_s"]
    notebook.note("artifact over loopback", speed, "MB/s", baseline=plain, baseline_is="a plain copy")
    cpu_s = figures["cpu_s"] / megabytes * 1000
    digests_s = await asyncio.to_thread(digesting_s)
    notebook.note("CPU a gigabyte fetched", cpu_s, "s", baseline=digests_s, baseline_is="its digests", better="lower")
    assert figures["state"] == "held"
    assert figures["peak_rss_mb"] < MOST_RSS_MB
