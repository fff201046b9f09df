"""Whether an envelope is the hub's word, meant for us, and newer than what we follow. Pure decisions."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import ValidationError

from federation.crypto import BadKey, PublicKey
from federation.messages import DOCUMENTS, AppliedVersion, DesiredDocument, Envelope, KeySuccession, Shard, Signed
from federation.messages.signed import LARGEST_ENVELOPE_BYTES

LARGEST_MESSAGE_BYTES = LARGEST_ENVELOPE_BYTES
"""An envelope of MQTT that is larger is not read at all."""


class Refusal(StrEnum):
    """Why a document is not followed."""

    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown_key"
    WRONG_SIGNATURE = "wrong_signature"
    OTHER_NODE = "other_node"
    REPLAYED = "replayed"
    UNFETCHED = "unfetched"


class Refused(Exception):
    """The document is not followed; `reason` is stable, the text is for the log."""

    def __init__(self, reason: Refusal, detail: str) -> None:
        """Say why, in one sentence."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whom a node believes: the hub's key as it knows it. It changes only by the word of the key before."""

    node_id: str
    key: PublicKey

    def following(self, envelope: Envelope) -> "Trust":
        """Return the trust after the envelope's successions; raise Refused if they do not lead from our key to its."""
        trusted = self
        for succession in envelope.successions:
            if trusted.key.fingerprint == envelope.key_id:
                break
            if succession.key_id == trusted.key.fingerprint:
                trusted = replace(trusted, key=_successor(succession, trusted.key))
        if trusted.key.fingerprint != envelope.key_id:
            raise Refused(Refusal.UNKNOWN_KEY, f"it is signed by {envelope.key_id[:20]}, which is not our hub's key")
        return trusted


def read_envelope(payload: bytes, shard: Shard) -> Envelope:
    """Return the envelope that came as `shard`; raise Refused."""
    if len(payload) > LARGEST_MESSAGE_BYTES:
        raise Refused(Refusal.OVERSIZED, f"it has {len(payload)} bytes, at most {LARGEST_MESSAGE_BYTES} are read")
    try:
        envelope = Envelope.model_validate_json(payload)
    except ValidationError as error:
        if _is_bare(payload):
            raise Refused(Refusal.UNSIGNED, "it is a document without an envelope") from error
        raise Refused(Refusal.MALFORMED, f"{error.error_count()} faults in its envelope") from error
    if not envelope.signature or not envelope.key_id:
        raise Refused(Refusal.UNSIGNED, "it carries no signature")
    if envelope.shard is not shard:
        raise Refused(Refusal.MALFORMED, f"a document of the shard {envelope.shard} came as {shard}")
    return envelope


def open_document(
    envelope: Envelope, content: bytes, trust: Trust, applied: Mapping[Shard, AppliedVersion]
) -> DesiredDocument | None:
    """Return the document in `content`, None if it is the one that we follow; raise Refused.

    `content` is the envelope's text, or what was fetched in its place. `trust` is that after the successions.
    """
    _check_signature(envelope, content, trust.key)
    try:
        document = DOCUMENTS[envelope.shard].model_validate_json(content)
    except ValidationError as error:
        raise Refused(Refusal.MALFORMED, f"{error.error_count()} faults in the document") from error
    if "shard" not in document.model_fields_set:
        raise Refused(Refusal.MALFORMED, "the document does not say of which shard it is")
    if document.node_id != trust.node_id:
        raise Refused(Refusal.OTHER_NODE, f"it is meant for {document.node_id}")
    present = applied.get(envelope.shard)
    if present is None or document.order > present.order:
        return document
    if document.order == present.order and document.issued_at == present.issued_at:
        return None
    raise Refused(Refusal.REPLAYED, f"it is {document.order}, we follow {present.order}")


def _check_signature(envelope: Envelope, content: bytes, key: PublicKey) -> None:
    if len(content) != envelope.size_bytes or f"sha256:{hashlib.sha256(content).hexdigest()}" != envelope.digest:
        raise Refused(Refusal.WRONG_SIGNATURE, "its content is not that of its digest")
    if not _is_signed(content, envelope.signature, key):
        raise Refused(Refusal.WRONG_SIGNATURE, "the signature is not that of its content")


def _is_signed(content: bytes, signature: str, key: PublicKey) -> bool:
    try:
        return key.verify(content, base64.b64decode(signature, validate=True))
    except (binascii.Error, ValueError):
        return False


def _successor(succession: Signed, key: PublicKey) -> PublicKey:
    if not _is_signed(succession.text.encode(), succession.signature, key):
        raise Refused(Refusal.WRONG_SIGNATURE, "a succession of keys is not signed by the key before")
    try:
        word = KeySuccession.model_validate_json(succession.text)
        if word.replaces == key.fingerprint:
            return PublicKey.from_pem(word.key)
    except (ValidationError, BadKey) as error:
        raise Refused(Refusal.MALFORMED, "a succession of keys cannot be read") from error
    raise Refused(Refusal.MALFORMED, "a succession names another key than the one that signs it")


def _is_bare(payload: bytes) -> bool:
    """Tell whether this is a document as it would stand inside an envelope."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and "hub_epoch" in found
