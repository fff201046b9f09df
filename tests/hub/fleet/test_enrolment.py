"""Joining a hub and staying in: bundles, certificates, renewal, and everybody who is turned away."""

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import insert

from federation.identity.certificate import read_certificate, read_request
from federation.identity.enrolment import Applicant, enrol, renew
from federation.identity.errors import EnrolmentRefused, HubUnreachable, KeyUnsuitable
from federation.identity.issuing import Authority
from federation.identity.key import NodeKey
from federation.identity.trust import client_context
from federation.messages import new_id
from hub.config import HubConfig
from hub.database.moments import to_us
from hub.fleet.enrolment import Throttle, node_id_for
from hub.fleet.joining import MOST_BUNDLES
from hub.fleet.tables import enrolment_bundles
from tests.hub.conftest import Served, hub_config, serving

SERIAL = "SN-1"
NO_PACKAGE = "sha256:" + "0" * 64
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture
def database_url() -> str:
    """One kind of database will do here; sites and links are tested on both, and nodes join there too."""
    return ""


def signed(name: str, key: Any) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def forged(key: NodeKey) -> str:
    """A request whose signature does not fit its key."""
    der = bytearray(x509.load_pem_x509_csr(key.request(SERIAL).encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM).decode()


async def ask(hub: Served, path: str, body: dict[str, Any]) -> httpx.Response:
    async with hub.stranger() as client:
        return await client.post(f"/api/v1/{path}", json=body)


async def request_with(hub: Served, **more: Any) -> httpx.Response:
    """Ask to be let in; `more` replaces what a good request holds."""
    key = await hub.key("box")
    body = {"serial": SERIAL, "profile": "analysis", "software": "0.1", "request": key.request(SERIAL), **more}
    if "token" not in body:
        body["token"] = (await hub.invite()).token
    return await ask(hub, "enrolments", body)


async def refusal(waiting: Any) -> str:
    with pytest.raises(EnrolmentRefused) as refused:
        await waiting
    return refused.value.code


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_node_joins_by_a_bundle_and_is_awaited(hub: Served) -> None:
    key = await hub.key("box")
    applicant = Applicant(serial=SERIAL, profile="analysis", panel_url="http://10.0.0.7:8090")

    member = await enrol(await hub.invite(name="Gate 3 analysis"), applicant, key, now=NOW)

    assert member.certificate.name == member.identity.node_id == "gate-3-analysis"
    assert member.certificate.fingerprint == key.fingerprint
    assert member.identity.brokers == hub.hub.foundation.ports.broker.nodes
    node = (await hub.console.get("/api/v1/nodes/gate-3-analysis")).json()
    assert (node["state"], node["panel_url"]) == ("awaited", "http://10.0.0.7:8090")
    assert node["key_fingerprint"] == key.fingerprint
    assert node["certificate"]["serial"] == member.certificate.serial
    assert {row["capability"]: row["offered"] for row in node["capacity"]}["analyse"] == 16


async def test_the_certificate_counts_for_the_days_that_are_set_and_from_long_ago(hub: Served) -> None:
    member = await hub.enrol()
    certificate, now = member.certificate, datetime.now(UTC)

    assert abs(certificate.not_after - now - timedelta(days=90)) < timedelta(minutes=5)
    assert certificate.not_before <= now - timedelta(days=29)
    assert abs(member.identity.renew_after_s - 60 * 86400) < 60


async def test_a_bundles_token_is_stored_as_a_digest_and_the_key_never_leaves_the_box(hub: Served) -> None:
    bundle, key = await hub.invite(), await hub.key("box")
    await enrol(bundle, Applicant(serial=SERIAL, profile="analysis"), key, now=NOW)

    shown = (await hub.console.get("/api/v1/enrolment-bundles")).text + (await hub.console.get("/api/v1/audit")).text
    stored = b"".join(path.read_bytes() for path in hub.config.data_folder.rglob("*") if path.is_file())
    secret = await asyncio.to_thread(key.path.read_text)
    assert bundle.token not in shown
    assert bundle.token.encode() not in stored
    assert secret.splitlines()[1].encode() not in stored
    assert key.path.stat().st_mode & 0o777 == 0o600


async def test_the_authority_and_all_keys_are_private(hub: Served) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in hub.config.authority_folder.iterdir()}

    assert modes == {"authority.pem": 0o600, "server.pem": 0o600, "hub.pem": 0o600}


async def test_a_node_is_no_operator_and_has_no_business_at_the_portal(hub: Served) -> None:
    async with hub.node(await hub.enrol()) as client:
        assert (await client.get("/api/v1/nodes")).status_code == 404
        assert (await client.get(f"/api/v1/artifacts/{NO_PACKAGE}")).status_code == 404
    assert (await hub.console.post("/api/v1/enrolments", json={})).status_code == 404


async def keep_bundles(hub: Served, count: int, *, used_by: str | None, expires_at: datetime) -> None:
    """Let the hub keep so many more bundles."""
    of_all: dict[str, Any] = {"name": "n", "site": "", "profile": "analysis", "used_by": used_by}
    of_all["expires_at_us"] = to_us(expires_at)
    ids = (new_id() for _ in range(count))
    rows = [{"id": one, "digest": one, **of_all} for one in ids]
    await hub.hub.foundation.database.run(lambda connection: connection.execute(insert(enrolment_bundles), rows))


async def bundles(hub: Served) -> list[dict[str, Any]]:
    return list((await hub.console.get("/api/v1/enrolment-bundles")).raise_for_status().json()["items"])


async def test_bundles_that_have_let_their_node_in_make_room_and_open_ones_are_bounded(hub: Served) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    await keep_bundles(hub, 1, used_by=None, expires_at=datetime.now(UTC) - timedelta(days=1))
    await keep_bundles(hub, MOST_BUNDLES, used_by="box", expires_at=later)
    await keep_bundles(hub, MOST_BUNDLES - 1, used_by=None, expires_at=later)

    await hub.invite("the-last-one")

    kept = await bundles(hub)
    assert (len(kept), sum(bundle["used_by"] is not None for bundle in kept)) == (2 * MOST_BUNDLES, MOST_BUNDLES)
    refused = await hub.console.post("/api/v1/enrolment-bundles", json={"name": "n", "profile": "analysis"})
    assert code_of(refused) == (409, "too_many_bundles")
    assert await bundles(hub) == kept


async def test_a_bundle_lets_one_box_in(hub: Served) -> None:
    bundle = await hub.invite()
    await enrol(bundle, Applicant(serial=SERIAL, profile="analysis"), await hub.key("box"), now=NOW)

    other = enrol(bundle, Applicant(serial="SN-2", profile="analysis"), await hub.key("other"), now=NOW)
    same_serial = enrol(bundle, Applicant(serial=SERIAL, profile="analysis"), await hub.key("other"), now=NOW)

    assert await refusal(other) == "bundle_used"
    assert await refusal(same_serial) == "serial_enrolled"
    assert len((await hub.console.get("/api/v1/nodes")).json()["items"]) == 1


async def test_a_box_whose_answer_was_lost_asks_again_with_the_same_key(hub: Served) -> None:
    bundle, applicant, key = await hub.invite(), Applicant(serial=SERIAL, profile="analysis"), await hub.key("box")
    lost = await enrol(bundle, applicant, key, now=NOW)

    again = await enrol(bundle, applicant, key, now=NOW)

    assert again.identity.node_id == lost.identity.node_id
    assert again.certificate.serial != lost.certificate.serial
    async with hub.node(again) as client:
        assert (await client.get(f"/api/v1/artifacts/{NO_PACKAGE}")).status_code == 404


async def test_a_box_that_is_enrolled_must_be_removed_before_it_joins_anew(hub: Served) -> None:
    applicant, key = Applicant(serial=SERIAL, profile="analysis"), await hub.key("box")
    await enrol(await hub.invite(), applicant, key, now=NOW)

    assert await refusal(enrol(await hub.invite(), applicant, key, now=NOW)) == "serial_enrolled"
    renamed = replace(applicant, serial="SN-2")
    assert await refusal(enrol(await hub.invite(), renamed, key, now=NOW)) == "key_enrolled"
    await hub.console.delete("/api/v1/nodes/analysis-1")
    assert (await enrol(await hub.invite(), applicant, key, now=NOW)).identity.node_id == "analysis-1"


WRONG: dict[str, tuple[dict[str, str], tuple[int, str]]] = {
    "another profile": ({"profile": "capture"}, (409, "profile_mismatch")),
    "no profile of ours": ({"profile": "no-such-box"}, (422, "invalid_input")),
    "no token": ({"token": "fse_this-is-not-a-token"}, (403, "bundle_wrong")),
    "a script as address": ({"panel_url": "javascript:alert(1)"}, (422, "invalid_input")),
    "another serial": ({"serial": "SN-2"}, (422, "invalid_input")),
    "NUL": ({"serial": "SN\x00"}, (422, "invalid_input")),
    "empty": ({"request": ""}, (422, "key_unsuitable")),
    "no request": ({"request": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"}, (422, "key_unsuitable")),
    "too large": ({"request": "x" * 20_000}, (422, "invalid_input")),
    "RSA": ({"request": signed(SERIAL, rsa.generate_private_key(65537, 2048))}, (422, "key_unsuitable")),
    "P-384": ({"request": signed(SERIAL, ec.generate_private_key(ec.SECP384R1()))}, (422, "key_unsuitable")),
    "another name": ({"request": signed("x", ec.generate_private_key(ec.SECP256R1()))}, (422, "invalid_input")),
}


async def test_a_wrong_enrolment_says_what_is_wrong_and_writes_nothing(config: HubConfig) -> None:
    patient = config.model_copy(update={"fleet": config.fleet.model_copy(update={"enrolments_per_minute": 1e6})})
    async with serving(patient) as hub:
        token = (await hub.invite()).token
        answers = {
            name: code_of(await request_with(hub, **{"token": token, **more})) for name, (more, _) in WRONG.items()
        }
        unsigned = code_of(await request_with(hub, token=token, request=forged(await hub.key("box"))))

        assert answers == {name: expected for name, (_, expected) in WRONG.items()}
        assert unsigned == (422, "key_unsuitable")
        assert (await hub.console.get("/api/v1/nodes")).json()["items"] == []
        [bundle] = (await hub.console.get("/api/v1/enrolment-bundles")).json()["items"]
        assert bundle["used_by"] is None


async def test_who_is_turned_away_is_counted(hub: Served) -> None:
    await request_with(hub, token="fse_this-is-not-a-token")

    assert "fengsui_hub_joining_refused_total 1.0" in (await hub.console.get("/metrics")).text


async def test_a_bundle_that_was_taken_back_or_has_expired_admits_nobody(hub: Served) -> None:
    taken_back, expired = await hub.invite(), await hub.invite(valid_s=60)
    listed = (await hub.console.get("/api/v1/enrolment-bundles")).json()["items"]
    assert (await hub.console.delete(f"/api/v1/enrolment-bundles/{listed[-1]['id']}")).status_code == 204
    await hub.hub.foundation.database.run(lambda connection: connection.exec_driver_sql(
        "update enrolment_bundles set expires_at_us = 1"
    ))  # fmt: skip

    for bundle in (taken_back, expired):
        assert code_of(await request_with(hub, token=bundle.token)) == (403, "bundle_wrong")


async def test_guessing_tokens_is_slowed_down(hub: Served) -> None:
    codes = [(await request_with(hub, token="fse_guess-number-is-wrong")).status_code for _ in range(12)]

    assert codes[0] == 403
    assert codes[-1] == 429


async def test_a_removed_node_is_shut_out_at_once(hub: Served) -> None:
    member = await hub.enrol()
    async with hub.node(member) as client:
        assert (await hub.console.delete("/api/v1/nodes/analysis-1")).status_code == 204

        assert code_of(await client.get(f"/api/v1/artifacts/{NO_PACKAGE}")) == (403, "node_unknown")
    assert (await hub.console.get("/api/v1/nodes/analysis-1")).status_code == 404
    assert await refusal(renew(member, now=NOW)) == "node_unknown"


async def test_a_certificate_is_renewed_by_the_key_that_is_known_and_no_other(hub: Served) -> None:
    member = await hub.enrol()
    stranger = replace(member, key=await hub.key("stranger"))

    renewed = await renew(member, now=NOW)

    assert renewed.certificate.serial != member.certificate.serial
    assert renewed.identity.obtained_at == NOW
    shown = (await hub.console.get("/api/v1/nodes/analysis-1")).json()["certificate"]
    assert shown["serial"] == renewed.certificate.serial
    audit = (await hub.console.get("/api/v1/audit", params={"action": "node.renew"})).json()["items"]
    assert [entry["actor"] for entry in audit] == ["analysis-1"]
    assert await refusal(renew(stranger, now=NOW)) == "key_unknown"


async def test_a_certificate_that_has_run_out_is_refused_and_renewed_all_the_same(config: HubConfig) -> None:
    second = 1 / 86400
    short = config.model_copy(update={"nodes": config.nodes.model_copy(update={"certificate_days": second})})
    async with serving(short) as hub:
        member = await hub.enrol()
        expired_at = member.certificate.not_after + timedelta(seconds=1)
        while datetime.now(UTC) < expired_at:  # noqa: ASYNC110 - the clock tells nobody
            await asyncio.sleep(0.05)
        async with hub.node(member) as client:
            with pytest.raises(httpx.TransportError):
                await client.get(f"/api/v1/artifacts/{NO_PACKAGE}")
    async with serving(config) as hub:
        renewed = await renew(replace(member, identity=member.identity.model_copy(update={"hub_url": hub.node_url})),
                              now=NOW)  # fmt: skip
        async with hub.node(renewed) as client:
            assert (await client.get(f"/api/v1/artifacts/{NO_PACKAGE}")).status_code == 404


async def test_a_revoked_node_gets_no_certificate_and_joins_by_no_bundle(hub: Served) -> None:
    member = await hub.enrol()
    (await hub.console.post("/api/v1/nodes/analysis-1/revocation")).raise_for_status()

    assert await refusal(renew(member, now=NOW)) == "node_revoked"
    applicant = Applicant(serial="serial-analysis-1", profile="analysis")
    assert await refusal(enrol(await hub.invite(), applicant, member.key, now=NOW)) == "serial_enrolled"


async def test_a_hub_that_is_not_the_one_of_the_bundle_learns_no_token(hub: Served) -> None:
    bundle = (await hub.invite()).model_copy(update={"ca": Authority.make().certificate_pem})

    with pytest.raises(HubUnreachable, match="not the hub"):
        await enrol(bundle, Applicant(serial=SERIAL, profile="analysis"), await hub.key("box"), now=NOW)


async def test_a_node_cannot_play_the_hub_to_another_node(hub: Served) -> None:
    """Its certificate is of the same authority, in another name."""
    context, member = client_context(ca=hub.hub.foundation.authority.ca), await hub.enrol()
    chain = member.identity.certificate

    names = x509.load_pem_x509_certificate(chain.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )

    assert context.peer_name not in names.value.get_values_for_type(x509.DNSName)


async def test_a_caller_with_a_certificate_of_another_authority_is_nobody(hub: Served) -> None:
    member, foreign = await hub.enrol(), Authority.make()
    request = read_request(member.key.request("analysis-1"))
    certificate = foreign.issue_node(request, "analysis-1", now=datetime.now(UTC), valid=timedelta(days=1))
    false = replace(member, identity=member.identity.model_copy(update={"certificate": certificate}))

    async with hub.node(false) as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"/api/v1/artifacts/{NO_PACKAGE}")


async def test_the_servers_certificate_is_renewed_before_it_runs_out_and_shown_at_once(hub: Served) -> None:
    authority = hub.hub.foundation.authority
    before = await asyncio.to_thread(authority.server_file.read_text)
    early = datetime.now(UTC) + timedelta(days=200)
    late = datetime.now(UTC) + timedelta(days=300)

    assert await asyncio.to_thread(authority.refresh_server, early) is None
    fresh = await asyncio.to_thread(authority.refresh_server, late)

    assert fresh is not None
    authority.show_server(fresh)
    assert read_certificate(fresh).serial != read_certificate(before).serial
    async with hub.stranger() as client, client.stream("GET", "/healthz") as answer:
        shown = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert read_certificate(shown).serial == read_certificate(fresh).serial


async def test_a_new_name_of_the_hub_makes_a_new_certificate_for_its_servers(tmp_path: Path) -> None:
    async with serving(await asyncio.to_thread(hub_config, tmp_path)):
        pass
    names: dict[str, Any] = {"public_host": "hub.example", "public_names": ["10.1.2.3"]}
    config = await asyncio.to_thread(lambda: hub_config(tmp_path, **names))
    async with serving(config) as hub:
        fresh = await asyncio.to_thread(hub.hub.foundation.authority.refresh_server, datetime.now(UTC))

    pem = await asyncio.to_thread((config.authority_folder / "server.pem").read_text)
    stated = x509.load_pem_x509_certificate(pem.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert fresh is None  # the hub has done it at its start
    assert {"hub.example", "hub.fengsui"} <= set(stated.value.get_values_for_type(x509.DNSName))


@given(st.text(max_size=300))
def test_text_that_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(KeyUnsuitable):
        read_request(text)


@given(st.integers(min_value=0, max_value=300), st.integers(min_value=1, max_value=255))
@example(place=7, change=1)  # its version
def test_a_request_with_one_byte_changed_is_refused_or_proves_nothing_false(place: int, change: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    der = bytearray(x509.load_pem_x509_csr(signed(SERIAL, key).encode()).public_bytes(serialization.Encoding.DER))
    der[place % len(der)] ^= change
    try:
        read = read_request(ssl.DER_cert_to_PEM_cert(bytes(der)).replace("CERTIFICATE", "CERTIFICATE REQUEST"))
    except KeyUnsuitable:
        return
    assert read.public_key == key.public_key()


def test_node_ids_are_slugs_and_differ() -> None:
    assert node_id_for("Gate 3 / Analysis", ()) == "gate-3-analysis"
    assert node_id_for("城东抓图服务器", ()) == "node"
    assert node_id_for("城东", {"node", "node-2"}) == "node-3"
    assert node_id_for("Feed traffic", ()) == "node-feed-traffic"  # a bureau's account is called so
    assert len(node_id_for("x" * 64, {"x" * 48})) <= 64


def test_a_throttle_admits_a_burst_then_the_pace() -> None:
    now_s = [0.0]
    throttle = Throttle(per_minute=60, burst=2, clock_s=lambda: now_s[0])

    assert [throttle.admit("a"), throttle.admit("a"), throttle.admit("a")] == [0.0, 0.0, 1.0]
    assert throttle.admit("b") == 0.0
    now_s[0] = 1.0
    assert throttle.admit("a") == 0.0
