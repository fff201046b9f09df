"""What the hub signs: the exact text of a document, and the word that another key takes the place of its own."""

from typing import Literal

from pydantic import AwareDatetime, Field

from federation.messages.desired import Shard
from federation.messages.identifiers import Digest
from federation.messages.wire import WireModel

LARGEST_DOCUMENT_BYTES = 16 << 20
LARGEST_ENVELOPE_BYTES = 64 << 10
"""A document whose envelope would be larger is fetched over HTTPS by its digest."""

MOST_SUCCESSIONS = 16
LARGEST_KEY_CHARACTERS = 1024

Signature = str
"""Of SM2 with SM3 (GB/T 32918.2), ASN.1 in base64."""


class Signed(WireModel):
    """A text with the signature over its UTF-8 bytes, and the fingerprint of the key that made it."""

    text: str
    key_id: str = Field(max_length=80)
    signature: Signature = Field(max_length=128)


class KeySuccession(WireModel):
    """The text by which a hub's old key names the one that follows it."""

    kind: Literal["signing-key-succession"] = "signing-key-succession"
    replaces: str = Field(max_length=80, description="fingerprint of the key that signs this")
    key: str = Field(max_length=LARGEST_KEY_CHARACTERS, description="PEM of the public key from now on")
    made_at: AwareDatetime


class Envelope(WireModel):
    """A signed document of one shard, or, without its text, where it is to be had: at the hub, by its digest.

    `successions` lead from each earlier key of the hub to the present one, the oldest first.
    """

    shard: Shard
    text: str | None = None
    digest: Digest = Field(description="SHA-256 of the text's UTF-8 bytes")
    size_bytes: int = Field(ge=1, le=LARGEST_DOCUMENT_BYTES)
    key_id: str = Field(default="", max_length=80)
    signature: Signature = Field(default="", max_length=128)
    successions: tuple[Signed, ...] = Field(default=(), max_length=MOST_SUCCESSIONS)
