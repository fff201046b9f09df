"""Errors of cryptography.

CryptoError
├── CryptoUnavailable
├── BadKey
└── BadSealed
"""


class CryptoError(Exception):
    """Something that has to do with keys, signatures or sealed bytes."""


class CryptoUnavailable(CryptoError):
    """There is no libcrypto 3 that knows SM2 on this machine; install OpenSSL 3."""


class BadKey(CryptoError):
    """The text is not an SM2 key in PEM form."""


class BadSealed(CryptoError):
    """The bytes were not sealed for this key, or were changed since."""
