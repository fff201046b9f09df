from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.security.model import Role
from tests.hub.conftest import ON_SQLITE

DRAFT = {"username": "li.ming", "display_name": "李明", "role": "operator"}


def first_password_of(hub: Any) -> tuple[Path, str]:
    path: Path = hub.config.data_folder / "first-password"
    return path, path.read_text().strip()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def users_of(hub: Any) -> dict[str, dict[str, Any]]:
    listed = (await hub.console.get("/api/v1/users")).raise_for_status().json()["items"]
    return {user["username"]: user for user in listed}


@ON_SQLITE
async def test_the_first_start_creates_an_administrator_whose_password_only_the_owner_can_read(hub: Any) -> None:
    path, first = first_password_of(hub)

    assert path.stat().st_mode & 0o777 == 0o600
    answer = await hub.anonymous.post("/api/v1/session", json={"username": "admin", "password": first})
    assert answer.status_code == 200
    assert answer.json()["must_change_password"] is True


@ON_SQLITE
async def test_the_first_password_opens_nothing_and_its_file_goes_once_it_is_changed(hub: Any) -> None:
    path, first = first_password_of(hub)
    async with httpx.AsyncClient(base_url=hub.url, timeout=60) as client:
        session = (await client.post("/api/v1/session", json={"username": "admin", "password": first})).json()
        client.headers["X-CSRF-Token"] = session["csrf_token"]

        assert code_of(await client.get("/api/v1/users")) == (403, "password_change_required")
        change = {"old": first, "new": "a-tower-on-a-hill"}
        assert (await client.put("/api/v1/session/password", json=change)).status_code == 204

        assert (await client.get("/api/v1/users")).status_code == 200
        assert path not in set(hub.config.data_folder.iterdir())


async def test_a_new_user_signs_in_with_the_password_that_is_shown_once(hub: Any) -> None:
    made = (await hub.console.post("/api/v1/users", json=DRAFT)).json()

    credentials = {"username": "li.ming", "password": made["first_password"]}
    assert (await hub.anonymous.post("/api/v1/session", json=credentials)).status_code == 200
    assert made["first_password"] not in (await hub.console.get("/api/v1/audit")).text


@ON_SQLITE
async def test_a_name_can_be_given_once_only(hub: Any) -> None:
    await hub.console.post("/api/v1/users", json=DRAFT)

    assert code_of(await hub.console.post("/api/v1/users", json=DRAFT)) == (409, "username_taken")


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "viewer"}])
@ON_SQLITE
async def test_the_last_administrator_stays_one(hub: Any, change: dict[str, Any]) -> None:
    admin = (await users_of(hub))["admin"]

    refused = await hub.console.patch(f"/api/v1/users/{admin['id']}", json=change)

    assert code_of(refused) == (409, "last_administrator")
    assert (await users_of(hub))["admin"] == admin


async def test_the_last_administrator_cannot_be_removed(hub: Any) -> None:
    admin = (await users_of(hub))["admin"]

    assert code_of(await hub.console.delete(f"/api/v1/users/{admin['id']}")) == (409, "last_administrator")


@ON_SQLITE
async def test_nobody_changes_their_own_role_or_removes_themselves(hub: Any) -> None:
    async with hub.signed_in("administrator") as client:
        own = (await users_of(hub))["some-administrator"]["id"]

        assert code_of(await client.patch(f"/api/v1/users/{own}", json={"role": "viewer"})) == (409, "own_account")
        assert code_of(await client.delete(f"/api/v1/users/{own}")) == (409, "own_account")
        assert (await client.patch(f"/api/v1/users/{own}", json={"display_name": "我"})).status_code == 200


@pytest.mark.parametrize("end", ["disable", "remove", "reset"])
async def test_a_disabled_removed_or_reset_account_is_signed_out_at_once(hub: Any, end: str) -> None:
    async with hub.signed_in("viewer") as client:
        address = f"/api/v1/users/{(await users_of(hub))['some-viewer']['id']}"

        if end == "disable":
            await hub.console.patch(address, json={"disabled": True})
        elif end == "remove":
            await hub.console.delete(address)
        else:
            await hub.console.post(f"{address}/password-reset")

        assert (await client.get("/api/v1/nodes")).status_code == 401


MAY: dict[str, set[str]] = {
    "administrator": {"/api/v1/users", "/api/v1/audit", "/api/v1/nodes", "/api/v1/enrolment-bundles"},
    "operator": {"/api/v1/nodes", "/api/v1/enrolment-bundles"},
    "auditor": {"/api/v1/audit", "/api/v1/nodes"},
    "viewer": {"/api/v1/nodes"},
}


@pytest.mark.parametrize("role", [role.value for role in Role])
@ON_SQLITE
async def test_each_role_reads_what_it_may_and_nothing_else(hub: Any, role: str) -> None:
    async with hub.signed_in(role) as client:
        readable = {path for path in MAY["administrator"] if (await client.get(path)).status_code == 200}

    assert readable == MAY[role]


@ON_SQLITE
async def test_a_change_without_the_csrf_token_is_refused(hub: Any) -> None:
    async with hub.signed_in("administrator") as client:
        del client.headers["X-CSRF-Token"]

        assert code_of(await client.post("/api/v1/users", json=DRAFT)) == (403, "csrf_token_wrong")


async def test_five_wrong_passwords_lock_the_account_and_a_reset_opens_it(hub: Any) -> None:
    await hub.console.post("/api/v1/users", json=DRAFT)
    wrong = {"username": "li.ming", "password": "not-the-password"}
    answers = [code_of(await hub.anonymous.post("/api/v1/session", json=wrong)) for _ in range(6)]

    assert answers == [(401, "wrong_credentials")] * 5 + [(429, "locked_out")]
    user = (await users_of(hub))["li.ming"]
    assert user["locked_until"] is not None
    again = (await hub.console.post(f"/api/v1/users/{user['id']}/password-reset")).json()
    right = {"username": "li.ming", "password": again["first_password"]}
    assert (await hub.anonymous.post("/api/v1/session", json=right)).status_code == 200


@ON_SQLITE
async def test_an_unknown_bearer_token_is_refused_even_where_anybody_may_call(hub: Any) -> None:
    async with hub.bearer("fsn_nonsense") as client:
        assert code_of(await client.get("/api/v1/nodes")) == (401, "credentials_wrong")
