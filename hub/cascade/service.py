"""Cascade as people see it: the hub above, the hubs below, and what is handed on."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, select, update

from federation.http.problem import Problem, conflict, not_found
from federation.identity.bundle import Bundle, read_bundle
from federation.identity.errors import BundleUnusable
from federation.messages import Lane
from federation.uplink.joining import Attempt
from federation.uplink.store import LaneState
from hub.cascade import outbox, upper_table
from hub.cascade.model import BundleText, CascadeState, JoinAttempt, LowerHub, RuleDraft, UpperHub
from hub.cascade.tables import cascade_pictures, cascade_upper
from hub.cascade.upper import PROFILE, Upper
from hub.database import Database
from hub.database.moments import from_us
from hub.fleet.own import OwnHub
from hub.fleet.roster import Roster
from hub.fleet.view import state_of
from hub.metrics import Figure
from hub.security.audit import Actor, record

FIRST_TRY_WITHIN_S = 15.0


class Cascade:
    """Joins the upper hub, and tells how hubs above and below stand."""

    def __init__(
        self, *, database: Database, upper: Upper, roster: Roster, own: OwnHub, own_ca: Callable[[], str]
    ) -> None:
        """Refuse bundles of this very hub, whose authority `own_ca` gives."""
        self._database = database
        self._upper = upper
        self._roster = roster
        self._own = own
        self._own_ca = own_ca

    async def state(self) -> CascadeState:
        """Return what stands above and below."""
        return CascadeState(
            hub_id=self._own.hub_id,
            hub_name=self._own.name,
            upper=await self._upper_hub(),
            attempt=_attempt(self._upper.joining.attempt),
            lower=tuple(self._lower()),
        )

    async def join(self, body: BundleText, actor: Actor) -> CascadeState:
        """Join the hub that made this bundle; one that does not answer is tried again by itself."""
        bundle = self._read(body.bundle)
        detail = {"hub": bundle.hub_name, "url": bundle.hub_url}
        await self._database.run(lambda connection: record(connection, actor, "cascade.join", "hub:upper", detail))
        attempt = await self._upper.joining.outcome(bundle, within_s=FIRST_TRY_WITHIN_S)
        if attempt is not None and attempt.refused:
            raise Problem(422, attempt.code, f"The upper hub refuses this one: {attempt.reason}.")
        return await self.state()

    async def choose(self, rule: RuleDraft, actor: Actor) -> CascadeState:
        """Choose what is handed on from now on."""

        def work(connection: Connection) -> None:
            values = {"types": list(rule.types), "point_ids": list(rule.point_ids)}
            if not connection.execute(update(cascade_upper).values(**values)).rowcount:
                raise not_found("hub", "upper")
            record(connection, actor, "cascade.choose", "hub:upper", values)

        await self._database.run(work)
        return await self.state()

    async def leave(self, actor: Actor) -> None:
        """Be no node of the upper hub any more."""
        if self._upper.member is None:
            raise not_found("hub", "upper")
        await self._upper.leave()

        def work(connection: Connection) -> None:
            upper_table.left(connection)
            record(connection, actor, "cascade.leave", "hub:upper")

        await self._database.run(work)

    def figures(self) -> list[Figure]:
        """Return the figures for Prometheus."""
        link = self._upper.link
        if link is None:
            return []
        connected = link.connected_since is not None
        return [Figure(name="cascade_connected", help="Whether the upper hub is reached", value=int(connected))]

    def _read(self, text: str) -> Bundle:
        try:
            bundle = read_bundle(text)
        except BundleUnusable as error:
            raise Problem(422, "bundle_unusable", f"Take the file that the upper hub made: {error}.") from error
        if bundle.ca.strip() == self._own_ca().strip():
            raise conflict(
                "own_bundle", "This bundle was made by this very hub; make one in the portal of the upper hub."
            )
        if bundle.profile != PROFILE:
            raise conflict("wrong_profile", f"The bundle is for {bundle.profile!r}; make one for a hub below.")
        return bundle

    async def _upper_hub(self) -> UpperHub | None:
        member, link = self._upper.member, self._upper.link
        row, state, pictures = await self._database.run(_standing)
        if member is None or row is None or state is None:
            return None
        acked_s = link.lanes[Lane.EVENTS].acknowledged_at if link is not None else None
        refusal = self._upper.refusal
        return UpperHub(
            hub_name=member.identity.hub_name,
            hub_id=member.identity.hub_id,
            hub_url=member.identity.hub_url,
            node_id=member.identity.node_id,
            joined_at=from_us(row.joined_at_us),
            connected=link is not None and link.connected_since is not None,
            connected_since=link.connected_since if link is not None else None,
            last_ack_age_s=None if acked_s is None else round(time.monotonic() - acked_s, 1),
            handed_on=state.produced,
            acknowledged=state.acknowledged,
            waiting=state.produced - state.acknowledged,
            pictures_waiting=pictures,
            certificate_expires_at=member.certificate.not_after,
            refusal=str(refusal) if refusal is not None else "",
            types=tuple(row.types),
            point_ids=tuple(row.point_ids),
        )

    def _lower(self) -> list[LowerHub]:
        return [
            LowerHub(
                node_id=node.id,
                name=node.name,
                state=state_of(node),
                events_backlog=sum(lane.backlog for lane in node.reported.lanes) if node.reported else 0,
                last_seen_at=node.last_seen_at,
            )
            for node in self._roster.all()
            if node.profile == PROFILE
        ]


def _attempt(attempt: Attempt | None) -> JoinAttempt | None:
    if attempt is None:
        return None
    return JoinAttempt(
        hub_name=attempt.bundle.hub_name, refused=attempt.refused, code=attempt.code, reason=attempt.reason
    )


def _standing(connection: Connection) -> tuple[Any, LaneState | None, int]:
    row: Any = connection.execute(select(cascade_upper)).first()
    if row is None:
        return None, None, 0
    waiting = select(func.count()).select_from(cascade_pictures).where(cascade_pictures.c.sent == 0)
    return row, outbox.state_of(connection, Lane.EVENTS), int(connection.execute(waiting).scalar_one())
