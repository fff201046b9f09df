"""How nodes come in and stay in: bundles that let one in, its enrolment, its next certificates."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, not_, select, update
from sqlalchemy.engine import Row

from federation.http import Page
from federation.http.problem import Problem, conflict, invalid, not_found
from federation.identity.bundle import FORMAT, Bundle
from federation.identity.certificate import CertificateRequest, read_request
from federation.identity.errors import KeyUnsuitable
from federation.messages import BrokerEndpoint, Enrolled, EnrolmentRequest, Issued, RenewalRequest, new_id
from firmware_profiles.profile import UnknownProfile, load_profile
from hub.database import Database
from hub.database.moments import from_us, now_us, to_us
from hub.fleet.admittance import check_admitted
from hub.fleet.broker_admission import BrokerAdmission
from hub.fleet.certificates import Issuer, NodeCertificate
from hub.fleet.enrolment import TOKEN_PREFIX, Throttle, digest_of, new_token, node_id_for, spread
from hub.fleet.model import EnrolmentBundle, EnrolmentBundleDraft, EnrolmentBundleFile
from hub.fleet.roster import NodeRecord, Roster, life_columns, record_of, utc_now, web_address
from hub.fleet.tables import enrolment_bundles, nodes
from hub.security.audit import Actor, record

MOST_BUNDLES = 1000  # that still let a node in; as many are listed that have done so, or have run out


@dataclass(frozen=True, kw_only=True)
class Address:
    """What nodes are told of this hub."""

    hub_name: str
    hub_url: str
    brokers: tuple[BrokerEndpoint, ...]


@dataclass(kw_only=True)
class Joining:
    """Lets nodes in, and tells them by which key this hub signs. `refused` counts those who were turned away."""

    database: Database
    roster: Roster
    admission: BrokerAdmission
    issuer: Issuer
    throttle: Throttle
    address: Address
    signing_key: Callable[[], str]
    hub_id: Callable[[], str]
    refused: int = field(default=0, init=False)

    async def list_bundles(self) -> Page[EnrolmentBundle]:
        """Return the bundles, newest first, without their tokens."""
        statement = select(enrolment_bundles).order_by(enrolment_bundles.c.id.desc()).limit(2 * MOST_BUNDLES)
        rows = await self.database.run(lambda connection: connection.execute(statement).all())
        return Page(items=tuple(_shown(row) for row in rows), total=len(rows))

    async def create_bundle(self, draft: EnrolmentBundleDraft, actor: Actor) -> EnrolmentBundleFile:
        """Permit one node to join; the bundle with its token is in this answer only."""
        _check_profile("body.profile", draft.profile)
        token, bundle_id, now = new_token(TOKEN_PREFIX), new_id(), utc_now()
        bundle = Bundle(
            format=FORMAT,
            hub_url=self.address.hub_url,
            hub_name=self.address.hub_name,
            ca=self.issuer.authority.ca,
            token=token,
            name=draft.name,
            site=draft.site,
            profile=draft.profile,
            issued_at=now,
            expires_at=now + timedelta(seconds=draft.valid_s),
        )

        def work(connection: Connection) -> None:
            _make_room(connection)
            connection.execute(
                insert(enrolment_bundles).values(
                    id=bundle_id,
                    digest=digest_of(token),
                    name=draft.name,
                    site=draft.site,
                    profile=draft.profile,
                    expires_at_us=to_us(bundle.expires_at),
                )
            )
            record(connection, actor, "enrolment_bundle.create", f"enrolment_bundle:{bundle_id}", draft.model_dump())

        await self.database.run(work)
        return EnrolmentBundleFile(id=bundle_id, bundle=bundle)

    async def remove_bundle(self, bundle_id: str, actor: Actor) -> None:
        """Take a bundle back; a node that has joined with it stays."""

        def work(connection: Connection) -> None:
            gone = connection.execute(delete(enrolment_bundles).where(enrolment_bundles.c.id == bundle_id))
            if not gone.rowcount:
                raise not_found("enrolment bundle", bundle_id)
            record(connection, actor, "enrolment_bundle.remove", f"enrolment_bundle:{bundle_id}")

        await self.database.run(work)

    async def enrol(self, request: EnrolmentRequest, peer: str) -> Enrolled:
        """Let a node in by its token and return its certificate."""
        with self._counting_refusals():
            asked = self._looked_at(request.request, peer)
            _check_request(request, asked)
            node, issued = await self.database.run(lambda connection: self._join(connection, request, asked, peer))
        self.roster.put(node)
        await self.admission.apply()
        return Enrolled(
            **issued.model_dump(),
            node_id=node.id,
            hub_id=self.hub_id(),
            hub_name=self.address.hub_name,
            signing_key=self.signing_key(),
            brokers=spread(self.address.brokers, node.id),
        )

    async def renew(self, request: RenewalRequest, peer: str) -> Issued:
        """Return the next certificate of a node whose key is known, whether or not its last one has run out."""
        with self._counting_refusals():
            asked = self._looked_at(request.request, peer)
            check_admitted(self.roster.get(asked.name), asked.fingerprint)
            issued, made = await self.database.run(lambda connection: self._renew(connection, asked, peer))
        node = self.roster.get(asked.name)
        if node is not None:
            self.roster.put(replace(node, certificate=made))
        return issued

    @contextmanager
    def _counting_refusals(self) -> Iterator[None]:
        try:
            yield
        except Problem:
            self.refused += 1
            raise

    def _looked_at(self, request: str, peer: str) -> CertificateRequest:
        wait_s = self.throttle.admit(peer)
        if wait_s > 0:
            raise Problem(429, "too_many_tries", f"Too many tries from here; try again in {wait_s:.0f} s.")
        try:
            return read_request(request)
        except KeyUnsuitable as error:
            raise Problem(422, error.code, f"body.request: {error}.") from error

    def _join(
        self, connection: Connection, request: EnrolmentRequest, asked: CertificateRequest, peer: str
    ) -> tuple[NodeRecord, Issued]:
        digest = digest_of(request.token)
        bundle = connection.execute(
            select(enrolment_bundles).where(enrolment_bundles.c.digest == digest).with_for_update()
        ).first()
        present = connection.execute(select(nodes).where(nodes.c.serial == request.serial)).first()
        bundle = _usable(bundle, request, present, asked)
        if present is not None:
            # Its first answer was lost: the same key asks again, and is given another certificate.
            issued, made = self.issuer.issue(connection, asked, present.id, utc_now())
            return record_of(present, made), issued
        if connection.execute(select(nodes.c.id).where(nodes.c.key_fingerprint == asked.fingerprint)).first():
            raise conflict("key_enrolled", "A node with this key is enrolled under another serial; remove it first.")
        node_id = node_id_for(bundle.name, set(connection.execute(select(nodes.c.id)).scalars()))
        issued, made = self.issuer.issue(connection, asked, node_id, utc_now())
        node = _entered(node_id, bundle, request, asked, made)
        connection.execute(insert(nodes).values(**columns_of(node)))
        own = enrolment_bundles.c.id == bundle.id
        connection.execute(update(enrolment_bundles).where(own).values(used_by=node.id))
        told = {name: getattr(node, name) for name in ("name", "site", "serial", "profile", "key_fingerprint")}
        detail = {**told, "bundle": bundle.id, "certificate": made.serial}
        record(connection, Actor(kind="node", name=node_id, peer=peer), "node.enrol", f"node:{node_id}", detail)
        return node, issued

    def _renew(self, connection: Connection, asked: CertificateRequest, peer: str) -> tuple[Issued, NodeCertificate]:
        row = connection.execute(select(nodes).where(nodes.c.id == asked.name).with_for_update()).first()
        # It may have been revoked since it was looked up.
        check_admitted(None if row is None else record_of(row, None), asked.fingerprint)
        issued, made = self.issuer.issue(connection, asked, asked.name, utc_now())
        actor = Actor(kind="node", name=asked.name, peer=peer)
        record(connection, actor, "node.renew", f"node:{asked.name}", {"certificate": made.serial})
        return issued, made


def _check_request(request: EnrolmentRequest, asked: CertificateRequest) -> None:
    if asked.name != request.serial:
        raise invalid("body.request", "the subject of the request must be the serial")
    _check_profile("body.profile", request.profile)
    if request.panel_url and not web_address(request.panel_url):
        raise invalid("body.panel_url", "give an address that begins with http:// or https://")


def _usable(bundle: Any, request: EnrolmentRequest, present: Any, asked: CertificateRequest) -> Any:
    """Return the bundle's row if this node may join by it; raise Problem."""
    if bundle is None or bundle.expires_at_us < now_us():
        raise Problem(403, "bundle_wrong", "This bundle is unknown, revoked or expired; make a new one.")
    if bundle.profile != request.profile:
        raise conflict("profile_mismatch", f"This bundle is for a node of the profile {bundle.profile!r}.")
    if present is not None and not (bundle.used_by == present.id and present.key_fingerprint == asked.fingerprint):
        raise conflict(
            "serial_enrolled", f"A node with this serial is enrolled as {present.id!r}; remove that one first."
        )
    if present is not None:
        check_admitted(record_of(present, None), asked.fingerprint)
    elif bundle.used_by is not None:
        raise Problem(403, "bundle_used", "This bundle has been used; make a new one.")
    return bundle


def _make_room(connection: Connection) -> None:
    """Forget the oldest bundles that let nobody in any more; raise Problem if too many still do."""
    bundles = enrolment_bundles.c
    is_open = and_(bundles.used_by.is_(None), bundles.expires_at_us >= now_us())
    count = connection.execute(select(func.count()).select_from(enrolment_bundles).where(is_open)).scalar_one()
    if count >= MOST_BUNDLES:
        raise conflict("too_many_bundles", f"{MOST_BUNDLES} bundles wait for their nodes; remove some first.")
    listed = select(bundles.id).where(not_(is_open)).order_by(bundles.id.desc()).limit(MOST_BUNDLES).subquery()
    connection.execute(delete(enrolment_bundles).where(not_(is_open), bundles.id.not_in(select(listed.c.id))))


def _check_profile(field_name: str, profile: str) -> None:
    try:
        load_profile(profile)
    except UnknownProfile as error:
        raise invalid(field_name, str(error)) from error


def _entered(
    node_id: str, bundle: Any, request: EnrolmentRequest, asked: CertificateRequest, made: NodeCertificate
) -> NodeRecord:
    return NodeRecord(
        id=node_id,
        name=bundle.name,
        site=bundle.site,
        profile=request.profile,
        serial=request.serial,
        software=request.software,
        panel_url=request.panel_url,
        enrolled_at=made.issued_at,
        key_fingerprint=asked.fingerprint,
        certificate=made,
    )


def columns_of(node: NodeRecord) -> dict[str, object]:
    """Return the values of a new row of the table `nodes`."""
    return {
        "id": node.id,
        "name": node.name,
        "site": node.site,
        "profile": node.profile,
        "serial": node.serial,
        "software": node.software,
        "panel_url": node.panel_url,
        "enrolled_at_us": to_us(node.enrolled_at),
        **life_columns(node.life),
        "incarnation": 0,
        "key_fingerprint": node.key_fingerprint,
    }


def _shown(row: Row[Any]) -> EnrolmentBundle:
    return EnrolmentBundle(
        id=row.id,
        name=row.name,
        site=row.site,
        profile=row.profile,
        expires_at=from_us(row.expires_at_us),
        used_by=row.used_by,
    )
