"""A hub's end of a claim: it proves that it was told the code, checks the box's proof, and hands the bundle over."""

import asyncio
import re
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from pydantic import BaseModel
from pydantic_core import from_json

from federation.identity.bundle import Bundle
from federation.identity.claim import (
    ClaimChallenge,
    ClaimHandover,
    ClaimOpened,
    ClaimOutcome,
    ClaimProof,
    ClaimTicket,
    box_proof,
    claim_key,
    hub_proof,
    new_nonce,
    proves,
)
from federation.identity.errors import ClaimRefused, PeerUnreachable, WrongPeer
from federation.identity.pinning import pinned_context

CLAIMS = "/api/v1/claims"
LAN_PORT = 8091
ANSWER_WITHIN_S = 30.0
ANSWER_LIMIT_BYTES = 64 << 10
CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
LONGEST_DETAIL = 1000

Answer = TypeVar("Answer", bound=BaseModel)


class BoxClaim:
    """One claim over one pinned session; `challenge` says who the box is. Make it with `open_claim`."""

    def __init__(self, session: aiohttp.ClientSession, challenge: ClaimChallenge, key: bytes) -> None:
        """Go on with a claim whose challenge has come."""
        self.challenge = challenge
        self._session = session
        self._key = key

    async def prove(self) -> None:
        """Prove that we were told the code, and check that the box made it; raise ClaimFailed."""
        body = ClaimProof(proof=hub_proof(self._key))
        given = await _ask(self._session, "POST", f"{CLAIMS}/{self.challenge.claim_id}/proof", body, ClaimProof)
        if not proves(box_proof(self._key), given.proof):
            raise WrongPeer("the box does not know the code that was typed")

    async def hand_over(self, bundle: Bundle) -> ClaimOutcome:
        """Give the bundle to the box that has proved itself, and return what came of its first try to join."""
        path = f"{CLAIMS}/{self.challenge.claim_id}/bundle"
        return await _ask(self._session, "PUT", path, ClaimHandover(bundle=bundle), ClaimOutcome)


async def open_claim(session: aiohttp.ClientSession, ticket: ClaimTicket) -> BoxClaim:
    """Open a claim on a session that is pinned to the ticket's key; raise ClaimFailed."""
    opened = ClaimOpened(nonce=new_nonce())
    challenge = await _ask(session, "POST", CLAIMS, opened, ClaimChallenge)
    key = await asyncio.to_thread(
        claim_key, ticket.code, hub_nonce=opened.nonce, box_nonce=challenge.nonce, fingerprint=ticket.fingerprint
    )
    return BoxClaim(session, challenge, key)


async def session_to(ticket: ClaimTicket) -> aiohttp.ClientSession:
    """Return a session that reaches the holder of the ticket's key only; raise PeerUnreachable or WrongPeer."""
    parts = urlsplit(ticket.url)
    try:
        host, port = parts.hostname or "", parts.port or LAN_PORT
    except ValueError as error:
        raise PeerUnreachable(f"{ticket.url} is no address") from error
    tls = await pinned_context(host, port, ticket.fingerprint)
    return aiohttp.ClientSession(
        f"https://{parts.netloc if parts.port else f'{parts.netloc}:{LAN_PORT}'}",
        connector=aiohttp.TCPConnector(ssl=tls),
        timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
    )


async def _ask(session: aiohttp.ClientSession, method: str, path: str, body: BaseModel, answer: type[Answer]) -> Answer:
    try:
        async with session.request(method, path, json=body.model_dump(mode="json"), allow_redirects=False) as response:
            status, content = response.status, await response.content.read(ANSWER_LIMIT_BYTES)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise PeerUnreachable("the box does not answer any more; try again") from error
    return read_answer(status, content, answer)


def read_answer(status: int, content: bytes, answer: type[Answer]) -> Answer:
    """Return what a box answers to a step of a claim; raise ClaimRefused or WrongPeer, whatever it says."""
    try:
        if status < 400:
            return answer.model_validate_json(content)
        found: Any = from_json(content)
    except ValueError as error:  # pydantic's own is one
        raise WrongPeer("what answers there is no Fengsui box") from error
    told = found if isinstance(found, dict) else {}
    code, detail = str(told.get("code", "")), str(told.get("detail", f"status {status}"))
    raise ClaimRefused(code if CODE.fullmatch(code) else "claim_refused", detail[:LONGEST_DETAIL])
