"""An artifact of some chunks, who serves it, and a box that wants it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from appliance.artifacts.holdings import Holdings
from appliance.artifacts.neighbours import Neighbourly, Nobody
from appliance.artifacts.pacing import Limit, Pacing, no_limit
from appliance.artifacts.progress import Wanted
from appliance.artifacts.sources import Source
from appliance.artifacts.transfer import Patience
from appliance.artifacts.transfers import Transfers
from federation.artifacts import ArtifactManifest, Label, SignedManifest, describe
from federation.messages import ArtifactReport, ArtifactState
from federation.testing.played_source import HUB_KEY, PlayedSource, played_source, signed_by
from federation.testing.waiting import until

CHUNK = 64 * 1024
LABEL = Label(kind="dataset", name="street", version="1")
WITHIN_S = 90


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A file with its manifest."""

    path: Path
    content: bytes
    manifest: ArtifactManifest

    @property
    def signed(self) -> SignedManifest:
        return signed_by(HUB_KEY, self.manifest)

    @property
    def wanted(self) -> Wanted:
        manifest = self.manifest
        return Wanted(
            digest=manifest.digest,
            size_bytes=manifest.size_bytes,
            kind=manifest.kind,
            name=manifest.name,
            version=manifest.version,
        )


def noise(seed: int, size_bytes: int) -> bytes:
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - a test repeats itself


async def artifact_of(path: Path, content: bytes, label: Label = LABEL) -> "Artifact":
    return await asyncio.to_thread(make_artifact, path, content, label)


def make_artifact(path: Path, content: bytes, label: Label = LABEL) -> Artifact:
    path.write_bytes(content)
    manifest = describe(path, label, noted=lambda _done: None, chunk_bytes=CHUNK)
    return Artifact(path=path, content=content, manifest=manifest)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    """One of eleven chunks, the last a short one."""
    return make_artifact(tmp_path / "street-1", noise(1, 10 * CHUNK + 100))


@pytest.fixture
async def hub(artifact: Artifact) -> AsyncIterator[PlayedSource]:
    async with played_source(artifact.path, artifact.manifest) as served:
        yield served


@dataclass(kw_only=True)
class Box:
    """A box that fetches; `reports` are those it told last."""

    holdings: Holdings
    transfers: Transfers
    wanted: list[Wanted]
    arrivals: int = 0
    reports: tuple[ArtifactReport, ...] = ()
    told: list[ArtifactReport] = field(default_factory=list)

    def want(self, *wanted: Wanted) -> None:
        self.wanted[:] = wanted
        self.transfers.wake()

    async def reaches(self, state: ArtifactState, *, reason: str = "", within_s: float = WITHIN_S) -> ArtifactReport:
        """Wait until the first wanted artifact is in that state for that reason, and return its report."""

        def found() -> ArtifactReport | None:
            reports = self.transfers.reports()
            match = reports and reports[0].state is state and reports[0].reason.startswith(reason)
            return reports[0] if match else None

        answer = await until(found, within_s=within_s, what=f"the artifact is {state}: {reason}")
        assert answer is not None
        return answer


@asynccontextmanager
async def fetching(
    folder: Path,
    hub_url: str,
    *wanted: Wanted,
    limit: Limit = no_limit,
    idle_s: float = 5.0,
    free_bytes: int | None = None,
    neighbours: Neighbourly | None = None,
    node_id: str = "box-1",
    look_again_s: float = 0.1,
    turn_s: float = 0.5,
) -> AsyncIterator[Box]:
    """A box that fetches what is `wanted` from a hub at `hub_url` into `folder`."""
    holdings = Holdings(root=folder) if free_bytes is None else _Cramped(root=folder, room=[free_bytes])
    wishes = list(wanted)

    async def arrived() -> None:
        box.arrivals += 1

    def tell(reports: tuple[ArtifactReport, ...]) -> None:
        box.reports = reports
        box.told.extend(reports)

    async with aiohttp.ClientSession(auto_decompress=False) as session, asyncio.TaskGroup() as group:
        source = Source(name="hub", url=hub_url, session=session, pacing=Pacing(limit), idle_s=idle_s)
        transfers = Transfers(
            holdings=holdings,
            hub=source,
            key=lambda: HUB_KEY.key.public,
            profile="analysis",
            at_once=2,
            wanted=lambda: tuple(wishes),
            arrived=arrived,
            tell=tell,
            node_id=node_id,
            neighbours=neighbours or Nobody(),
            patience=Patience(
                start_within_s=0,
                first_pause_s=0.2,
                longest_pause_s=0.4,
                space_pause_s=0.2,
                turn_s=turn_s,
                look_again_s=look_again_s,
            ),
        )
        box = Box(holdings=holdings, transfers=transfers, wanted=wishes)
        running = group.create_task(transfers.run())
        try:
            yield box
        finally:
            running.cancel()


@dataclass(frozen=True, kw_only=True)
class _Cramped(Holdings):
    """A folder on a disk with so much room left, less what is held."""

    room: list[int]

    def free_bytes(self) -> int:
        super().free_bytes()
        return self.room[0] - sum(path.stat().st_blocks * 512 for path in self.root.iterdir())
