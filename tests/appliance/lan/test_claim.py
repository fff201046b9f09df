"""The claim desk by itself: its code, its tries and its time."""

from collections.abc import Callable
from typing import Any

import pytest

from appliance.lan.claim import CLAIM_ENDS_AFTER_S, LOCKED_S, MOST_CLAIMS, TRIES, ClaimDesk, Identified
from federation.http import Problem
from federation.identity.bundle import FORMAT, Bundle
from federation.identity.claim import (
    ALPHABET,
    ClaimChallenge,
    ClaimHandover,
    ClaimOpened,
    ClaimOutcome,
    ClaimProof,
    box_proof,
    claim_key,
    hub_proof,
    new_code,
    new_nonce,
)

BOX = Identified(serial="sn", profile="analysis", software="1", fingerprint="ab" * 32)
NOW_S = 1000.0


class Site:
    """A desk whose clock stands still, and what it has told."""

    def __init__(self) -> None:
        self.now_s = NOW_S
        self.claimable = True
        self.taken: list[Bundle] = []
        self.noted: list[str] = []
        self.desk = ClaimDesk(
            box=lambda: BOX,
            take=self._take,
            claimable=lambda: self.claimable,
            noted=self._note,
            clock_s=lambda: self.now_s,
        )

    async def _take(self, bundle: Bundle) -> ClaimOutcome:
        self.taken.append(bundle)
        return ClaimOutcome(joined=True)

    async def _note(self, action: str) -> None:
        self.noted.append(action)


class Claimed:
    """A hub's side of one claim."""

    def __init__(self, site: Site, *, code: str | None = None) -> None:
        nonce = new_nonce()
        self.challenge: ClaimChallenge = site.desk.open(ClaimOpened(nonce=nonce))
        self.id = self.challenge.claim_id
        self.key = claim_key(
            code or site.desk.code, hub_nonce=nonce, box_nonce=self.challenge.nonce, fingerprint=BOX.fingerprint
        )
        self.proof = ClaimProof(proof=hub_proof(self.key))


@pytest.fixture
def site() -> Site:
    return Site()


def a_bundle() -> ClaimHandover:
    values: dict[str, Any] = {
        "format": FORMAT,
        "hub_url": "https://hub:1",
        "hub_name": "hub",
        "ca": "ca",
        "token": "t" * 32,
        "name": "n",
        "profile": "analysis",
        "issued_at": "2026-11-26T00:00:00Z",
        "expires_at": "2026-11-27T00:00:00Z",
    }
    return ClaimHandover(bundle=Bundle.model_validate(values))


async def refused(work: Callable[[], Any]) -> tuple[int, str]:
    async def answer() -> None:
        given = work()
        if hasattr(given, "__await__"):
            await given

    with pytest.raises(Problem) as problem:
        await answer()
    return problem.value.status, problem.value.code


async def test_who_knows_the_code_hands_a_bundle_over_and_the_code_is_used_up(site: Site) -> None:
    code, claim = site.desk.code, Claimed(site)

    answer = await site.desk.prove(claim.id, claim.proof)
    outcome = await site.desk.hand_over(claim.id, a_bundle())

    assert answer.proof == box_proof(claim.key)
    assert (outcome.joined, len(site.taken), site.noted) == (True, 1, ["claim.taken"])
    assert site.desk.code != code


async def test_the_fifth_wrong_code_locks_the_desk_for_five_minutes_and_makes_another_code(site: Site) -> None:
    code = site.desk.code
    for _ in range(TRIES):
        claim = Claimed(site, code="22222222")
        assert await refused(lambda: site.desk.prove(claim.id, claim.proof)) == (403, "code_wrong")  # noqa: B023 - awaited within this turn

    assert site.noted == ["claim.failed"] * (TRIES - 1) + ["claim.locked"]
    assert await refused(lambda: Claimed(site)) == (429, "claim_locked")
    site.now_s += LOCKED_S - 0.1
    assert await refused(lambda: Claimed(site)) == (429, "claim_locked")
    site.now_s += 0.2
    assert site.desk.code != code
    claim = Claimed(site)
    assert (await site.desk.prove(claim.id, claim.proof)).proof == box_proof(claim.key)


async def test_a_claim_has_one_try_and_two_minutes(site: Site) -> None:
    wrong = ClaimProof(proof="0" * 64)
    tried, late = Claimed(site), Claimed(site)
    await refused(lambda: site.desk.prove(tried.id, wrong))

    assert await refused(lambda: site.desk.prove(tried.id, tried.proof)) == (404, "not_found")
    site.now_s += CLAIM_ENDS_AFTER_S + 1
    assert await refused(lambda: site.desk.prove(late.id, late.proof)) == (404, "not_found")


async def test_of_too_many_claims_the_oldest_is_forgotten(site: Site) -> None:
    claims = [Claimed(site) for _ in range(MOST_CLAIMS + 1)]

    assert await refused(lambda: site.desk.prove(claims[0].id, claims[0].proof)) == (404, "not_found")
    assert (await site.desk.prove(claims[-1].id, claims[-1].proof)).proof


async def test_a_box_that_belongs_to_a_hub_opens_nothing(site: Site) -> None:
    claim = Claimed(site)
    await site.desk.prove(claim.id, claim.proof)
    site.claimable = False

    assert await refused(lambda: Claimed(site)) == (409, "claim_closed")
    assert await refused(lambda: site.desk.hand_over(claim.id, a_bundle())) == (409, "claim_closed")
    assert site.taken == []


def test_codes_are_drawn_from_letters_that_are_not_misread() -> None:
    drawn = {new_code() for _ in range(300)}

    assert len(drawn) == 300
    assert set("".join(drawn)) == set(ALPHABET)
    assert not set(ALPHABET) & set("01OIL")
