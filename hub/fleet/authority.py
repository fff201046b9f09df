"""The hub's certificate authority, with what it has issued to the hub itself; everything lies in one private folder.

authority.pem   key and certificate of the authority: whoever loses it has to let every node in anew
server.pem      key and certificate that the broker and the port for nodes show
hub.pem         key and certificate by which the hub itself connects to its own broker
member.pem      key and certificate, signed by the authority, by which it connects to somebody else's
"""

import logging
import ssl
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509

from federation.identity.certificate import CertificateRequest
from federation.identity.issuing import Authority, make_client
from federation.identity.trust import client_context, server_context, show
from federation.private_files import read_secret, write_private
from hub.errors import AuthorityDamaged

log = logging.getLogger(__name__)

HUB_CLIENT = "@hub"  # no node can be called so: a node's id is a slug
SERVER_VALID = timedelta(days=365)
RENEWED_BEFORE = SERVER_VALID / 3


class HubAuthority:
    """Signs certificates of nodes; keeps those of the hub's own servers fresh."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        """Keep everything in `folder`; the servers answer to `names`. Nothing is read before `open`."""
        self.server_file = folder / "server.pem"
        self._folder = folder
        self._names = tuple(dict.fromkeys(name for name in names if name))
        self._authority: Authority | None = None
        self._served: list[ssl.SSLContext] = []

    def open(self, now: datetime) -> Self:
        """Read what lies in the folder, or make it; raise AuthorityDamaged. Blocks."""
        path = self._folder / "authority.pem"
        try:
            self._authority = Authority.from_pem(read_secret(path, make=lambda: Authority.make().to_pem()))
        except ValueError as error:
            raise AuthorityDamaged(f"{path} is damaged: restore it from a backup of the data folder") from error
        read_secret(self.server_file, make=lambda: self._new_server(now))
        self._hub_pem()
        return self

    @property
    def ca(self) -> str:
        """The certificate (PEM) that nodes and subscribers trust."""
        return self._opened.certificate_pem

    @property
    def hub_certificate(self) -> str:
        """The certificate (PEM) by which the broker knows the hub."""
        return _certificates_in(self._hub_pem())

    def issue_node(self, request: CertificateRequest, node_id: str, *, now: datetime, valid: timedelta) -> str:
        """Return a certificate (PEM) of the node for the key of the request."""
        return self._opened.issue_node(request, node_id, now=now, valid=valid)

    def revocation_list(self, serials: Iterable[str], *, number: int, now: datetime) -> str:
        """Return the list (PEM) of revoked serial numbers."""
        return self._opened.revocation_list(serials, number=number, now=now)

    def broker_tls(self, *, managed: bool, now: datetime) -> ssl.SSLContext:
        """Return how the hub reaches its own broker, which trusts one certificate, or somebody else's. Blocks."""
        context = client_context(ca=self.ca)
        show(context, chain=self._hub_pem() if managed else self._member_pem(now))
        return context

    def issue_server(self, names: Iterable[str], *, now: datetime) -> str:
        """Return certificate and new key (PEM, a secret) of a server that answers to all `names`."""
        return self._opened.issue_server(names, now=now, valid=SERVER_VALID)

    def server_tls(self) -> ssl.SSLContext:
        """Return how the port for nodes is served; it shows a new certificate as soon as there is one. Blocks."""
        context = server_context(chain=self.server_file.read_text(encoding="ascii"), ca=self.ca)
        self._served.append(context)
        return context

    def refresh_server(self, now: datetime) -> str | None:
        """Renew the servers' certificate if it runs out soon or lacks a name; return it, or None. Blocks."""
        if suits(self.server_file.read_text(encoding="ascii"), self._names, now):
            return None
        pem = self._new_server(now)
        write_private(self.server_file, pem)
        log.info("the servers' certificate is renewed")
        return pem

    def show_server(self, pem: str) -> None:
        """Show this certificate from now on; to be called where connections are served."""
        for context in self._served:
            show(context, chain=pem)

    @property
    def _opened(self) -> Authority:
        assert self._authority is not None, "the authority is not open"  # noqa: S101 - a fault of ours
        return self._authority

    def _hub_pem(self) -> str:
        return read_secret(self._folder / "hub.pem", make=lambda: make_client(HUB_CLIENT)) + "\n"

    def _member_pem(self, now: datetime) -> str:
        return (
            read_secret(self._folder / "member.pem", make=lambda: self._opened.issue_client(HUB_CLIENT, now=now)) + "\n"
        )

    def _new_server(self, now: datetime) -> str:
        return self.issue_server(self._names, now=now)


def suits(pem: str, names: tuple[str, ...], now: datetime) -> bool:
    """Tell whether a server's certificate stands for all names, and for a good while yet."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    stated = {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}
    return now < certificate.not_valid_after_utc - RENEWED_BEFORE and set(names) <= stated


def _certificates_in(pem: str) -> str:
    end = "-----END CERTIFICATE-----\n"
    return pem[: pem.rindex(end) + len(end)]
