"""The claim: how a hub that was told a box's code proves it to the box, and the box to the hub, before either trusts.

The code has eight characters that somebody reads off the box. Neither side ever sends it. Both derive a key from it by
scrypt (RFC 7914), together with what is new in this claim and with the fingerprint of the key to which the hub's TLS
connection goes; each proves that it has the key (RFC 2104). Whoever stands in between has another fingerprint, so that
what he hears proves nothing to the box, and guessing the code from it takes 16 MiB and some 50 ms for each of 8.5e11.
"""

import hashlib
import hmac
import re
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from federation.identity.bundle import Bundle
from federation.identity.key import FINGERPRINT_PATTERN
from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel

KIND = "_fengsui._tcp"
PROPERTIES = ("serial", "key", "profile")
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # without what is easily misread: 0 and O, 1, I and L
CODE_LENGTH = 8
NONCE_PATTERN = r"^[0-9a-f]{64}$"
CONTEXT = b"fengsui-claim/1"


class ClaimOpened(WireModel):
    """The hub opens a claim."""

    nonce: str = Field(pattern=NONCE_PATTERN)


class ClaimChallenge(WireModel):
    """The box's answer: what is new in this claim, and who the box is."""

    claim_id: str = Field(pattern=r"^[0-9A-Za-z-]{1,64}$")
    nonce: str = Field(pattern=NONCE_PATTERN)
    serial: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")
    profile: Slug
    software: str = Field(default="", max_length=64, pattern=r"^[^\x00]*$")


class ClaimProof(WireModel):
    """That one side has the code; the hub's comes first."""

    proof: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)


class ClaimHandover(WireModel):
    """What the hub hands to the box that has proved itself."""

    bundle: Bundle


class ClaimOutcome(WireModel):
    """What came of the box's first try to join; `code` and `reason` say why it has not joined yet."""

    joined: bool
    code: str = Field(default="", max_length=64)
    reason: str = Field(default="", max_length=1000)


class ClaimTicket(BaseModel):
    """What the QR code of an unclaimed box holds."""

    model_config = ConfigDict(frozen=True)

    serial: str = Field(min_length=1, max_length=64)
    url: str = Field(pattern=r"^https://[^\s/@?#]+$", max_length=200)
    fingerprint: str = Field(pattern=FINGERPRINT_PATTERN)
    code: str = Field(min_length=CODE_LENGTH, max_length=CODE_LENGTH, repr=False)

    def to_text(self) -> str:
        """Return the ticket as an address of one line."""
        values = {"serial": self.serial, "url": self.url, "key": self.fingerprint, "code": self.code}
        return f"fengsui://claim?{urlencode(values)}"


def read_ticket(text: str) -> ClaimTicket:
    """Return the ticket that somebody scanned; raise ValueError."""
    parts = urlsplit(text.strip())
    if (parts.scheme, parts.netloc) != ("fengsui", "claim"):
        msg = "this is not what the QR code of a box says"
        raise ValueError(msg)
    found = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return ClaimTicket(
        serial=found.get("serial", ""),
        url=found.get("url", ""),
        fingerprint=found.get("key", ""),
        code=plain_code(found.get("code", "")),
    )


def new_code() -> str:
    """Return a random code (39.6 bits)."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def shown_code(code: str) -> str:
    """Return a code in two groups: `7KWM-X2TP`."""
    return f"{code[:4]}-{code[4:]}"


def plain_code(text: str) -> str:
    """Return a code as somebody typed it, without groups and in capitals."""
    return re.sub(r"[\s-]", "", text).upper()


def new_nonce() -> str:
    """Return 32 random bytes in hexadecimal."""
    return secrets.token_hex(32)


def claim_key(code: str, *, hub_nonce: str, box_nonce: str, fingerprint: str) -> bytes:
    """Return the key of one claim. Takes some 50 ms of a processor."""
    salt = hashlib.sha256(CONTEXT + bytes.fromhex(hub_nonce + box_nonce + fingerprint)).digest()
    return hashlib.scrypt(code.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)


def hub_proof(key: bytes) -> str:
    """Return what proves to the box that the hub was told the code."""
    return _proof(key, b"hub")


def box_proof(key: bytes) -> str:
    """Return what proves to the hub that the box made the code."""
    return _proof(key, b"box")


def proves(expected: str, given: str) -> bool:
    """Tell whether a proof is the expected one, in time that says nothing."""
    return hmac.compare_digest(expected, given)


def _proof(key: bytes, side: bytes) -> str:
    return hmac.new(key, CONTEXT + b" " + side, hashlib.sha256).hexdigest()
