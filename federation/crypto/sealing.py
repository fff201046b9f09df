"""Bytes that only one key can read, and that nobody can change unseen.

A sealed message is `FSS1`, the length of the wrapped key (2 bytes, big endian), the wrapped key, a counter block of
16 bytes, the text, and a tag of 32 bytes. The wrapped key is SM2 (GB/T 32918.4) of 48 random bytes: a key for SM4 in
counter mode (GB/T 32907, GB/T 17964), and one for HMAC-SM3 (GB/T 15852.2) over all that comes before the tag.
Who sealed it is not proven: sign it for that.
"""

import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import CTR

from federation.crypto.errors import BadSealed
from federation.crypto.keys import PublicKey, SigningKey

MAGIC = b"FSS1"
CIPHER_KEY_BYTES, MAC_KEY_BYTES, BLOCK_BYTES, TAG_BYTES = 16, 32, 16, 32
OVERHEAD_BYTES = 512
"""A sealed message is at most so much longer than its content."""


def seal(recipient: PublicKey, data: bytes) -> bytes:
    """Return `data` sealed for `recipient`, at most `OVERHEAD_BYTES` longer."""
    secret = secrets.token_bytes(CIPHER_KEY_BYTES + MAC_KEY_BYTES)
    wrapped, counter = recipient.key.encrypt(secret), secrets.token_bytes(BLOCK_BYTES)
    head = MAGIC + len(wrapped).to_bytes(2, "big") + wrapped + counter
    body = head + _sm4_ctr(secret[:CIPHER_KEY_BYTES], counter, data)
    return body + hmac.digest(secret[CIPHER_KEY_BYTES:], body, "sm3")


def unseal(key: SigningKey, sealed: bytes) -> bytes:
    """Return what was sealed for `key`; raise BadSealed if it was for another, or was changed."""
    if sealed[: len(MAGIC)] != MAGIC:
        raise BadSealed("this is no sealed message")
    start = len(MAGIC) + 2
    length = int.from_bytes(sealed[len(MAGIC) : start], "big")
    text_at = start + length + BLOCK_BYTES
    if len(sealed) < text_at + TAG_BYTES:
        raise BadSealed("the sealed message is cut short")
    secret = key.key.decrypt(sealed[start : start + length])
    body, tag = sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
    if len(secret) != CIPHER_KEY_BYTES + MAC_KEY_BYTES:
        raise BadSealed("the wrapped key is of another kind")
    if not hmac.compare_digest(tag, hmac.digest(secret[CIPHER_KEY_BYTES:], body, "sm3")):
        raise BadSealed("the sealed message was changed")
    return _sm4_ctr(secret[:CIPHER_KEY_BYTES], body[start + length : text_at], body[text_at:])


def _sm4_ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    stream = Cipher(SM4(key), CTR(counter)).encryptor()
    return stream.update(data) + stream.finalize()
