"""Joining a hub with a token that works once."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import EnrolmentRefused, HubUnreachable
from appliance.store.identity import HubIdentity

ANSWER_WITHIN_S = 20.0
ANSWER_LIMIT_BYTES = 64 << 10


class Invitation(BaseModel):
    """Where the hub is, and the token that admits this appliance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hub_url: str = Field(pattern=r"^https?://[^\s/@]+$", max_length=200)
    token: str = Field(min_length=16, max_length=128, repr=False)


@dataclass(frozen=True, kw_only=True)
class Applicant:
    """What the appliance says of itself when it joins."""

    serial: str
    profile: str
    software: str
    panel_url: str


async def enrol(invitation: Invitation, applicant: Applicant) -> HubIdentity:
    """Return who this appliance is to the hub; raise EnrolmentRefused or HubUnreachable."""
    request = {
        "token": invitation.token,
        "serial": applicant.serial,
        "profile": applicant.profile,
        "software": applicant.software,
        "panel_url": applicant.panel_url,
    }
    status, answer = await _post(f"{invitation.hub_url}/api/v1/enrolments", request)
    if 400 <= status < 500:
        raise EnrolmentRefused(str(answer.get("detail", f"the hub answers {status}")))
    if status not in {200, 201}:
        raise HubUnreachable(f"the hub answers with status {status}; try again later")
    try:
        return HubIdentity.model_validate({**answer, "hub_url": invitation.hub_url})
    except ValidationError as error:
        raise HubUnreachable("the answer is not that of a Fengsui hub; check the address") from error


def read_invitation(path: Path) -> Invitation | None:
    """Return the invitation in `path`, None while there is none or it is incomplete. Blocks."""
    try:
        return Invitation.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


async def _post(url: str, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, json=body, allow_redirects=False) as answer,
        ):
            content = await answer.content.read(ANSWER_LIMIT_BYTES)
            parsed = json.loads(content)
            return answer.status, parsed if isinstance(parsed, dict) else {}
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise HubUnreachable(f"no hub answers at {url.split('/api/', maxsplit=1)[0]}") from error
