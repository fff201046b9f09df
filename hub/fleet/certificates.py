"""Certificates of nodes: what was issued, until when it counts, what is revoked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from federation.identity.certificate import CertificateRequest, read_certificate
from federation.identity.renewal import SHARE_OF_LIFE
from federation.messages import Issued
from hub.database.moments import from_us, now_us, to_us
from hub.fleet.authority import HubAuthority
from hub.fleet.tables import node_certificates, nodes


@dataclass(frozen=True, kw_only=True)
class NodeCertificate:
    """A certificate as the roster knows it; `serial` is hexadecimal."""

    serial: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Issues and revokes within the transactions of others; `valid` is how long a certificate counts."""

    authority: HubAuthority
    valid: timedelta

    def issue(
        self, connection: Connection, request: CertificateRequest, node_id: str, now: datetime
    ) -> tuple[Issued, NodeCertificate]:
        """Sign the node's next certificate and remember it."""
        pem = self.authority.issue_node(request, node_id, now=now, valid=self.valid)
        facts = read_certificate(pem)
        made = NodeCertificate(serial=facts.serial, issued_at=now, expires_at=facts.not_after)
        _forget_expired(connection, node_id, now)
        connection.execute(
            insert(node_certificates).values(
                serial=made.serial,
                node_id=node_id,
                issued_at_us=to_us(made.issued_at),
                expires_at_us=to_us(made.expires_at),
            )
        )
        renew_after_s = max(1, int(self.valid.total_seconds() * SHARE_OF_LIFE))
        return Issued(certificate=pem, ca=self.authority.ca, renew_after_s=renew_after_s), made


def revoke_all(connection: Connection, node_id: str) -> None:
    """Revoke every certificate of the node."""
    own = and_(node_certificates.c.node_id == node_id, node_certificates.c.revoked_at_us.is_(None))
    connection.execute(update(node_certificates).where(own).values(revoked_at_us=now_us()))


def revoked(connection: Connection) -> list[str]:
    """Return the serial numbers of the revoked certificates that have not run out."""
    found = select(node_certificates.c.serial).where(_revoked_and_alive())
    return list(connection.execute(found.order_by(node_certificates.c.serial)).scalars())


def shut_out(connection: Connection) -> list[str]:
    """Return the ids whose revoked certificates have not run out, unless a node of that id is let in now."""
    admitted = select(nodes.c.id).where(nodes.c.revoked_at_us.is_(None))
    found = select(node_certificates.c.node_id).where(
        _revoked_and_alive(), node_certificates.c.node_id.not_in(admitted)
    )
    return list(connection.execute(found.distinct()).scalars())


def newest(connection: Connection) -> dict[str, NodeCertificate]:
    """Return the newest certificate of every node."""
    rows = connection.execute(select(node_certificates).order_by(node_certificates.c.issued_at_us))
    return {
        row.node_id: NodeCertificate(
            serial=row.serial, issued_at=from_us(row.issued_at_us), expires_at=from_us(row.expires_at_us)
        )
        for row in rows
    }


def _revoked_and_alive() -> ColumnElement[bool]:
    return and_(node_certificates.c.revoked_at_us.is_not(None), node_certificates.c.expires_at_us > now_us())


def _forget_expired(connection: Connection, node_id: str, now: datetime) -> None:
    old = or_(node_certificates.c.node_id == node_id, node_certificates.c.revoked_at_us.is_not(None))
    connection.execute(delete(node_certificates).where(node_certificates.c.expires_at_us < to_us(now), old))
