from typing import Any

import httpx
import pytest

from hub.fleet.enrolment import Throttle, node_id_for


def request_with(token: str, **more: Any) -> dict[str, Any]:
    return {"token": token, "serial": "SN-1", "profile": "analysis", "software": "0.1", **more}


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def enrol(hub: Any, token: str, **more: Any) -> httpx.Response:
    answer: httpx.Response = await hub.anonymous.post("/api/v1/enrolments", json=request_with(token, **more))
    return answer


async def test_a_node_joins_by_its_token_and_is_awaited(hub: Any) -> None:
    answer = await enrol(hub, await hub.invite(name="Gate 3 analysis"), panel_url="http://10.0.0.7:8090")

    assert answer.status_code == 201
    joined = answer.json()
    assert (joined["node_id"], joined["mqtt_username"]) == ("gate-3-analysis", "node-gate-3-analysis")
    assert joined["mqtt_port"] == hub.hub.foundation.mqtt_port
    node = (await hub.console.get("/api/v1/nodes/gate-3-analysis")).json()
    assert (node["state"], node["panel_url"]) == ("awaited", "http://10.0.0.7:8090")
    assert {row["capability"]: row["offered"] for row in node["capacity"]}["analyse"] == 16


async def test_what_a_node_is_given_is_stored_as_digests_only(hub: Any) -> None:
    token = await hub.invite()
    joined = (await enrol(hub, token)).json()

    shown = (await hub.console.get("/api/v1/enrolment-tokens")).text + (await hub.console.get("/api/v1/audit")).text
    stored = b"".join(path.read_bytes() for path in hub.config.data_folder.rglob("*") if path.is_file())
    for secret in (token, joined["node_token"], joined["mqtt_password"]):
        assert secret not in shown
        assert secret.encode() not in stored


async def test_a_nodes_token_is_a_node_and_no_operator(hub: Any) -> None:
    joined = await hub.enrol()

    async with hub.bearer(joined["node_token"]) as client:
        assert code_of(await client.get("/api/v1/nodes")) == (403, "forbidden")


async def test_a_token_works_once(hub: Any) -> None:
    token = await hub.invite()
    await enrol(hub, token)

    assert code_of(await enrol(hub, token, serial="SN-2")) == (403, "enrolment_token_used")


async def test_a_node_whose_answer_was_lost_asks_again_and_gets_new_credentials(hub: Any) -> None:
    token = await hub.invite()
    lost = (await enrol(hub, token)).json()

    again = (await enrol(hub, token)).json()

    assert again["node_id"] == lost["node_id"]
    async with hub.bearer(lost["node_token"]) as client:
        assert code_of(await client.get("/api/v1/nodes")) == (401, "credentials_wrong")


async def test_a_box_that_is_enrolled_must_be_removed_before_it_joins_anew(hub: Any) -> None:
    await enrol(hub, await hub.invite())

    assert code_of(await enrol(hub, await hub.invite())) == (409, "serial_enrolled")
    await hub.console.delete("/api/v1/nodes/analysis-1")
    assert (await enrol(hub, await hub.invite())).status_code == 201


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"profile": "capture"}, (409, "profile_mismatch")),
        ({"profile": "no-such-box"}, (422, "invalid_input")),
        ({"token": "fse_this-is-not-a-token"}, (403, "enrolment_token_wrong")),
        ({"panel_url": "javascript:alert(1)"}, (422, "invalid_input")),
    ],
)
async def test_a_wrong_enrolment_says_what_is_wrong(hub: Any, more: dict[str, str], expected: tuple[int, str]) -> None:
    token = await hub.invite()

    assert code_of(await enrol(hub, **{"token": token, **more})) == expected


async def test_a_revoked_token_admits_nobody(hub: Any) -> None:
    token = await hub.invite()
    [listed] = (await hub.console.get("/api/v1/enrolment-tokens")).json()["items"]

    assert (await hub.console.delete(f"/api/v1/enrolment-tokens/{listed['id']}")).status_code == 204

    assert code_of(await enrol(hub, token)) == (403, "enrolment_token_wrong")


async def test_guessing_tokens_is_slowed_down(hub: Any) -> None:
    codes = [(await enrol(hub, "fse_guess-number-is-wrong")).status_code for _ in range(12)]

    assert codes[0] == 403
    assert codes[-1] == 429


async def test_a_removed_node_is_shut_out_at_once(hub: Any) -> None:
    joined = await hub.enrol()

    assert (await hub.console.delete("/api/v1/nodes/analysis-1")).status_code == 204

    async with hub.bearer(joined["node_token"]) as client:
        assert (await client.get("/api/v1/nodes")).status_code == 401
    assert (await hub.console.get("/api/v1/nodes/analysis-1")).status_code == 404


def test_node_ids_are_slugs_and_differ() -> None:
    assert node_id_for("Gate 3 / Analysis", ()) == "gate-3-analysis"
    assert node_id_for("城东抓图服务器", ()) == "node"
    assert node_id_for("城东", {"node", "node-2"}) == "node-3"
    assert len(node_id_for("x" * 64, {"x" * 48})) <= 64


def test_a_throttle_admits_a_burst_then_the_pace() -> None:
    now_s = [0.0]
    throttle = Throttle(per_minute=60, burst=2, clock_s=lambda: now_s[0])

    assert [throttle.admit("a"), throttle.admit("a"), throttle.admit("a")] == [0.0, 0.0, 1.0]
    assert throttle.admit("b") == 0.0
    now_s[0] = 1.0
    assert throttle.admit("a") == 0.0
