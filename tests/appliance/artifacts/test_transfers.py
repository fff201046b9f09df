"""A box brings what is wanted, whatever its source does."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.artifacts.holdings import SPARE_VERSIONS, Holdings
from federation.artifacts import Label
from federation.messages import ArtifactState
from federation.testing.played_source import Fault, PlayedSource, played_source
from federation.testing.waiting import until
from tests.appliance.artifacts.conftest import CHUNK, WITHIN_S, Artifact, artifact_of, fetching, noise


async def test_an_artifact_comes_chunk_by_chunk_and_each_byte_once(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource
) -> None:
    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        report = await box.reaches(ArtifactState.HELD)

        place = box.holdings.place(artifact.manifest.digest)
        assert await asyncio.to_thread(place.read_bytes) == artifact.content
        assert hub.sent_bytes == len(artifact.content) == report.hub_bytes == report.held_bytes
        assert all(asked.length_bytes <= CHUNK for asked in hub.ranges)
        assert hub.most_at_once <= 2
        await until(lambda: box.arrivals == 1, within_s=WITHIN_S, what="the arrival is told")
        assert box.reports[0].state is ArtifactState.HELD


async def test_what_is_here_is_not_fetched_again(tmp_path: Path, artifact: Artifact, hub: PlayedSource) -> None:
    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        await box.reaches(ArtifactState.HELD)
    asked = len(hub.ranges)

    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        await until(lambda: box.reports, within_s=WITHIN_S, what="the box tells what it has")

        assert (box.reports[0].state, len(hub.ranges)) == (ArtifactState.HELD, asked)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.LIES, "source_lies"),
        (Fault.WRONG_RANGE, "source_lies"),
        (Fault.WHOLE, "source_lies"),
        (Fault.SHORT, "source_lies"),
        (Fault.STALLS, "source_away"),
        (Fault.CUTS, "source_away"),
        (Fault.REFUSES, "source_refuses"),
        (Fault.REDIRECTS, "source_refuses"),
    ],
)
async def test_a_fault_of_the_source_is_told_and_nothing_of_it_is_kept(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, fault: Fault, code: str
) -> None:
    hub.fault = fault
    async with fetching(tmp_path / "box", hub.url, artifact.wanted, idle_s=0.3) as box:
        told = await box.reaches(ArtifactState.WAITING, reason=code)
        hub.fault = Fault.NONE

        assert told.held_bytes == 0
        await box.reaches(ArtifactState.HELD)
        place = box.holdings.place(artifact.manifest.digest)
        assert await asyncio.to_thread(place.read_bytes) == artifact.content


@pytest.mark.parametrize(
    "body", [b"{}", b"\xff" * 100, b"[" * 100_000, b" " * (5 * 2**20)], ids=["empty", "no text", "deep", "long"]
)
async def test_an_absurd_manifest_is_told_and_asked_for_again(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, body: bytes
) -> None:
    hub.manifest_body = body
    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        await box.reaches(ArtifactState.WAITING, reason="source_lies")
        hub.manifest_body = b""

        await box.reaches(ArtifactState.HELD)


async def test_a_hub_that_is_away_for_a_while_goes_on_where_it_ended(tmp_path: Path, artifact: Artifact) -> None:
    async with played_source(artifact.path, artifact.manifest) as hub:
        hub.bitmap = hub.bitmap.without(4).without(5)
        port = int(hub.url.rsplit(":", 1)[1])
        async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
            await until(
                lambda: box.transfers.reports()[0].held_bytes == 8 * CHUNK + 100,
                within_s=WITHIN_S,
                what="all but two chunks are here",
            )
            given = hub.sent_bytes
    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        await box.reaches(ArtifactState.WAITING, reason="source_away")
        async with played_source(artifact.path, artifact.manifest, port=port) as again:
            report = await box.reaches(ArtifactState.HELD)

            assert given + again.sent_bytes == len(artifact.content)
            assert report.hub_bytes == 2 * CHUNK


async def test_too_little_room_is_told_with_what_is_lacking_and_waited_for(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource
) -> None:
    size = len(artifact.content)
    async with fetching(tmp_path / "box", hub.url, artifact.wanted, free_bytes=2 * size - 1000) as box:
        report = await box.reaches(ArtifactState.WAITING, reason="no_space")

        assert report.lacking_bytes >= 1000
        assert (hub.sent_bytes, report.held_bytes) == (0, 0)


async def test_what_nobody_wants_makes_room_for_what_is_wanted(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource
) -> None:
    old = await artifact_of(tmp_path / "old", bytes(20 * CHUNK), Label(kind="dataset", name="lane"))
    room = 2 * len(artifact.content) + 10 * CHUNK
    async with (
        played_source(old.path, old.manifest) as first,
        fetching(tmp_path / "box", first.url, old.wanted, free_bytes=50 * CHUNK) as box,
    ):
        await box.reaches(ArtifactState.HELD)
    async with fetching(tmp_path / "box", hub.url, artifact.wanted, free_bytes=room) as box:
        await box.reaches(ArtifactState.HELD)

        assert list(await asyncio.to_thread(box.holdings.whole)) == [artifact.manifest.digest]


async def test_equal_chunks_of_an_older_version_are_taken_from_the_disk(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource
) -> None:
    changed = bytearray(artifact.content)
    changed[3 * CHUNK : 3 * CHUNK + 4] = b"new!"
    newer = await artifact_of(tmp_path / "street-2", bytes(changed), Label(kind="dataset", name="street", version="2"))
    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        await box.reaches(ArtifactState.HELD)
    async with (
        played_source(newer.path, newer.manifest) as later,
        fetching(tmp_path / "box", later.url, newer.wanted) as box,
    ):
        report = await box.reaches(ArtifactState.HELD)

        assert (later.sent_bytes, report.reused_bytes) == (CHUNK, len(newer.content) - CHUNK)
        assert await asyncio.to_thread(box.holdings.place(newer.manifest.digest).read_bytes) == newer.content


async def test_an_older_version_that_the_disk_damaged_lends_nothing_wrong(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource
) -> None:
    newer = await artifact_of(
        tmp_path / "n", artifact.content + b"more", Label(kind="dataset", name="street", version="2")
    )
    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        await box.reaches(ArtifactState.HELD)
        await asyncio.to_thread(box.holdings.place(artifact.manifest.digest).write_bytes, b"damaged")
    async with (
        played_source(newer.path, newer.manifest) as later,
        fetching(tmp_path / "box", later.url, newer.wanted) as box,
    ):
        report = await box.reaches(ArtifactState.HELD)

        assert (report.reused_bytes, later.sent_bytes) == (0, len(newer.content))


async def test_an_artifact_for_other_profiles_waits_and_says_so(tmp_path: Path) -> None:
    image = await artifact_of(tmp_path / "image", b"x", Label(kind="os-image", name="os", profiles=("storage",)))
    async with (
        played_source(image.path, image.manifest) as hub,
        fetching(tmp_path / "box", hub.url, image.wanted) as box,
    ):
        await box.reaches(ArtifactState.WAITING, reason="wrong_profile: storage")


async def test_what_is_wanted_no_more_ends_and_is_cleared_away(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource
) -> None:
    hub.bitmap = hub.bitmap.without(0)
    async with fetching(tmp_path / "box", hub.url, artifact.wanted) as box:
        await box.reaches(ArtifactState.WAITING, reason="source_refuses")

        box.want()

        await until(lambda: not list((tmp_path / "box").iterdir()), within_s=WITHIN_S, what="nothing is left")
        assert box.transfers.reports() == ()


async def test_a_closed_window_lets_nothing_pass_and_an_open_one_lets_it_come(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource
) -> None:
    limit: list[int | None] = [0]
    async with fetching(tmp_path / "box", hub.url, artifact.wanted, limit=lambda _at: limit[0]) as box:
        await box.reaches(ArtifactState.WAITING, reason="bandwidth_window")
        assert hub.sent_bytes == 0

        limit[0] = None
        await box.reaches(ArtifactState.HELD)


async def test_a_limit_is_kept(tmp_path: Path, artifact: Artifact, hub: PlayedSource) -> None:
    kbps = 2000  # a quarter of a megabyte a second
    began = datetime.now(UTC)
    async with fetching(tmp_path / "box", hub.url, artifact.wanted, limit=lambda _at: kbps) as box:
        await box.reaches(ArtifactState.HELD)

    least_s = (len(artifact.content) / (kbps * 125)) - 1  # a second's worth may pass at once
    assert datetime.now(UTC) - began >= timedelta(seconds=least_s)


async def test_of_what_nobody_wants_a_few_are_kept(tmp_path: Path) -> None:
    holdings = Holdings(root=tmp_path / "box")
    for number in range(SPARE_VERSIONS + 1):
        old = await artifact_of(tmp_path / f"v{number}", noise(number, 100))
        await asyncio.to_thread(_put, holdings, old)
    newest = await artifact_of(tmp_path / "newest", noise(99, 100))
    async with (
        played_source(newest.path, newest.manifest) as hub,
        fetching(tmp_path / "box", hub.url, newest.wanted) as box,
    ):
        await box.reaches(ArtifactState.HELD)
        await until(lambda: box.arrivals, within_s=WITHIN_S, what="the arrival is told")

    assert len(await asyncio.to_thread(holdings.whole)) == SPARE_VERSIONS + 1


def _put(holdings: Holdings, artifact: Artifact) -> None:
    part = holdings.begin(artifact.signed)
    part.write(0, artifact.content)
    part.move_to(holdings.place(artifact.manifest.digest))
    part.close()
