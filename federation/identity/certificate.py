"""Certificates and requests for them, read into values; what does not suit is refused."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from federation.identity.errors import KeyUnsuitable
from federation.identity.key import LONGEST_NAME, fingerprint_of

LARGEST_BYTES = 16_384
UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm, InvalidSignature)


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """What a certificate says: the node's id, its key, the serial number in hexadecimal, from when and until when."""

    name: str
    serial: str
    fingerprint: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, kw_only=True)
class CertificateRequest:
    """A request whose signature proves that who made it holds the key, which is ECDSA on P-256."""

    name: str
    fingerprint: str
    public_key: ec.EllipticCurvePublicKey


def read_certificate(certificate: str | bytes) -> CertificateFacts:
    """Return what a certificate (PEM text or DER bytes) says; raise KeyUnsuitable. Its signature is not checked."""
    try:
        parsed = (
            x509.load_pem_x509_certificate(certificate.encode())
            if isinstance(certificate, str)
            else x509.load_der_x509_certificate(certificate)
        )
        return CertificateFacts(
            name=_common_name(parsed.subject),
            serial=f"{parsed.serial_number:x}",
            fingerprint=fingerprint_of(parsed.public_key()),
            not_before=parsed.not_valid_before_utc,
            not_after=parsed.not_valid_after_utc,
        )
    except UNREADABLE as error:
        raise KeyUnsuitable("this is no certificate that can be read") from error


def read_request(pem: str) -> CertificateRequest:
    """Return the request; raise KeyUnsuitable unless it is ECDSA on P-256 and signed by its own key."""
    if len(pem) > LARGEST_BYTES:
        raise KeyUnsuitable(f"a request for a certificate has at most {LARGEST_BYTES} bytes")
    try:
        parsed = x509.load_pem_x509_csr(pem.encode())
        public, signed = parsed.public_key(), parsed.is_signature_valid
        name = _common_name(parsed.subject)
    except UNREADABLE as error:
        raise KeyUnsuitable("this is no request for a certificate (PKCS #10, PEM)") from error
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise KeyUnsuitable("the key of a node is ECDSA on the curve P-256, and no other")
    if not signed:
        raise KeyUnsuitable("the request is not signed by its own key")
    return CertificateRequest(name=name, fingerprint=fingerprint_of(public), public_key=public)


def _common_name(subject: x509.Name) -> str:
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(found) != 1 or not isinstance(found[0].value, str) or len(found[0].value) > LONGEST_NAME:
        raise KeyUnsuitable(f"the subject must have one common name of at most {LONGEST_NAME} characters")
    return found[0].value
