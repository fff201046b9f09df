"""A box that waits on the local network is let in by its code; everybody else is turned away. Real hub, agent, mDNS."""

import asyncio
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from appliance import app
from appliance.config import Config, LanConfig, PanelConfig
from appliance.lan.claim import ClaimDesk, Identified, routes
from appliance.lan.server import LanServer
from federation.identity.bundle import FORMAT, Bundle
from federation.identity.claim import ClaimOutcome, ClaimTicket, read_ticket
from federation.identity.claiming import BoxClaim, open_claim, session_to
from federation.identity.errors import ClaimRefused, WrongPeer
from federation.identity.key import NodeKey, grouped
from federation.identity.trust import server_context
from federation.testing.ports import reserved
from federation.testing.waiting import until
from hub.config import Discovery, HubConfig
from tests.hub.conftest import REMEMBERED, Served, hub_config, remember, serving

LOOPBACK = ("127.0.0.1",)
WITHIN_S = 90.0
WRONG_CODE = "22222222"


@pytest.fixture
def box_config(tmp_path: Path) -> Config:
    return Config(
        profile="analysis",
        data_folder=tmp_path / "box",
        run_folder=tmp_path / "run",
        serial=f"sn-{tmp_path.name[-12:].lower().replace('_', '-')}x",
        panel=PanelConfig(port=0),
        lan=LanConfig(host="127.0.0.1", port=0, discovery=False),
    )


@pytest.fixture
def config(tmp_path: Path) -> Iterator[HubConfig]:
    with reserved(len(REMEMBERED)) as ports:
        made = hub_config(tmp_path)
        remember(made, ports)
        yield made


@asynccontextmanager
async def running_box(config: Config) -> AsyncIterator[ClaimTicket]:
    """Run the agent of a box; give what its console shows."""
    async with asyncio.TaskGroup() as group:
        running = group.create_task(app.run(config))
        await until(config.claim_note.exists, within_s=WITHIN_S, what="the console says how to claim the box")
        try:
            yield await ticket_on_console(config)
        finally:
            running.cancel()


async def ticket_on_console(config: Config) -> ClaimTicket:
    text = await asyncio.to_thread(config.claim_note.read_text)
    found = dict(re.findall(r"(serial|address|fingerprint|code) +(\S.*)", text))
    return ClaimTicket(
        serial=found["serial"],
        url=found["address"],
        fingerprint=found["fingerprint"].replace(" ", "").lower(),
        code=found["code"].replace("-", ""),
    )


@pytest.fixture
async def box(box_config: Config) -> AsyncIterator[ClaimTicket]:
    async with running_box(box_config) as ticket:
        yield ticket


def draft(ticket: ClaimTicket, **more: Any) -> dict[str, Any]:
    return {"url": ticket.url, "fingerprint": ticket.fingerprint, "code": ticket.code, "name": "东门 1 号", **more}


async def waiting(hub: Served, serial: str) -> Any:
    boxes = (await hub.console.get("/api/v1/waiting-boxes")).raise_for_status().json()["items"]
    return next((box for box in boxes if box["serial"] == serial), None)


async def claimed(hub: Served, **body: Any) -> tuple[int, str]:
    answer = await hub.console.post("/api/v1/claims", json=body)
    return answer.status_code, answer.json().get("code", "")


def a_bundle(**more: Any) -> Bundle:
    values = {
        "format": FORMAT,
        "hub_url": "https://127.0.0.1:1",
        "hub_name": "false hub",
        "ca": "none",
        "token": "t" * 32,
        "name": "n",
        "profile": "analysis",
        "issued_at": "2026-11-26T00:00:00Z",
        "expires_at": "2026-11-27T00:00:00Z",
    }
    return Bundle.model_validate({**values, **more})


async def test_a_box_is_seen_waiting_and_is_let_in_by_the_code_that_it_shows(
    box_config: Config, config: HubConfig
) -> None:
    told_by_mdns = box_config.lan.model_copy(update={"discovery": True, "interfaces": LOOPBACK})
    box_config = box_config.model_copy(update={"lan": told_by_mdns})
    config = config.model_copy(update={"discovery": Discovery(enabled=True, interfaces=LOOPBACK)})
    async with serving(config) as hub, running_box(box_config) as ticket:

        async def seen() -> Any:
            return await waiting(hub, ticket.serial)

        told = await until(seen, within_s=WITHIN_S, what="the hub sees the box")
        assert (told["fingerprint"], told["profile"], told["urls"]) == (ticket.fingerprint, "analysis", [ticket.url])

        # What an operator types: in groups, in small letters.
        typed = {"fingerprint": grouped(ticket.fingerprint), "code": f"{ticket.code[:4]}-{ticket.code[4:]}".lower()}
        answer = await hub.console.post("/api/v1/claims", json=draft(ticket, site="east", **typed))

        assert (answer.status_code, answer.json()["joined"]) == (201, True)
        [node] = (await hub.console.get("/api/v1/nodes")).json()["items"]
        assert (node["name"], node["site"], node["serial"]) == ("东门 1 号", "east", ticket.serial)
        assert node["key_fingerprint"] == ticket.fingerprint
        audit = (await hub.console.get("/api/v1/audit", params={"action": "node.claim"})).json()["items"]
        assert [(entry["subject"], entry["succeeded"]) for entry in audit] == [(f"serial:{ticket.serial}", True)]
        assert ticket.code not in (await hub.console.get("/api/v1/audit")).text

        async def gone() -> bool:
            return await waiting(hub, ticket.serial) is None and not box_config.claim_note.exists()

        await until(gone, within_s=WITHIN_S, what="the box waits no more")

        async def closed() -> bool:
            return await claimed(hub, **draft(ticket)) == (409, "claim_closed")

        await until(closed, within_s=WITHIN_S, what="the box says that it belongs to a hub")


async def test_the_panel_shows_the_same_as_the_console_and_a_qr_code(box_config: Config, box: ClaimTicket) -> None:
    first = (await asyncio.to_thread(box_config.first_password_file.read_text)).strip()
    url = json.loads(await asyncio.to_thread(box_config.panel_note.read_text))["url"]
    async with httpx.AsyncClient(base_url=url, timeout=60) as panel:
        stranger = await panel.get("/api/v1/claim")
        session = await panel.post("/api/v1/session", json={"username": "admin", "password": first})
        panel.headers["X-CSRF-Token"] = session.json()["csrf_token"]
        await panel.put("/api/v1/session/password", json={"old": first, "new": "tower-on-the-hill-7"})
        told = (await panel.get("/api/v1/claim")).json()
        picture = await panel.get("/api/v1/claim/qr.svg")

    assert stranger.status_code == 401
    assert (told["serial"], told["url"], told["code"]) == (box.serial, box.url, f"{box.code[:4]}-{box.code[4:]}")
    assert told["fingerprint"] == grouped(box.fingerprint)
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.content.startswith(b"<?xml") or b"<svg" in picture.content
    assert box_config.claim_note.stat().st_mode & 0o777 == 0o600


async def test_whoever_does_not_know_the_code_is_turned_away_and_after_five_tries_for_a_while(
    box_config: Config, config: HubConfig, box: ClaimTicket
) -> None:
    async with serving(config) as hub:
        wrong = [await claimed(hub, **draft(box, code=WRONG_CODE)) for _ in range(5)]
        right = await claimed(hub, **draft(box))
        bundles = (await hub.console.get("/api/v1/enrolment-bundles")).json()["items"]
        audit = (await hub.console.get("/api/v1/audit", params={"action": "node.claim"})).json()["items"]
        metrics = (await hub.console.get("/metrics")).text

    async def renewed() -> bool:
        return (await ticket_on_console(box_config)).code != box.code

    assert wrong == [(409, "code_wrong")] * 5
    assert right == (409, "claim_locked")
    assert bundles == []
    assert [entry["succeeded"] for entry in audit] == [False] * 6
    assert "fengsui_hub_claims_failed_total 6.0" in metrics
    await until(renewed, within_s=WITHIN_S, what="the console shows another code")


WRONG: dict[str, tuple[dict[str, str], tuple[int, str]]] = {
    "another key": ({"fingerprint": "0" * 64}, (502, "wrong_box")),
    "nobody there": ({"url": "https://127.0.0.1:1"}, (502, "box_unreachable")),
    "no TLS": ({"url": "http://127.0.0.1:8091"}, (422, "invalid_input")),
    "a user in the address": ({"url": "https://user@127.0.0.1"}, (422, "invalid_input")),
    "no fingerprint": ({"fingerprint": "not a fingerprint"}, (422, "invalid_input")),
    "strange letters": ({"code": "0OIL1111"}, (422, "invalid_input")),
    "too short": ({"code": "ABC"}, (422, "invalid_input")),
}


async def test_a_wrong_claim_says_what_is_wrong_and_writes_nothing(config: HubConfig, box: ClaimTicket) -> None:
    async with serving(config) as hub:
        answers = {name: await claimed(hub, **{**draft(box), **more}) for name, (more, _) in WRONG.items()}

        assert answers == {name: expected for name, (_, expected) in WRONG.items()}
        assert (await hub.console.get("/api/v1/enrolment-bundles")).json()["items"] == []


async def test_a_false_box_that_was_announced_in_the_place_of_the_true_one_learns_neither_token_nor_code(
    config: HubConfig, tmp_path: Path, box: ClaimTicket
) -> None:
    """It says over mDNS what the operator takes for the box; he types the code that the true box shows."""
    key = await asyncio.to_thread(NodeKey.open, tmp_path / "false.key")
    tls = await asyncio.to_thread(lambda: server_context(chain=key.self_signed(box.serial), key_file=key.path))
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (head := await reader.readuntil(b"\r\n\r\n")) and (found := re.search(rb"Content-Length: (\d+)", head)):
            heard.append(head + await reader.readexactly(int(found[1])))
            challenge = {"claim_id": "c", "nonce": "ab" * 32, "serial": box.serial, "profile": "analysis"}
            body = json.dumps({**challenge, "proof": "cd" * 32}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()

    async with serving(config) as hub, await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        false = draft(box, url=f"https://127.0.0.1:{port}", fingerprint=key.fingerprint)
        assert await claimed(hub, **false) == (502, "wrong_box")

    said = b"".join(heard)
    assert b"/proof" in said
    assert b"/bundle" not in said
    assert box.code.encode() not in said
    assert b"fse_" not in said


async def test_a_box_that_says_what_it_cannot_be_is_not_let_in_and_is_counted(
    config: HubConfig, tmp_path: Path
) -> None:
    key = await asyncio.to_thread(NodeKey.open, tmp_path / "odd.key")
    odd = Identified(serial="odd", profile="no-such-box", software="1", fingerprint=key.fingerprint)
    taken: list[Bundle] = []

    async def take(bundle: Bundle) -> ClaimOutcome:
        taken.append(bundle)
        return ClaimOutcome(joined=True)

    desk = ClaimDesk(box=lambda: odd, take=take, claimable=lambda: True)
    lan = LanServer(config=LanConfig(host="127.0.0.1", port=0), parts=(routes(desk),), note=tmp_path / "odd.json")
    await lan.serve(key, "odd", None)
    async with serving(config) as hub:
        ticket = ClaimTicket(
            serial="odd", url=f"https://127.0.0.1:{lan.port}", fingerprint=key.fingerprint, code=desk.code
        )
        answer = await claimed(hub, **draft(ticket))
        audit = (await hub.console.get("/api/v1/audit", params={"action": "node.claim"})).json()["items"]
        metrics = (await hub.console.get("/metrics")).text
    await lan.close()

    assert (answer, taken) == ((422, "invalid_input"), [])
    assert [entry["succeeded"] for entry in audit] == [False]
    assert "fengsui_hub_claims_failed_total 1.0" in metrics


async def test_a_proof_that_was_overheard_proves_nothing_to_the_true_box(box: ClaimTicket) -> None:
    """Whoever stands in between relays nonces and proof; they speak of his key, not of the box's."""
    middle = box.model_copy(update={"fingerprint": "ab" * 32})
    async with await session_to(box) as session:
        honest = await open_claim(session, box)
        relayed = BoxClaim(session, honest.challenge, (await open_claim(session, middle))._key)
        with pytest.raises(ClaimRefused) as refused:
            await relayed.prove()

    assert refused.value.code == "code_wrong"


async def test_a_bundle_is_taken_from_nobody_who_has_not_proved_himself_and_once_only(box: ClaimTicket) -> None:
    async with await session_to(box) as session:
        unproved = await open_claim(session, box)
        with pytest.raises(ClaimRefused) as early:
            await unproved.hand_over(a_bundle())
        await unproved.prove()
        with pytest.raises(ClaimRefused) as twice:
            await unproved.prove()
        with pytest.raises(ClaimRefused) as strange:
            await unproved.hand_over(a_bundle(profile="capture"))
        outcome = await unproved.hand_over(a_bundle())
        with pytest.raises(ClaimRefused) as again:
            await unproved.hand_over(a_bundle())

    assert (early.value.code, twice.value.code, strange.value.code) == ("not_proved", "not_found", "profile_mismatch")
    assert (outcome.joined, outcome.code) == (False, "hub_unreachable")
    assert again.value.code == "not_found"


GARBAGE = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\xff" * 300, b"\x00" * 4096, b"")
# method, path, body, and the status of the problem
REQUESTS: list[tuple[str, str, Any, int]] = [
    ("POST", "/api/v1/claims", {"nonce": "short"}, 422),
    ("POST", "/api/v1/claims", [], 422),
    ("POST", "/api/v1/claims/none/proof", {"proof": "ab" * 32}, 404),
    ("PUT", "/api/v1/claims/none/bundle", {"bundle": {}}, 422),
    ("POST", "/api/v1/claims", {"nonce": "a" * 200_000}, 413),
    ("GET", "/api/openapi.json", None, 401),
    ("GET", "/api/v1/status", None, 404),
]


async def test_garbage_at_the_lan_port_harms_nobody(box: ClaimTicket) -> None:
    host, port = "127.0.0.1", int(box.url.rsplit(":", 1)[1])

    def send() -> None:
        for garbage in GARBAGE * 5:
            with socket.create_connection((host, port), timeout=5) as connection:
                connection.sendall(garbage)

    await asyncio.to_thread(send)

    async with await session_to(box) as session, session.get("/healthz") as answer:
        assert answer.status == 200


async def test_what_is_no_http_at_the_lan_port_fills_no_log(box: ClaimTicket, caplog: pytest.LogCaptureFixture) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    for garbage in (b"\x00 is no HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nHost: box\r\nX\x00: y\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(box.url.rsplit(":", 1)[1]), ssl=tls)
        writer.write(garbage)
        assert b" 400 " in await reader.read()
        writer.close()

    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_the_lan_port_answers_wrong_requests_with_a_problem(box: ClaimTicket) -> None:
    answers = []
    async with await session_to(box) as session:
        for method, path, body, _ in REQUESTS:
            async with session.request(method, path, json=body) as answer:
                answers.append((answer.status, answer.content_type))

    assert answers == [(status, "application/problem+json") for *_, status in REQUESTS]


async def test_a_pinned_session_reaches_nobody_who_has_another_key(box: ClaimTicket, tmp_path: Path) -> None:
    key = await asyncio.to_thread(NodeKey.open, tmp_path / "other.key")
    with pytest.raises(WrongPeer):
        await session_to(box.model_copy(update={"fingerprint": key.fingerprint}))
    async with await session_to(box) as session:
        tls: Any = session.connector
        assert tls._ssl.verify_mode is ssl.CERT_REQUIRED
        with pytest.raises(aiohttp.ClientError):
            await session.get("https://127.0.0.1:1/healthz")


def test_a_ticket_is_read_back_from_what_is_scanned() -> None:
    ticket = ClaimTicket(serial="sn 1/北", url="https://10.0.0.7:8091", fingerprint="ab" * 32, code="ABCD2345")

    assert read_ticket(ticket.to_text() + "\n") == ticket


@pytest.mark.parametrize("text", ["", "https://claim?code=1", "fengsui://claim", "fengsui://claim?code=ABCD2345&url=x"])
def test_what_is_no_ticket_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"QR code|validation error"):
        read_ticket(text)
