"""Joining a hub across a border: the box's request and the hub's answer, two files that people carry.

Each is signed by the key that it names. That the key is the right one, people see by its fingerprint, which both
sides show.
"""

from datetime import UTC, datetime
from typing import Literal, TypeVar

from pydantic import AwareDatetime, Field

from federation.crypto import BadKey, PublicKey, SigningKey
from federation.exchange.errors import BadDocument
from federation.exchange.signed import digest_of, read_signed, sign
from federation.messages import Slug
from federation.messages.wire import WireModel

REQUEST_SUFFIX = ".fsx-request"
ANSWER_SUFFIX = ".fsx-answer"

Found = TypeVar("Found", "JoinRequest", "JoinAnswer")


class JoinRequest(WireModel):
    """What a box says of itself. `two_way` tells whether files also come back to it."""

    format: Literal["fengsui-exchange-request/1"] = "fengsui-exchange-request/1"
    serial: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")
    profile: Slug
    software: str = Field(max_length=64, pattern=r"^[^\x00]*$")
    two_way: bool
    key: str = Field(max_length=4096, description="PEM of the public key that signs and opens the box's files")
    made_at: AwareDatetime


class JoinAnswer(WireModel):
    """Who the box is to the hub, and who the hub is; `request_sm3` names the request that it answers."""

    format: Literal["fengsui-exchange-answer/1"] = "fengsui-exchange-answer/1"
    request_sm3: str = Field(pattern=r"^[0-9a-f]{64}$")
    node_id: Slug
    hub_id: Slug
    hub_name: str = Field(max_length=64)
    key: str = Field(max_length=4096, description="PEM of the public key that signs and opens the hub's files")
    signing_key: str = Field(max_length=4096, description="PEM of the key that signs what the hub wants of nodes")
    made_at: AwareDatetime


def make_request(key: SigningKey, *, serial: str, profile: str, software: str, two_way: bool) -> str:
    """Return the content of the box's file."""
    request = JoinRequest(
        serial=serial,
        profile=profile,
        software=software,
        two_way=two_way,
        key=key.public.to_pem(),
        made_at=datetime.now(UTC),
    )
    return sign(request, key)


def read_request(text: str) -> tuple[JoinRequest, PublicKey]:
    """Return what a box says, and its key; raise BadDocument."""
    return _by_its_own_key(*read_signed(text, JoinRequest))


def make_answer(key: SigningKey, request: str, *, node_id: str, hub_id: str, hub_name: str, signing_key: str) -> str:
    """Return the content of the hub's file that answers the file `request`."""
    answer = JoinAnswer(
        request_sm3=digest_of(request),
        node_id=node_id,
        hub_id=hub_id,
        hub_name=hub_name,
        key=key.public.to_pem(),
        signing_key=signing_key,
        made_at=datetime.now(UTC),
    )
    return sign(answer, key)


def read_answer(text: str, *, request: str) -> tuple[JoinAnswer, PublicKey]:
    """Return the hub's answer to the file `request`, and its key; raise BadDocument."""
    answer, key = _by_its_own_key(*read_signed(text, JoinAnswer))
    if answer.request_sm3 != digest_of(request):
        raise BadDocument(
            "answer_to_other_request", "the answer is to another request; carry this box's newest request to the hub"
        )
    return answer, key


def _by_its_own_key(document: Found, signer: PublicKey) -> tuple[Found, PublicKey]:
    try:
        named = PublicKey.from_pem(document.key)
    except BadKey as error:
        raise BadDocument("document_unreadable", "the document names no key that can be used") from error
    if named != signer:
        raise BadDocument("document_changed", "the document was signed by another key than the one that it names")
    return document, signer
