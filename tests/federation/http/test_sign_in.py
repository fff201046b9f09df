"""Signing in over a real HTTP server: cookie, CSRF, lockout, end of sessions, change of password."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from federation.http import Api, Routes, make_app
from federation.http.sign_in import CSRF_HEADER, SignIn, SignInOutcome
from federation.identity import Account, Attempts, Passwords, SessionRecord

GOOD = "correct-horse"
OTHER = "battery-staple"
SESSION = "/api/v1/session"


@dataclass(kw_only=True)
class MemoryAccounts:
    """Accounts in memory."""

    found: dict[str, Account] = field(default_factory=dict)

    async def find_by_name(self, username: str) -> Account | None:
        return next((item for item in self.found.values() if item.username == username), None)

    async def find_by_id(self, account_id: str) -> Account | None:
        return self.found.get(account_id)

    async def record_attempts(self, account_id: str, attempts: Attempts) -> None:
        self.change(account_id, attempts=attempts)

    async def record_sign_in(self, account_id: str, at: datetime) -> None:
        self.change(account_id, attempts=Attempts())

    async def change_password(self, account_id: str, password_hash: str) -> None:
        self.change(account_id, password_hash=password_hash, must_change_password=False, attempts=Attempts())

    def change(self, account_id: str, **changes: Any) -> None:
        self.found[account_id] = replace(self.found[account_id], **changes)


@dataclass(kw_only=True)
class MemorySessions:
    """Sessions in memory."""

    found: dict[str, SessionRecord] = field(default_factory=dict)

    async def add(self, session: SessionRecord) -> None:
        self.found[session.digest] = session

    async def find(self, digest: str) -> SessionRecord | None:
        return self.found.get(digest)

    async def touch(self, digest: str, seen_at: datetime) -> None:
        self.found[digest] = replace(self.found[digest], seen_at=seen_at)

    async def remove(self, digest: str) -> None:
        self.found.pop(digest, None)

    async def remove_of_account(self, account_id: str, *, keep: str | None = None) -> None:
        self.found = {key: item for key, item in self.found.items() if item.account_id != account_id or key == keep}

    async def remove_ended(self, *, unused_since: datetime, created_before: datetime) -> None:
        self.found = {
            key: item
            for key, item in self.found.items()
            if item.seen_at >= unused_since and item.created_at >= created_before
        }


@dataclass(kw_only=True)
class Site:
    """A program that people sign in to, with a clock that a test moves."""

    client: TestClient[Any, Any]
    accounts: MemoryAccounts
    sessions: MemorySessions
    outcomes: list[SignInOutcome]
    now: list[datetime]

    async def sign_in(self, username: str = "anna", password: str = GOOD) -> ClientResponse:
        return await self.client.post(SESSION, json={"username": username, "password": password})

    async def signed_in(self) -> dict[str, str]:
        """Sign in and return the headers that a change needs."""
        answer = await self.sign_in()
        return {CSRF_HEADER: (await answer.json())["csrf_token"]}

    def later(self, **duration: float) -> None:
        self.now[0] += timedelta(**duration)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts, sessions, outcomes = MemoryAccounts(), MemorySessions(), list[SignInOutcome]()
    accounts.found["1"] = Account(
        id="1",
        username="anna",
        display_name="安娜",
        role="operator",
        permissions=frozenset({"read"}),
        password_hash=hasher.hash(GOOD),
    )
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    async def note(outcome: SignInOutcome) -> None:
        outcomes.append(outcome)

    sign_in = SignIn(
        accounts=accounts,
        sessions=sessions,
        passwords=Passwords(hasher=hasher),
        on_sign_in=note,
        clock=lambda: now[0],
    )
    part = Routes(tag="things")

    @part.get("/api/v1/thing")
    async def get_thing() -> None:
        """Need a caller."""

    @part.post("/api/v1/thing")
    async def change_thing() -> None:
        """Need a caller who means it."""

    api = Api(title="t", version="1", parts=(sign_in.routes(), part), authenticator=sign_in)
    server = TestServer(make_app(api))
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as client:
        yield Site(client=client, accounts=accounts, sessions=sessions, outcomes=outcomes, now=now)


async def code(answer: ClientResponse) -> str:
    return str((await answer.json())["code"])


async def test_a_right_password_opens_a_session_that_says_who_is_there(site: Site) -> None:
    answer = await site.sign_in()
    again = await site.client.get(SESSION)

    assert answer.status == 200
    found = await again.json()
    assert found["user"] == {
        "id": "1",
        "username": "anna",
        "display_name": "安娜",
        "role": "operator",
        "permissions": ["read"],
    }
    assert found["csrf_token"] == (await answer.json())["csrf_token"]
    assert found["idle_timeout_s"] == 1800


async def test_the_cookie_is_hidden_from_scripts_and_bound_to_this_site(site: Site) -> None:
    answer = await site.sign_in()

    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie


async def test_the_token_itself_is_not_stored(site: Site) -> None:
    answer = await site.sign_in()

    assert answer.cookies["fengsui_session"].value not in site.sessions.found


async def test_without_a_session_nothing_is_given(site: Site) -> None:
    answer = await site.client.get("/api/v1/thing")

    assert (answer.status, await code(answer)) == (401, "not_signed_in")


@pytest.mark.parametrize(("username", "password"), [("anna", "wrong"), ("nobody", GOOD)])
async def test_wrong_password_and_unknown_name_are_answered_alike(site: Site, username: str, password: str) -> None:
    answer = await site.sign_in(username, password)

    assert (answer.status, await code(answer)) == (401, "wrong_credentials")
    assert site.outcomes[-1].action == "session.failed"


@pytest.mark.parametrize("username", ["anna", "nobody"])
async def test_five_wrong_passwords_close_the_name_for_five_minutes(site: Site, username: str) -> None:
    for _ in range(5):
        await site.sign_in(username, "wrong")

    closed = await site.sign_in(username, GOOD)
    site.later(minutes=5, seconds=1)
    opened = await site.sign_in(username, GOOD)

    assert (closed.status, await code(closed), closed.headers["Retry-After"]) == (429, "locked_out", "300")
    assert opened.status == (200 if username == "anna" else 401)


async def test_guesses_at_the_same_time_are_all_counted(site: Site) -> None:
    answers = await asyncio.gather(*(site.sign_in("anna", f"guess-{number}") for number in range(12)))

    assert sorted(answer.status for answer in answers) == [401] * 5 + [429] * 7


async def test_a_disabled_account_cannot_sign_in_and_its_session_ends(site: Site) -> None:
    await site.sign_in()
    site.accounts.change("1", disabled=True)

    assert (await site.client.get("/api/v1/thing")).status == 401
    assert (await site.sign_in()).status == 401


async def test_a_change_needs_the_csrf_token_and_reading_does_not(site: Site) -> None:
    headers = await site.signed_in()

    assert (await site.client.get("/api/v1/thing")).status == 204
    forged = await site.client.post("/api/v1/thing")
    assert (forged.status, await code(forged)) == (403, "csrf_token_wrong")
    assert (await site.client.post("/api/v1/thing", headers={CSRF_HEADER: "é"})).status == 403
    assert (await site.client.post("/api/v1/thing", headers=headers)).status == 204


async def test_who_has_a_session_can_sign_in_again_without_its_token(site: Site) -> None:
    await site.sign_in()

    assert (await site.sign_in()).status == 200


async def test_a_page_of_another_origin_signs_nobody_in(site: Site) -> None:
    body = {"username": "anna", "password": GOOD}
    answer = await site.client.post(SESSION, json=body, headers={"Origin": "http://evil.example"})

    assert (answer.status, await code(answer)) == (403, "other_origin")


async def test_a_page_of_another_origin_opens_no_socket(site: Site) -> None:
    await site.sign_in()
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "http://evil.example"}

    assert (await site.client.get("/api/v1/thing", headers=upgrade)).status == 403


async def test_a_session_ends_after_half_an_hour_without_use(site: Site) -> None:
    await site.sign_in()
    for _ in range(3):
        site.later(minutes=20)
        assert (await site.client.get("/api/v1/thing")).status == 204

    site.later(minutes=31)
    assert (await site.client.get("/api/v1/thing")).status == 401


async def test_no_session_lasts_longer_than_twelve_hours(site: Site) -> None:
    await site.sign_in()
    for _ in range(12 * 3 - 1):
        site.later(minutes=20)
        assert (await site.client.get("/api/v1/thing")).status == 204

    site.later(minutes=20)
    assert (await site.client.get("/api/v1/thing")).status == 401


async def test_signing_out_makes_the_cookie_worthless(site: Site) -> None:
    headers = await site.signed_in()
    cookies = site.client.session.cookie_jar.filter_cookies(site.client.make_url("/"))
    kept = {name: morsel.value for name, morsel in cookies.items()}

    gone = await site.client.delete(SESSION, headers=headers)
    replayed = await site.client.get("/api/v1/thing", cookies=kept)

    assert gone.status == 204
    assert replayed.status == 401
    assert site.outcomes[-1].action == "session.ended"


async def test_a_first_password_must_be_changed_before_anything_else(site: Site) -> None:
    site.accounts.change("1", must_change_password=True)
    headers = await site.signed_in()

    before = await site.client.get("/api/v1/thing")
    change = await site.client.put(f"{SESSION}/password", json={"old": GOOD, "new": OTHER}, headers=headers)

    assert (before.status, await code(before)) == (403, "password_change_required")
    assert change.status == 204
    assert (await site.client.get("/api/v1/thing")).status == 204
    assert (await site.sign_in("anna", OTHER)).status == 200


@pytest.mark.parametrize("new", [GOOD, "short", "aaaaaaaaaaaa", "x" * 129])
async def test_a_weak_new_password_is_refused(site: Site, new: str) -> None:
    headers = await site.signed_in()

    answer = await site.client.put(f"{SESSION}/password", json={"old": GOOD, "new": new}, headers=headers)

    assert (answer.status, await code(answer)) == (422, "invalid_input")


async def test_the_user_name_is_no_password(site: Site) -> None:
    site.accounts.change("1", username="anna-the-first")
    answer = await site.sign_in("anna-the-first")
    headers = {CSRF_HEADER: (await answer.json())["csrf_token"]}

    body = {"old": GOOD, "new": "Anna-The-First"}
    assert (await site.client.put(f"{SESSION}/password", json=body, headers=headers)).status == 422


async def test_changing_the_password_ends_the_other_sessions(site: Site) -> None:
    await site.sign_in()
    elsewhere = site.sessions.found.copy()
    headers = await site.signed_in()

    await site.client.put(f"{SESSION}/password", json={"old": GOOD, "new": OTHER}, headers=headers)

    assert (await site.client.get("/api/v1/thing")).status == 204
    assert not set(elsewhere) & set(site.sessions.found)


async def test_wrong_old_passwords_lock_the_account_too(site: Site) -> None:
    headers = await site.signed_in()
    body = {"old": "wrong", "new": OTHER}
    for _ in range(5):
        await site.client.put(f"{SESSION}/password", json=body, headers=headers)

    answer = await site.client.put(f"{SESSION}/password", json={**body, "old": GOOD}, headers=headers)

    assert answer.status == 429


async def test_passwords_are_shown_in_no_outcome(site: Site) -> None:
    await site.sign_in("anna", "a-secret-guess")
    await site.sign_in()

    assert "secret" not in repr(site.outcomes)
    assert GOOD not in repr(site.outcomes)
