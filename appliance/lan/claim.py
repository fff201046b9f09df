"""The box's end of a claim: a code that somebody reads off the box, few tries, and the bundle of who knew it."""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from federation.http import PUBLIC, Problem, Routes
from federation.http.problem import conflict, not_found
from federation.identity.bundle import Bundle
from federation.identity.claim import (
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
    proves,
)

MOST_CLAIMS = 8
CLAIM_ENDS_AFTER_S = 120.0
TRIES = 5
LOCKED_S = 300.0


async def _not_noted(_action: str) -> None:
    """Write nothing down."""


@dataclass(frozen=True, kw_only=True)
class Identified:
    """Who the box is to whoever claims it."""

    serial: str
    profile: str
    software: str
    fingerprint: str


@dataclass(kw_only=True)
class _Claim:
    hub_nonce: str
    box_nonce: str
    ends_at_s: float
    proved: bool = False


@dataclass(kw_only=True)
class ClaimDesk:
    """Decides about claims. `code` is new after a success, and after `TRIES` wrong ones, which lock the desk.

    `take` is given the bundle of a hub that has proved itself; `claimable` says whether the box has no hub.
    `changed` is called when there is another code, `noted` with `claim.taken`, `claim.failed` or `claim.locked`.
    """

    box: Callable[[], Identified]
    take: Callable[[Bundle], Awaitable[ClaimOutcome]]
    claimable: Callable[[], bool]
    changed: Callable[[], None] = lambda: None
    noted: Callable[[str], Awaitable[None]] = _not_noted
    clock_s: Callable[[], float] = time.monotonic
    code: str = field(default_factory=new_code, repr=False)
    refused: int = field(default=0, init=False)
    _wrong: int = field(default=0, init=False)
    _locked_until_s: float = field(default=0.0, init=False)
    _claims: OrderedDict[str, _Claim] = field(default_factory=OrderedDict, init=False)
    _proving: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def locked_s(self) -> float:
        """For how many seconds no code is looked at, 0 if the desk is open."""
        return max(0.0, self._locked_until_s - self.clock_s())

    def open(self, opened: ClaimOpened) -> ClaimChallenge:
        """Begin a claim; of too many the oldest is forgotten. Raises Problem."""
        self._check_open()
        now_s = self.clock_s()
        for claim_id in [key for key, claim in self._claims.items() if claim.ends_at_s < now_s]:
            del self._claims[claim_id]
        while len(self._claims) >= MOST_CLAIMS:
            self._claims.popitem(last=False)
        claim_id = secrets.token_hex(16)
        claim = _Claim(hub_nonce=opened.nonce, box_nonce=new_nonce(), ends_at_s=now_s + CLAIM_ENDS_AFTER_S)
        self._claims[claim_id] = claim
        box = self.box()
        return ClaimChallenge(
            claim_id=claim_id, nonce=claim.box_nonce, serial=box.serial, profile=box.profile, software=box.software
        )

    async def prove(self, claim_id: str, given: ClaimProof) -> ClaimProof:
        """Check that the hub was told the code, and prove that we made it; each claim has one try. Raises Problem."""
        async with self._proving:  # one at a time: each takes 16 MiB
            self._check_open()
            claim = self._known(claim_id)
            if claim.proved:
                raise not_found("claim", claim_id)
            key = await asyncio.to_thread(
                claim_key,
                self.code,
                hub_nonce=claim.hub_nonce,
                box_nonce=claim.box_nonce,
                fingerprint=self.box().fingerprint,
            )
            if not proves(hub_proof(key), given.proof):
                del self._claims[claim_id]
                await self._count_wrong()
                raise Problem(403, "code_wrong", "The code is not the one that this box shows now; read it again.")
            claim.proved = True
            return ClaimProof(proof=box_proof(key))

    async def hand_over(self, claim_id: str, handed: ClaimHandover) -> ClaimOutcome:
        """Take the bundle of a hub that has proved itself, and try to join by it. Raises Problem."""
        self._check_open()
        if not self._known(claim_id).proved:
            raise Problem(403, "not_proved", "Prove that you were told the code first.")
        if handed.bundle.profile != self.box().profile:
            raise conflict("profile_mismatch", f"The bundle is for a box of the profile {handed.bundle.profile!r}.")
        self._claims.clear()
        self._renew_code()
        await self.noted("claim.taken")
        return await self.take(handed.bundle)

    def _check_open(self) -> None:
        if not self.claimable():
            raise conflict("claim_closed", "This box belongs to a hub; its panel can let it join another.")
        if self.locked_s > 0:
            raise Problem(429, "claim_locked", f"Too many wrong codes; try again in {self.locked_s:.0f} s.")

    def _known(self, claim_id: str) -> _Claim:
        claim = self._claims.get(claim_id)
        if claim is None or claim.ends_at_s < self.clock_s():
            raise not_found("claim", claim_id)
        return claim

    async def _count_wrong(self) -> None:
        self.refused += 1
        self._wrong += 1
        locks = self._wrong >= TRIES
        if locks:
            self._locked_until_s = self.clock_s() + LOCKED_S
            self._claims.clear()
            self._renew_code()
        await self.noted("claim.locked" if locks else "claim.failed")

    def _renew_code(self) -> None:
        self._wrong = 0
        self.code = new_code()
        self.changed()


def routes(desk: ClaimDesk) -> Routes:
    """Return the operations by which a hub claims this box."""
    part = Routes(tag="claims")

    @part.post("/api/v1/claims", access=PUBLIC, status=201)
    async def open_claim(body: ClaimOpened) -> ClaimChallenge:
        """Begin a claim."""
        return desk.open(body)

    @part.post("/api/v1/claims/{claim_id}/proof", access=PUBLIC)
    async def prove_claim(claim_id: str, body: ClaimProof) -> ClaimProof:
        """Prove that the code is known; the answer proves that this is the box."""
        return await desk.prove(claim_id, body)

    @part.put("/api/v1/claims/{claim_id}/bundle", access=PUBLIC)
    async def hand_bundle_over(claim_id: str, body: ClaimHandover) -> ClaimOutcome:
        """Hand over the bundle by which the box joins, and hear what came of the first try."""
        return await desk.hand_over(claim_id, body)

    return part
