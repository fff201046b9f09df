"""However large an artifact is, fetching it takes little memory; whoever is killed goes on where the disk says."""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

from federation.artifacts import CHUNK_BYTES, ArtifactManifest, Label, describe, digest_of_file
from federation.testing.played_source import PlayedSource, played_source
from federation.testing.waiting import until
from tests.appliance.artifacts.conftest import Artifact

FETCHER = Path(__file__).with_name("fetcher.py")
MEGABYTES = 256
MOST_RSS_MB = 150
MOST_ADDRESS_SPACE_MB = 512  # what the agent may ever take: a box with as much free memory fetches any size
LABEL = Label(kind="dataset", name="large", version="1")


def large_file(path: Path, megabytes: int) -> ArtifactManifest:
    """Make a sparse file, each chunk of which is another one."""
    with path.open("wb") as file:
        file.truncate(megabytes * 10**6)
        for start in range(0, megabytes * 10**6, CHUNK_BYTES):
            file.seek(start)
            file.write(start.to_bytes(8, "big")[: megabytes * 10**6 - start])
    return describe(path, LABEL, noted=lambda _done: None)


async def fetcher(folder: Path, source: PlayedSource) -> asyncio.subprocess.Process:
    wanted = Artifact(path=source.path, content=b"", manifest=source.manifest).wanted
    described = folder.with_suffix(".json")
    await asyncio.to_thread(described.write_text, json.dumps(dataclasses.asdict(wanted)))
    words = [
        str(FETCHER),
        str(folder),
        source.url,
        str(described),
        str(MOST_ADDRESS_SPACE_MB),
        source.key.key.public.to_pem(),
    ]
    return await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)


async def test_a_quarter_of_a_gigabyte_comes_with_little_memory_also_after_a_kill(tmp_path: Path) -> None:
    manifest = await asyncio.to_thread(large_file, tmp_path / "large", MEGABYTES)
    async with played_source(tmp_path / "large", manifest) as hub:
        first = await fetcher(tmp_path / "box", hub)
        await until(lambda: hub.sent_bytes > 20 * CHUNK_BYTES, within_s=120, what="a part has come")
        first.kill()
        await first.communicate()
        second = await fetcher(tmp_path / "box", hub)
        async with asyncio.timeout(240):
            answer, _ = await second.communicate()
        figures = json.loads(answer)

        assert figures["state"] == "held"
        assert figures["peak_rss_mb"] < MOST_RSS_MB
        assert hub.sent_bytes <= manifest.size_bytes + 2 * CHUNK_BYTES  # two connections lose a chunk each
        place = tmp_path / "box" / manifest.digest.removeprefix("sha256:")
        assert await asyncio.to_thread(digest_of_file, place) == manifest.digest
