"""The hub's signing key with the history that leads to it, and the envelopes that it makes."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from federation.crypto import SigningKey
from federation.messages import Envelope, KeySuccession, Shard, Signed
from federation.messages.signed import LARGEST_ENVELOPE_BYTES, MOST_SUCCESSIONS


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    private_key: str = Field(repr=False)
    successions: tuple[Signed, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HubKey:
    """The key by which a hub signs documents. `successions` lead from its earlier keys to it, the oldest first."""

    key: SigningKey
    successions: tuple[Signed, ...] = ()

    @classmethod
    def generate(cls) -> Self:
        """Return a first key, without a history."""
        return cls(key=SigningKey.generate())

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return what `to_text` gave; raise ValueError (pydantic's) or BadKey."""
        stored = _Stored.model_validate_json(text)
        return cls(key=SigningKey.from_pem(stored.private_key), successions=stored.successions)

    def to_text(self) -> str:
        """Return the key with its history as JSON, to be kept in a private file."""
        return _Stored(private_key=self.key.to_pem(), successions=self.successions).model_dump_json(indent=1) + "\n"

    @property
    def id(self) -> str:
        """The fingerprint of the public half."""
        return self.key.public.fingerprint

    def sign(self, text: str) -> Signed:
        """Return the text with its signature."""
        return Signed(text=text, key_id=self.id, signature=base64.b64encode(self.key.sign(text.encode())).decode())

    def renewed(self, now: datetime) -> "HubKey":
        """Return a new key that this one names as its successor; nodes that know any of the last ones will follow."""
        following = SigningKey.generate()
        word = KeySuccession(replaces=self.id, key=following.public.to_pem(), made_at=now)
        history = (*self.successions, self.sign(word.model_dump_json()))
        return HubKey(key=following, successions=history[-MOST_SUCCESSIONS:])


def sealed(shard: Shard, signed: Signed, successions: tuple[Signed, ...] = ()) -> Envelope:
    """Return the envelope of a signed document; without the text if it would be too large for the broker."""
    content = signed.text.encode()
    whole = Envelope(
        shard=shard,
        text=signed.text,
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
        size_bytes=len(content),
        key_id=signed.key_id,
        signature=signed.signature,
        successions=successions,
    )
    if len(whole.to_bytes()) <= LARGEST_ENVELOPE_BYTES:
        return whole
    return whole.model_copy(update={"text": None})
