"""Signatures, sealing and digests by the national standards SM2, SM3 and SM4, from the system's libcrypto."""

from federation.crypto.digests import sm3_hex
from federation.crypto.errors import BadKey, BadSealed, CryptoError, CryptoUnavailable
from federation.crypto.keys import PublicKey, SigningKey
from federation.crypto.sealing import seal, unseal

__all__ = [
    "BadKey",
    "BadSealed",
    "CryptoError",
    "CryptoUnavailable",
    "PublicKey",
    "SigningKey",
    "seal",
    "sm3_hex",
    "unseal",
]
