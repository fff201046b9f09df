"""A certificate authority as pure functions over its key: certificates of nodes and servers, revocation lists.

Everything is ECDSA on P-256 (RFC 5280 profile). Beginnings are backdated, because clocks of boxes are wrong by days.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federation.identity.certificate import CertificateRequest
from federation.identity.key import LONG_AGO, NO_END, fingerprint_of
from federation.identity.trust import HUB_NAME, node_server_name

BACKDATED = timedelta(days=30)
AUTHORITY_ENDS = datetime(2099, 12, 31, tzinfo=UTC)
PEM = serialization.Encoding.PEM


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate authority: its key and its own certificate."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """Return a new authority, whose name no other has."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Fengsui CA {fingerprint_of(key.public_key())[:16]}")
        builder = (
            _builder(key.public_key(), subject=name, issuer=name, begins=LONG_AGO, ends=AUTHORITY_ENDS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        return cls(certificate=builder.sign(key, hashes.SHA256()), key=key)

    @classmethod
    def from_pem(cls, pem: str) -> Self:
        """Return the authority that `to_pem` wrote; raise ValueError for other text."""
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        certificate = x509.load_pem_x509_certificate(pem.encode())
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            msg = "key and certificate of the authority do not belong together"
            raise ValueError(msg)
        return cls(certificate=certificate, key=key)

    def to_pem(self) -> str:
        """Return key and certificate; the text is a secret."""
        return _key_pem(self.key) + self.certificate_pem

    @property
    def certificate_pem(self) -> str:
        """The certificate that others trust."""
        return self.certificate.public_bytes(PEM).decode()

    def issue_node(self, request: CertificateRequest, node_id: str, *, now: datetime, valid: timedelta) -> str:
        """Return a certificate (PEM) for the key of the request in the name of the node, until `now + valid`.

        With it the node speaks to the hub, and serves other nodes of the hub.
        """
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        return self._issue(request.public_key, node_id, [node_server_name(node_id)], usage, now=now, ends=now + valid)

    def issue_server(self, names: Iterable[str], *, now: datetime, valid: timedelta) -> str:
        """Return certificate and new key (PEM, a secret) of the hub's servers, which answer to all `names`."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = [ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = self._issue(key.public_key(), HUB_NAME, [HUB_NAME, *names], usage, now=now, ends=now + valid)
        return certificate + _key_pem(key)

    def issue_client(self, name: str, *, now: datetime) -> str:
        """Return certificate and new key (PEM, a secret) of a client that counts as long as the authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = self._issue(key.public_key(), name, [HUB_NAME], usage, now=now, ends=AUTHORITY_ENDS)
        return certificate + _key_pem(key)

    def revocation_list(self, serials: Iterable[str], *, number: int, now: datetime) -> str:
        """Return the list (RFC 5280 CRL, PEM) of revoked serial numbers, which are hexadecimal; `number` only grows.

        It does not run out: who does not get a new one goes on with the last.
        """
        begins = max(LONG_AGO, now - BACKDATED)
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=self.certificate.subject, last_update=begins, next_update=AUTHORITY_ENDS
        ).add_extension(x509.CRLNumber(number), critical=False)
        for serial in serials:
            entry = x509.RevokedCertificateBuilder(serial_number=int(serial, 16), revocation_date=begins)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM).decode()

    def _issue(
        self,
        public: ec.EllipticCurvePublicKey,
        subject: str,
        names: Iterable[str],
        usage: list[x509.ObjectIdentifier],
        *,
        now: datetime,
        ends: datetime,
    ) -> str:
        begins = max(LONG_AGO, now - BACKDATED)
        issuer = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _builder(public, subject=_name(subject), issuer=self.certificate.subject, begins=begins, ends=ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer),
                critical=False,
            )
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM).decode()


def make_client(name: str) -> str:
    """Return certificate and key (PEM, a secret) of a client that is trusted by its certificate alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(key.public_key(), subject=_name(name), issuer=_name(name), begins=LONG_AGO, ends=NO_END)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(PEM).decode() + _key_pem(key)


def _builder(
    public: ec.EllipticCurvePublicKey, *, subject: x509.Name, issuer: x509.Name, begins: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    return [_alternative(name) for name in dict.fromkeys(names) if name]


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
