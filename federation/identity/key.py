"""The key of a node: made on the node at its first start, and never leaving it."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import NameOID

from federation.identity.errors import KeyUnsuitable
from federation.private_files import read_secret

FINGERPRINT_PATTERN = r"^[0-9a-f]{64}$"
LONGEST_NAME = 64  # RFC 5280, ub-common-name
NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280, 4.1.2.5: no well-defined expiration
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class NodeKey:
    """An ECDSA key on the curve P-256 that lies in a private file."""

    def __init__(self, private: ec.EllipticCurvePrivateKey, path: Path) -> None:
        """Speak for the key that lies in `path`."""
        self.path = path
        self.fingerprint = fingerprint_of(private.public_key())
        self._private = private

    @classmethod
    def open(cls, path: Path) -> Self:
        """Return the key in `path`, which is made, with mode 0600, on first use; raise KeyUnsuitable. Blocks."""
        pem = read_secret(path, make=_new_pem)
        try:
            private = serialization.load_pem_private_key(pem.encode(), password=None)
        except ValueError as error:
            raise KeyUnsuitable(f"{path} is no private key; restore it, or remove it to begin anew") from error
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise KeyUnsuitable(f"{path} is no key on the curve P-256; restore it, or remove it to begin anew")
        return cls(private, path)

    def request(self, name: str) -> str:
        """Return a request for a certificate (PKCS #10, PEM) in this name; its signature proves possession."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(name))
        return builder.sign(self._private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def self_signed(self, name: str) -> str:
        """Return a certificate (PEM) that only says which key this is; it never expires."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(_subject(name))
            .public_key(self._private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(LONG_AGO)
            .not_valid_after(NO_END)
        )
        return builder.sign(self._private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def fingerprint_of(public: PublicKeyTypes) -> str:
    """Return the SHA-256 of the public key (SubjectPublicKeyInfo, DER) as 64 hexadecimal digits."""
    encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(encoded).hexdigest()


def grouped(fingerprint: str) -> str:
    """Return a fingerprint in groups that two people can compare: `3F2A 91BC …`."""
    return " ".join(fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4)).upper()


def read_fingerprint(text: str) -> str | None:
    """Return the fingerprint that somebody typed or scanned, in whatever groups; None if it is none."""
    plain = re.sub(r"[\s:·-]", "", text).lower()
    return plain if re.fullmatch(FINGERPRINT_PATTERN, plain) else None


def _new_pem() -> str:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
