"""Neighbours give each other chunks: known by certificates, checked by digests, left alone when they fail."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from appliance.artifacts.holdings import Holdings
from appliance.artifacts.neighbours import KIND, PATH, REQUIRED, Neighbours, service_of
from appliance.artifacts.pacing import Pacing
from appliance.artifacts.sharing import MOST_AT_ONCE, sharing_routes
from appliance.config import LanConfig
from appliance.lan.server import LanServer
from federation.artifacts import Bitmap
from federation.artifacts.choosing import hub_after_s
from federation.crypto import SigningKey
from federation.desired import HubKey
from federation.discovery import Service, open_mdns
from federation.identity.certificate import read_request
from federation.identity.issuing import Authority
from federation.identity.key import NodeKey
from federation.identity.member import HubIdentity, Member
from federation.identity.trust import client_context, node_server_name, server_context, show
from federation.messages import ArtifactState, BrokerEndpoint
from federation.testing.played_source import Fault, PlayedSource, played_source
from tests.appliance.artifacts.conftest import CHUNK, Artifact, fetching

MakeMember = Callable[[str], Member]


def make_member(folder: Path, authority: Authority, node_id: str) -> Member:
    key = NodeKey.open(folder / f"{node_id}.pem")
    now = datetime.now(UTC)
    request = read_request(key.request(node_id))
    identity = HubIdentity(
        hub_url="https://127.0.0.1:1",
        hub_id="0193b2c0",
        hub_name="hub",
        node_id=node_id,
        brokers=(BrokerEndpoint(host="127.0.0.1", port=1),),
        ca=authority.certificate_pem,
        certificate=authority.issue_node(request, node_id, now=now, valid=timedelta(days=1)),
        signing_key=SigningKey.generate().public.to_pem(),
        obtained_at=now,
        renew_after_s=3600,
    )
    return Member(key=key, identity=identity)


@pytest.fixture
def members(tmp_path: Path) -> dict[str, Member]:
    """Boxes of one hub, by node id; and a stranger of another."""
    authority = Authority.make()
    made = {name: make_member(tmp_path, authority, name) for name in ("own", "near", "other", "a", "b", "c", "d")}
    return {**made, "stranger": make_member(tmp_path, Authority.make(), "stranger")}


@pytest.fixture
def member(members: dict[str, Member]) -> MakeMember:
    return members.__getitem__


def service(member: Member, port: int) -> Service:
    return replace(service_of(member, port), addresses=("127.0.0.1",))


def put(holdings: Holdings, artifact: Artifact, chunks: range | None = None) -> None:
    part = holdings.begin(artifact.signed)
    for index in chunks if chunks is not None else range(artifact.manifest.chunk_count):
        start = artifact.manifest.offset_bytes(index)
        part.write(index, artifact.content[start : start + artifact.manifest.length_bytes(index)])
    if chunks is None:
        part.move_to(holdings.place(artifact.manifest.digest))
    part.close()


@asynccontextmanager
async def sharing(
    folder: Path, owner: Member, artifact: Artifact, chunks: range | None = None, kbps: int | None = None
) -> AsyncIterator[Service]:
    """A real neighbour that holds an artifact, or some chunks of it."""
    holdings = Holdings(root=folder)
    await asyncio.to_thread(put, holdings, artifact, chunks)
    part = sharing_routes(holdings, Pacing(lambda _at: kbps))
    config = LanConfig(host="127.0.0.1", port=0)
    server = LanServer(config=config, parts=(part,), note=folder.with_suffix(".json"))
    await server.serve(owner.key, owner.identity.node_id, owner)
    try:
        yield service(owner, server.port)
    finally:
        await server.close()


@asynccontextmanager
async def playing(owner: Member, artifact: Artifact, fault: Fault) -> AsyncIterator[tuple[Service, PlayedSource]]:
    """A neighbour with a certificate of ours that does what it should not."""
    identity = owner.identity
    tls = await asyncio.to_thread(
        lambda: server_context(chain=identity.certificate, key_file=owner.key.path, ca=identity.ca)
    )
    async with played_source(artifact.path, artifact.manifest, prefix=PATH, tls=tls) as source:
        source.fault = fault
        yield service(owner, source.port), source


def neighbours_of(own: Member, *services: Service, idle_s: float = 60) -> Neighbours:
    return Neighbours(own, lambda: services, Counter(), idle_s=idle_s, chunk_s=60)


async def test_a_box_takes_from_a_neighbour_and_leaves_the_hub_alone(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    async with sharing(tmp_path / "near", member("near"), artifact) as near:
        neighbours = neighbours_of(member("own"), near)
        async with fetching(
            tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own", turn_s=60
        ) as box:
            report = await box.reaches(ArtifactState.HELD)

            place = box.holdings.place(artifact.manifest.digest)
            assert await asyncio.to_thread(place.read_bytes) == artifact.content
            assert (report.neighbour_bytes, report.hub_bytes) == (len(artifact.content), 0)


async def test_an_artifact_is_held_as_soon_as_its_last_chunk_has_come_whoever_gave_it(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    async with sharing(tmp_path / "near", member("near"), artifact) as near:
        neighbours = neighbours_of(member("own"), near)
        async with fetching(
            tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own", look_again_s=600.0
        ) as box:
            report = await box.reaches(ArtifactState.HELD)

            assert report.neighbour_bytes > 0


async def test_what_a_neighbour_is_still_getting_is_taken_too_and_the_rest_from_the_hub(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    async with sharing(tmp_path / "near", member("near"), artifact, chunks=range(4, 8)) as near:
        neighbours = neighbours_of(member("own"), near)
        async with fetching(
            tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own", turn_s=3
        ) as box:
            report = await box.reaches(ArtifactState.HELD)

            assert report.neighbour_bytes >= 2 * CHUNK
            assert report.hub_bytes >= 7 * CHUNK - CHUNK + 100


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.LIES, "source_lies"),
        (Fault.WRONG_RANGE, "source_lies"),
        (Fault.WHOLE, "source_lies"),
        (Fault.STALLS, "source_away"),
        (Fault.CUTS, "source_away"),
        (Fault.REFUSES, "source_refuses"),
        (Fault.REDIRECTS, "source_refuses"),
    ],
)
async def test_a_neighbour_that_fails_is_dropped_and_counted_and_the_hub_helps_out(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember, fault: Fault, code: str
) -> None:
    idle_s = 0.3 if fault is Fault.STALLS else 60  # none but one that stalls is given up for its silence
    async with playing(member("near"), artifact, fault) as (near, source):
        neighbours = neighbours_of(member("own"), near, idle_s=idle_s)
        async with fetching(tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own") as box:
            report = await box.reaches(ArtifactState.HELD)

            assert neighbours.failures == {("near", code): 1}
            assert report.hub_bytes == len(artifact.content)
            assert source.most_at_once <= 1  # one transfer from each neighbour at a time


async def test_of_one_neighbour_one_chunk_is_asked_at_a_time_however_many_are_wanted(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    async with playing(member("near"), artifact, Fault.NONE) as (near, source):
        source.piece_takes_s = 0.01
        neighbours = neighbours_of(member("own"), near)
        async with fetching(tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own") as box:
            report = await box.reaches(ArtifactState.HELD)

    assert report.neighbour_bytes > 0
    assert source.most_at_once == 1


async def test_a_neighbour_is_lent_to_one_transfer_at_a_time(member: MakeMember) -> None:
    neighbours = neighbours_of(member("own"), service(member("near"), 9))

    async with neighbours.leased() as first, neighbours.leased() as second:
        assert (first and first.name, second) == ("near", None)


async def test_a_manifest_that_another_hub_signed_is_not_taken_from_a_neighbour(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    hub.fault = Fault.REFUSES
    async with playing(member("near"), artifact, Fault.NONE) as (near, source):
        source.key = HubKey.generate()
        neighbours = neighbours_of(member("own"), near)
        async with fetching(tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own") as box:
            told = await box.reaches(ArtifactState.WAITING, reason="source_refuses: near")
            hub.fault = Fault.NONE

            assert told.held_bytes == 0
            await box.reaches(ArtifactState.HELD)
            assert neighbours.failures == {("near", "source_refuses"): 1}


async def test_a_neighbour_whose_disk_changed_its_bytes_is_dropped(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    async with sharing(tmp_path / "near", member("near"), artifact) as near:
        place = Holdings(root=tmp_path / "near").place(artifact.manifest.digest)
        await asyncio.to_thread(place.write_bytes, bytes(len(artifact.content)))
        neighbours = neighbours_of(member("own"), near)
        async with fetching(tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own") as box:
            await box.reaches(ArtifactState.HELD)

            assert neighbours.failures == {("near", "source_lies"): 1}


async def test_who_says_another_node_id_than_its_certificate_is_not_talked_to(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    async with sharing(tmp_path / "near", member("near"), artifact) as near:
        pretended = service(member("other"), near.port)
        neighbours = neighbours_of(member("own"), pretended)
        async with fetching(tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id="own") as box:
            report = await box.reaches(ArtifactState.HELD)

            assert (report.neighbour_bytes, neighbours.failures) == (0, {("other", "source_away"): 1})


def test_boxes_of_another_hub_and_oneself_are_no_neighbours(member: MakeMember) -> None:
    heard = [service(member(name), 9) for name in ("own", "near", "stranger")]

    assert neighbours_of(member("own"), *heard).names == {"near"}


async def test_when_it_is_not_its_turn_a_box_waits_for_its_neighbours_and_then_asks_the_hub(
    tmp_path: Path, artifact: Artifact, hub: PlayedSource, member: MakeMember
) -> None:
    neighbours = neighbours_of(member("own"), *(service(member(name), 9) for name in ("a", "b", "c", "d")))
    async with fetching(
        tmp_path / "box", hub.url, artifact.wanted, neighbours=neighbours, node_id=_last_of(neighbours, artifact)
    ) as box:
        await box.reaches(ArtifactState.WAITING, reason="turn")
        assert hub.sent_bytes == 0

        await box.reaches(ArtifactState.HELD)


def _last_of(neighbours: Neighbours, artifact: Artifact) -> str:
    """A node id whose turn comes after all of the neighbours'."""
    names, digest = neighbours.names, artifact.manifest.digest
    return max((f"n{number}" for number in range(200)), key=lambda own: hub_after_s(own, names, digest))


class TestStrangers:
    """Who may fetch at all, and how much."""

    @pytest.fixture
    async def near(self, tmp_path: Path, artifact: Artifact, member: MakeMember) -> AsyncIterator[Service]:
        async with sharing(tmp_path / "near", member("near"), artifact, chunks=range(2), kbps=800) as near:
            yield near

    async def test_without_a_certificate_of_the_hub_nobody_gets_anything(
        self, artifact: Artifact, member: MakeMember, near: Service
    ) -> None:
        url = f"https://127.0.0.1:{near.port}{PATH}/{artifact.manifest.digest}/held"
        ca = member("own").identity.ca
        plain = client_context(ca=ca, peer_name=node_server_name("near"))
        foreign = client_context(ca=ca, peer_name=node_server_name("near"))
        other = member("stranger")
        await asyncio.to_thread(show, foreign, chain=other.identity.certificate, key_file=other.key.path)

        async with aiohttp.ClientSession() as session:
            async with session.get(url, ssl=plain) as answer:
                assert answer.status == 401
            with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
                async with session.get(url, ssl=foreign) as answer:
                    pass

    async def test_only_held_chunks_by_digest(self, artifact: Artifact, member: MakeMember, near: Service) -> None:
        digest = artifact.manifest.digest

        async with asking(member("own"), near) as (session, base):
            async with session.get(f"{base}/{digest}/held") as answer:
                assert Bitmap.read(11, await answer.read()).held == 2
            assert await status(session, f"{base}/sha256:{'0' * 64}/held") == 404
            assert await status(session, f"{base}/{digest}", f"bytes={2 * CHUNK}-{3 * CHUNK - 1}") == 404
            assert await status(session, f"{base}/{digest}") == 404

    async def test_one_transfer_for_each_neighbour_and_not_more_at_once_than_the_box_can_serve(
        self, artifact: Artifact, member: MakeMember, near: Service
    ) -> None:
        async with AsyncExitStack() as stack:
            peers = [
                await stack.enter_async_context(asking(member(name), near))
                for name in ("own", "own", "other", "a", "b", "c", "d")
            ]
            asked = [
                status(session, f"{base}/{artifact.manifest.digest}", f"bytes=0-{CHUNK - 1}") for session, base in peers
            ]
            statuses = await asyncio.gather(*asked)

        assert sorted(statuses[:2])[1] == 503, "two at once for one neighbour"
        assert sorted(statuses) == [206] * MOST_AT_ONCE + [503] * 3


@asynccontextmanager
async def asking(member: Member, near: Service) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """Give a session of a box to its neighbour `near`, and the address of what that shares."""
    tls = client_context(ca=member.identity.ca, peer_name=node_server_name("near"))
    await asyncio.to_thread(show, tls, chain=member.identity.certificate, key_file=member.key.path)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
        yield session, f"https://127.0.0.1:{near.port}{PATH}"


async def status(session: aiohttp.ClientSession, url: str, asked: str = "") -> int:
    async with session.get(url, headers={"Range": asked} if asked else {}) as answer:
        await answer.read()
        return answer.status


async def test_a_box_is_found_by_multicast_dns_and_passes_all_of_an_artifact_on_while_the_hub_is_away(
    tmp_path: Path, artifact: Artifact, member: MakeMember
) -> None:
    async with (
        sharing(tmp_path / "near", member("near"), artifact) as near,
        open_mdns(interfaces=["lo"]) as theirs,
        theirs.advertise(service_of(member("near"), near.port)),
        open_mdns(interfaces=["lo"]) as ours,
        ours.browse(KIND, required=REQUIRED) as seen,
    ):
        neighbours = Neighbours(member("own"), lambda: seen.services, Counter())
        nowhere = "http://127.0.0.1:9"
        async with fetching(tmp_path / "box", nowhere, artifact.wanted, neighbours=neighbours, node_id="own") as box:
            report = await box.reaches(ArtifactState.HELD, within_s=60)

            assert report.neighbour_bytes == len(artifact.content)
