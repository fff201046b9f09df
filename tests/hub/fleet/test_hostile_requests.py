"""Whatever comes to the port for nodes is refused with a counted reason, writes nothing, and does not stop the hub."""

import asyncio
import gzip
import hashlib
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from federation.artifacts.byte_range import asked_range
from federation.artifacts.errors import Unsatisfiable
from federation.http import Problem
from federation.http.routes import read_body
from federation.identity.certificate import read_request
from federation.identity.errors import KeyUnsuitable
from federation.identity.member import Member
from federation.identity.trust import client_context
from federation.messages import EnrolmentRequest, RenewalRequest
from federation.testing.mutation import json_mutations, mutated, mutations
from federation.testing.waiting import until
from hub.config import HubConfig
from hub.events.pictures import LARGEST_BYTES
from tests.hub.artifacts.test_artifacts import imported, manifest_of
from tests.hub.conftest import Served, serving
from tests.hub.fleet.calling import Caller, request

MUTATIONS = 10_000
OVER_THE_NETWORK = 500
HEADS = 300
HEADS_AT_ONCE = 50
WAITS_FOR_MORE_S = 0.5
SEED = 20_261_128
JSON = "application/json"
JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 3


@pytest.fixture
def database_url() -> str:
    """What is refused is refused before either kind of database hears of it."""
    return ""


@pytest.fixture
async def hub(config: HubConfig) -> AsyncIterator[Served]:
    """A hub that lets everybody try as often as he likes."""
    fleet = config.fleet.model_copy(update={"enrolments_per_minute": 1e9})
    async with serving(config.model_copy(update={"fleet": fleet})) as served:
        yield served


def stranger(hub: Served) -> Caller:
    return Caller(url=hub.node_url, tls=client_context(ca=hub.hub.foundation.authority.ca))


async def as_node(hub: Served, member: Member) -> Caller:
    return Caller(url=hub.node_url, tls=await asyncio.to_thread(member.tls))


async def rows(hub: Served, *, but: frozenset[str] = frozenset()) -> dict[str, list[Any]]:
    """Return all that the hub has written down but for what it wants of its nodes, table by table."""

    def work() -> dict[str, list[Any]]:
        with closing(sqlite3.connect(hub.config.database.removeprefix("sqlite:///"))) as db:
            names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            tables = {*names} - but - {"desired_documents"}
            return {name: sorted(map(repr, db.execute(f'SELECT * FROM "{name}"'))) for name in tables}  # noqa: S608

    return await asyncio.to_thread(work)


async def files(hub: Served) -> set[Path]:
    def work() -> set[Path]:
        return {path for path in hub.config.data_folder.rglob("*") if path.is_file() and ".db" not in path.name}

    return await asyncio.to_thread(work)


def read(payload: bytes, model: type[EnrolmentRequest | RenewalRequest]) -> tuple[str, str] | None:
    """Return name and key of a request if it can be read; None if it is refused with a code."""
    try:
        asked = read_request(read_body(model, payload).request)
    except (Problem, KeyUnsuitable):
        return None
    return asked.name, asked.fingerprint


async def granted(hub: Served, caller: Caller, asked: list[bytes]) -> list[int]:
    """Ask all, and return the places of those that were granted; every other was refused with a counted reason."""
    before, told, found, at = Counter(hub.hub.foundation.node_refusals), Counter[str](), [], 0
    async for reply in caller.ask_all(asked):
        if reply.status < 400:
            found.append(at)
        else:
            assert reply.status < 500, (asked[at], reply)
            assert reply.code, (asked[at], reply)
            told[reply.code] += 1
        at += 1
    assert at == len(asked)
    assert hub.hub.foundation.node_refusals - before == told
    return found


async def lets_the_next_in(hub: Served) -> None:
    member = await hub.enrol("the-next")
    async with hub.node(member) as node:
        assert (await node.get(f"/api/v1/artifacts/sha256:{'0' * 64}")).status_code == 404


def enrolment(member: Member, token: str = "t" * 40) -> EnrolmentRequest:
    serial = "serial-analysis-1"
    return EnrolmentRequest(
        token=token, request=member.key.request(serial), serial=serial, profile="analysis", software="0.1"
    )


def some(wrong: Iterator[bytes]) -> list[bytes]:
    return list(islice(wrong, OVER_THE_NETWORK))


async def test_ten_thousand_mutations_of_what_asks_for_a_certificate_are_read_or_refused_with_a_code(
    hub: Served,
) -> None:
    member = await hub.enrol()
    own = RenewalRequest(request=member.key.request("analysis-1"))
    known = member.key.fingerprint

    found = [
        {read(each, type(whole)) for each in json_mutations((whole.to_bytes(),), count=MUTATIONS, seed=SEED)}
        for whole in (enrolment(member), own)
    ]

    assert found == [{None, ("serial-analysis-1", known)}, {None, ("analysis-1", known)}]


async def test_mutations_of_an_enrolment_let_nobody_in(hub: Served) -> None:
    member, bundle = await hub.enrol(), await hub.invite("for-another")
    wrong = some(json_mutations((enrolment(member, bundle.token).to_bytes(),), count=MUTATIONS, seed=SEED))
    written, kept = await rows(hub), await files(hub)

    asked = [request("POST", "/api/v1/enrolments", body, Content_Type=JSON) for body in wrong]

    assert await granted(hub, stranger(hub), asked) == []
    assert (await rows(hub), await files(hub)) == (written, kept)
    assert hub.hub.joining.refused > OVER_THE_NETWORK // 20  # of those that could be read
    await lets_the_next_in(hub)


async def test_mutations_of_a_renewal_in_anothers_name_renew_no_certificate(hub: Served) -> None:
    member, _ = await hub.enrol(), await hub.enrol("other")
    whole = RenewalRequest(request=member.key.request("other")).to_bytes()
    wrong = some(json_mutations((whole,), count=MUTATIONS, seed=SEED))
    written, kept = await rows(hub), await files(hub)

    asked = [request("POST", "/api/v1/certificate-renewals", body, Content_Type=JSON) for body in wrong]

    assert await granted(hub, stranger(hub), asked) == []
    assert (await rows(hub), await files(hub)) == (written, kept)
    await lets_the_next_in(hub)


async def test_mutations_of_a_nodes_own_renewal_are_refused_or_are_its_own_renewal(hub: Served) -> None:
    member = await hub.enrol()
    whole = RenewalRequest(request=member.key.request("analysis-1")).to_bytes()
    wrong = some(json_mutations((whole,), count=MUTATIONS, seed=SEED))
    renewals = frozenset({"node_certificates", "audit"})
    written = await rows(hub, but=renewals)

    asked = [request("POST", "/api/v1/certificate-renewals", body, Content_Type=JSON) for body in wrong]
    renewed = await granted(hub, stranger(hub), asked)

    assert renewed == [at for at, body in enumerate(wrong) if read(body, RenewalRequest)]
    assert await rows(hub, but=renewals) == written
    audit = (await hub.console.get("/api/v1/audit", params={"action": "node.renew", "limit": 1})).json()
    assert {entry["actor"] for entry in audit["items"]} == {"analysis-1"}
    await lets_the_next_in(hub)


async def test_mutations_of_a_picture_leave_no_byte_behind(hub: Served) -> None:
    caller, address = (
        await as_node(hub, await hub.enrol()),
        "/api/v1/pictures/sha256:" + hashlib.sha256(JPEG).hexdigest(),
    )
    wrong = [body for body in some(mutations((JPEG,), count=MUTATIONS, seed=SEED)) if body != JPEG]
    written, kept = await rows(hub), await files(hub)

    asked = [request("PUT", address, body, Content_Type="image/jpeg") for body in wrong]

    assert await granted(hub, caller, asked) == []
    assert (await rows(hub), await files(hub)) == (written, kept)
    assert await granted(hub, caller, [request("PUT", address, JPEG, Content_Type="image/jpeg")]) == [0]
    await lets_the_next_in(hub)


def test_ten_thousand_mutations_of_a_range_are_within_the_file_or_none() -> None:
    dice, size_bytes = random.Random(SEED), 5000  # noqa: S311 - repeatable
    outcomes = Counter[str]()
    for _ in range(MUTATIONS):
        header = mutated(dice.choice((b"bytes=100-149", b"bytes=4990-", b"bytes=-50")), dice).decode("latin-1")
        try:
            found = asked_range(header=header, if_range=None, etag='"e"', size_bytes=size_bytes)
        except Unsatisfiable:
            outcomes["outside"] += 1
        else:
            outcomes["whole" if found is None else "part"] += 1
            assert found is None or 0 <= found.start_bytes < found.start_bytes + found.length_bytes <= size_bytes
    assert outcomes.keys() == {"outside", "whole", "part"}


async def test_mutations_of_a_range_give_bytes_of_the_artifact_or_a_code(hub: Served, tmp_path: Path) -> None:
    digest, packed = await imported(hub, tmp_path, bytes(range(256)) * 4)
    await manifest_of(hub, digest)
    caller = await as_node(hub, await hub.enrol())
    dice = random.Random(SEED)  # noqa: S311 - repeatable
    near_the_end = tuple(b"bytes=%d-%s" % (len(packed) - 60, last) for last in (b"", b"%d" % (len(packed) - 10)))
    ranges = [_printable(mutated(dice.choice(near_the_end), dice)) for _ in range(OVER_THE_NETWORK)]
    asked = [request("GET", f"/api/v1/artifacts/{digest}", Range=each) for each in ranges]
    refusals = Counter(hub.hub.foundation.node_refusals)

    replies = [reply async for reply in caller.ask_all(asked)]

    assert {reply.status for reply in replies} == {200, 206, 416}
    assert all(reply.body in packed for reply in replies if reply.status != 416)
    unsatisfied = [reply.code for reply in replies if reply.status == 416]
    assert hub.hub.foundation.node_refusals - refusals == Counter(unsatisfied)
    assert {*unsatisfied} == {"range_not_satisfiable"}


def _printable(value: bytes) -> str:
    """Return a value that a header can have: what no header can have is the next test's."""
    return "".join(chr(byte) for byte in value if 0x20 < byte < 0x7F)


async def test_mutated_bytes_of_whole_requests_stop_nobody(
    hub: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    digest, _ = await imported(hub, tmp_path)
    await manifest_of(hub, digest)
    member = await hub.enrol()
    caller = await as_node(hub, member)
    address, socket = f"/api/v1/artifacts/{digest}", {"Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": "AA=="}
    whole = (
        request("POST", "/api/v1/enrolments", enrolment(member).to_bytes(), Content_Type=JSON),
        request("POST", "/api/v1/certificate-renewals", b'{"request": ""}', Content_Type=JSON),
        request("PUT", f"/api/v1/pictures/sha256:{'0' * 64}", JPEG, Content_Type="image/jpeg"),
        request("GET", address, Range="bytes=0-9", If_Range=f'"{digest}"'),
        request("HEAD", address),
        request("GET", f"{address}/manifest"),
        request("GET", f"/api/v1/desired/work/{digest}"),
        request("GET", f"/api/v1/calls/{'0' * 32}", b"", Upgrade="websocket", Connection="Upgrade", **socket),
        request("GET", f"/api/v1/calls/{'0' * 32}/body"),
    )
    written, kept = await rows(hub), await files(hub)
    wrong = mutations(whole, count=HEADS, seed=SEED)

    heard: list[bytes] = []
    while now := list(islice(wrong, HEADS_AT_ONCE)):
        heard += await asyncio.gather(*(caller.say(each, within_s=WAITS_FOR_MORE_S) for each in now))

    assert not [each for each in heard if b" 500 " in each[:20]]
    await until(partial(_has_files, hub, kept), within_s=60, what="the hub sees that its callers have gone")
    assert await rows(hub) == written
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert hub.hub.foundation.node_refusals["not_http"] > 0
    await lets_the_next_in(hub)


async def _has_files(hub: Served, kept: set[Path]) -> bool:
    return await files(hub) == kept


async def test_what_unpacks_to_more_than_is_allowed_is_refused_while_it_unpacks(hub: Served) -> None:
    bomb = await asyncio.to_thread(lambda: gzip.compress(JPEG + bytes(LARGEST_BYTES)))
    caller, written, kept = await as_node(hub, await hub.enrol()), await rows(hub), await files(hub)
    packed = {"Content_Encoding": "gzip"}
    asked = [
        request("POST", "/api/v1/enrolments", bomb, Content_Type=JSON, **packed),
        request("PUT", f"/api/v1/pictures/sha256:{'0' * 64}", bomb, Content_Type="image/jpeg", **packed),
        request("POST", "/api/v1/enrolments", bomb[:-9], Content_Type=JSON, **packed),
    ]

    replies = [reply async for reply in caller.ask_all(asked)]

    assert len(bomb) < LARGEST_BYTES // 500
    assert [(reply.status, reply.code) for reply in replies[:2]] == [
        (413, "request_entity_too_large"),
        (413, "too_large"),
    ]
    assert (await rows(hub), await files(hub)) == (written, kept)
    await lets_the_next_in(hub)


async def test_reasons_are_told_to_who_collects_figures(hub: Served) -> None:
    await granted(hub, stranger(hub), [request("POST", "/api/v1/enrolments", b"{", Content_Type=JSON)])

    figures = (await hub.console.get("/metrics")).text
    assert 'fengsui_hub_node_problems_total{code="invalid_json"} 1.0' in figures
