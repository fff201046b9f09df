"""How an operator lets in a box that waits: proves to it that he was told its code, and hands it a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError
from sqlalchemy import Connection

from federation.http import Problem
from federation.http.problem import invalid
from federation.identity.claim import ALPHABET, ClaimOutcome, ClaimTicket, plain_code
from federation.identity.claiming import BoxClaim, open_claim, session_to
from federation.identity.errors import ClaimFailed, ClaimRefused
from federation.identity.key import read_fingerprint
from hub.database import Database
from hub.fleet.joining import Joining
from hub.fleet.model import ClaimDraft, ClaimResult, EnrolmentBundleDraft
from hub.security.audit import Actor, record

BUNDLE_VALID_S = 3600


@dataclass(kw_only=True)
class Claiming:
    """Claims boxes. `failed` counts those that were not claimed."""

    database: Database
    joining: Joining
    failed: int = field(default=0, init=False)

    async def claim(self, draft: ClaimDraft, actor: Actor) -> ClaimResult:
        """Claim a box by its address, its key and its code, and return what came of its first try to join."""
        ticket = _ticket(draft)
        try:
            async with await session_to(ticket) as session:
                claim = await open_claim(session, ticket)
                await claim.prove()
                outcome = await self._hand_over(claim, draft, actor)
        except Problem as problem:  # the box says of itself what cannot be
            await self._note_failure(ticket, actor, problem.code)
            raise
        except ClaimFailed as error:
            await self._note_failure(ticket, actor, error.code)
            raise Problem(409 if isinstance(error, ClaimRefused) else 502, error.code, f"{error}.") from error
        return ClaimResult(
            serial=claim.challenge.serial, joined=outcome.joined, code=outcome.code, reason=outcome.reason
        )

    async def _hand_over(self, claim: BoxClaim, draft: ClaimDraft, actor: Actor) -> ClaimOutcome:
        box = claim.challenge
        made = await self.joining.create_bundle(
            EnrolmentBundleDraft(name=draft.name, site=draft.site, profile=box.profile, valid_s=BUNDLE_VALID_S), actor
        )
        try:
            outcome = await claim.hand_over(made.bundle)
        except ClaimFailed:
            await self.joining.remove_bundle(made.id, actor)
            raise
        detail = {"url": draft.url, "key": draft.fingerprint, "bundle": made.id, "joined": outcome.joined}
        await self._record(actor, "node.claim", box.serial, detail)
        return outcome

    async def _note_failure(self, ticket: ClaimTicket, actor: Actor, code: str) -> None:
        self.failed += 1
        detail = {"url": ticket.url, "key": ticket.fingerprint, "code": code}
        await self._record(actor, "node.claim", ticket.serial, detail, succeeded=False)

    async def _record(
        self, actor: Actor, action: str, serial: str, detail: Mapping[str, object], *, succeeded: bool = True
    ) -> None:
        def work(connection: Connection) -> None:
            record(connection, actor, action, f"serial:{serial}", detail, succeeded=succeeded)

        await self.database.run(work)


def _ticket(draft: ClaimDraft) -> ClaimTicket:
    """Return what was typed, read; raise Problem."""
    fingerprint = read_fingerprint(draft.fingerprint)
    if fingerprint is None:
        raise invalid("body.fingerprint", "a fingerprint has 64 hexadecimal digits; compare it with the box")
    code = plain_code(draft.code)
    if any(letter not in ALPHABET for letter in code):
        raise invalid("body.code", f"a code has 8 of the characters {ALPHABET}")
    try:
        return ClaimTicket(serial=draft.serial or "-", url=draft.url, fingerprint=fingerprint, code=code)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise invalid(f"body.{first['loc'][0]}", str(first["msg"])) from error
