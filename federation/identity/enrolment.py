"""A node's end of joining a hub, and of getting the next certificate; for appliances and for hubs below a hub."""

import asyncio
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from federation.crypto import BadKey, PublicKey
from federation.identity.bundle import Bundle
from federation.identity.certificate import read_certificate
from federation.identity.errors import EnrolmentRefused, HubUnreachable, KeyUnsuitable
from federation.identity.key import NodeKey
from federation.identity.member import HubIdentity, Member
from federation.identity.trust import client_context
from federation.messages import Enrolled, EnrolmentRequest, Issued, RenewalRequest

ANSWER_WITHIN_S = 20.0
ANSWER_LIMIT_BYTES = 64 << 10
ENROLMENTS = "/api/v1/enrolments"
RENEWALS = "/api/v1/certificate-renewals"

Answer = TypeVar("Answer", bound=Issued)


@dataclass(frozen=True, kw_only=True)
class Applicant:
    """What a node says of itself when it joins."""

    serial: str
    profile: str
    software: str = ""
    panel_url: str = ""


async def enrol(bundle: Bundle, applicant: Applicant, key: NodeKey, *, now: datetime) -> Member:
    """Join the bundle's hub; raise EnrolmentRefused or HubUnreachable. `now` is by the node's own clock."""
    request = EnrolmentRequest(
        token=bundle.token,
        request=key.request(applicant.serial),
        serial=applicant.serial,
        profile=applicant.profile,
        software=applicant.software,
        panel_url=applicant.panel_url,
    )
    answer = await _ask(bundle.hub_url, ENROLMENTS, request, ca=bundle.ca)
    enrolled = _understood(Enrolled, answer, key)
    identity = HubIdentity(
        hub_url=bundle.hub_url,
        hub_id=enrolled.hub_id,
        hub_name=enrolled.hub_name,
        node_id=enrolled.node_id,
        brokers=enrolled.brokers,
        ca=enrolled.ca,
        certificate=enrolled.certificate,
        obtained_at=now,
        renew_after_s=enrolled.renew_after_s,
        signing_key=enrolled.signing_key,
    )
    return Member(key=key, identity=identity)


async def renew(member: Member, *, now: datetime) -> Member:
    """Return the node with its next certificate; raise EnrolmentRefused or HubUnreachable."""
    request = RenewalRequest(request=member.key.request(member.identity.node_id))
    answer = await _ask(member.identity.hub_url, RENEWALS, request, ca=member.identity.ca)
    return member.renewed(_understood(Issued, answer, member.key), now)


async def _ask(hub_url: str, path: str, body: BaseModel, *, ca: str) -> dict[str, Any]:
    """Return the hub's answer, over TLS pinned to its authority and without a certificate of ours."""
    try:
        tls = await asyncio.to_thread(client_context, ca=ca)
    except (ssl.SSLError, ValueError) as error:
        raise HubUnreachable("the hub's authority cannot be read; take a new bundle") from error
    status, answer = await _post(hub_url + path, body.model_dump(mode="json"), tls)
    if 400 <= status < 500 and status != 429:
        code, detail = answer.get("code", "enrolment_refused"), answer.get("detail", f"the hub answers {status}")
        raise EnrolmentRefused(str(code), str(detail))
    if status not in {200, 201}:
        raise HubUnreachable(str(answer.get("detail", f"the hub answers with status {status}; it is asked again")))
    return answer


async def _post(url: str, body: dict[str, Any], tls: ssl.SSLContext) -> tuple[int, dict[str, Any]]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    where = url.split("/api/", maxsplit=1)[0]
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=body, ssl=tls, allow_redirects=False) as answer,
        ):
            content = await answer.content.read(ANSWER_LIMIT_BYTES)
            parsed = from_json(content)
            return answer.status, parsed if isinstance(parsed, dict) else {}
    except aiohttp.ClientConnectorCertificateError as error:
        raise HubUnreachable(f"{where} is not the hub that the bundle names: its certificate is another's") from error
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise HubUnreachable(f"no hub answers at {where}") from error


def _understood(model: type[Answer], answer: dict[str, Any], key: NodeKey) -> Answer:
    """Return the answer; raise HubUnreachable unless it holds a certificate for our key."""
    try:
        issued = model.model_validate(answer)
        if read_certificate(issued.certificate).fingerprint != key.fingerprint:
            raise HubUnreachable("the hub answers with a certificate for another key")
        if isinstance(issued, Enrolled):
            PublicKey.from_pem(issued.signing_key)
    except (ValidationError, KeyUnsuitable, BadKey) as error:
        raise HubUnreachable("the answer is not that of a Fengsui hub; check the address") from error
    return issued
