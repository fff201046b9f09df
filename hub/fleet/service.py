"""What the hub does with its nodes: enrol, show, change, remove."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.engine import Row

from federation.http import Page, Principal
from federation.http.problem import Problem, conflict, invalid, not_found
from federation.messages import new_id
from firmware_profiles.profile import UnknownProfile, load_profile
from hub.database import Database
from hub.database.moments import from_us, now_us, to_us
from hub.fleet.broker_accounts import BrokerAccounts
from hub.fleet.desired import DesiredPublisher
from hub.fleet.enrolment import NODE_TOKEN_PREFIX, TOKEN_PREFIX, Throttle, digest_of, new_token, node_id_for
from hub.fleet.model import (
    Enrolled,
    EnrolmentRequest,
    EnrolmentToken,
    EnrolmentTokenDraft,
    Node,
    NodeChange,
    NodeDetail,
    NodeQuery,
    SiteRow,
)
from hub.fleet.roster import NodeRecord, Roster, utc_now, web_address
from hub.fleet.tables import enrolment_tokens, hub_identity, nodes
from hub.fleet.view import detail_of, row_of
from hub.live import LiveFeed
from hub.security.audit import Actor, record

MOST_TOKENS = 1000


class Fleet:
    """The nodes of this hub."""

    def __init__(
        self,
        *,
        database: Database,
        roster: Roster,
        desired: DesiredPublisher,
        accounts: BrokerAccounts,
        live: LiveFeed,
        throttle: Throttle,
        hub_name: str,
        mqtt_host: str,
        mqtt_port: int,
    ) -> None:
        """Tell enrolled nodes to find the broker at `mqtt_host` and `mqtt_port`."""
        self.roster = roster
        self.desired = desired
        self._database = database
        self._accounts = accounts
        self._live = live
        self._throttle = throttle
        self._hub_name = hub_name
        self._mqtt = (mqtt_host, mqtt_port)
        roster.when_changed(self._tell_viewers)

    async def start(self) -> None:
        """Read what was known before this start."""
        epoch = await self._database.run(_own_epoch)
        await self.roster.load(self._database)
        await self.desired.load(epoch)

    async def resolve_token(self, token: str) -> Principal | None:
        """Return the node that holds this HTTP token, or None."""
        node = self.roster.by_token(digest_of(token)) if token.startswith(NODE_TOKEN_PREFIX) else None
        return None if node is None else Principal(kind="node", id=node.id, name=node.id)

    def list_nodes(self, query: NodeQuery) -> Page[Node]:
        """Return one page of the nodes, by id."""
        rows = [row_of(node, self.desired) for node in self.roster.all()]
        found = [row for row in rows if _matches(row, query)]
        page = [row for row in found if query.after is None or row.id > query.after]
        more = len(page) > query.limit
        return Page(items=tuple(page[: query.limit]), next=page[query.limit - 1].id if more else None, total=len(found))

    def list_sites(self) -> Page[SiteRow]:
        """Return the places where nodes stand, by name."""
        records = [node for node in self.roster.all() if node.site]
        standing = Counter(node.site for node in records)
        online = Counter(node.site for node in records if node.online)
        rows = tuple(SiteRow(site=site, nodes=standing[site], online=online[site]) for site in sorted(standing))
        return Page(items=rows, total=len(rows))

    def get_node(self, node_id: str) -> NodeDetail:
        """Return one node with everything it reported."""
        return detail_of(self._known(node_id), self.desired)

    async def change_node(self, node_id: str, change: NodeChange, actor: Actor) -> NodeDetail:
        """Give a node another name or site; its id stays."""
        node = self._known(node_id)
        given = change.model_dump(exclude_none=True)
        before = {name: getattr(node, name) for name in given}
        if given == before:
            return self.get_node(node_id)

        def work(connection: Connection) -> None:
            connection.execute(update(nodes).where(nodes.c.id == node_id).values(**given))
            record(connection, actor, "node.change", f"node:{node_id}", {"from": before, "to": given})

        await self._database.run(work)
        present = self.roster.get(node_id)
        if present is not None:
            self.roster.put(replace(present, **given))
        return self.get_node(node_id)

    async def remove_node(self, node_id: str, actor: Actor) -> None:
        """Shut a node out: its credentials die at once, and its tasks lose their place."""
        node = self._known(node_id)

        def work(connection: Connection) -> None:
            connection.execute(delete(nodes).where(nodes.c.id == node_id))
            self._accounts.remove_node(connection, node_id)
            record(connection, actor, "node.remove", f"node:{node_id}", {"name": node.name, "serial": node.serial})

        await self._database.run(work)
        self.roster.remove(node_id)
        self.desired.forget(node_id)
        await self._accounts.apply()

    async def list_tokens(self) -> Page[EnrolmentToken]:
        """Return the enrolment tokens, newest first, without their text."""
        statement = select(enrolment_tokens).order_by(enrolment_tokens.c.id.desc()).limit(MOST_TOKENS)
        rows = await self._database.run(lambda connection: connection.execute(statement).all())
        return Page(items=tuple(_token_of(row) for row in rows), total=len(rows))

    async def create_token(self, draft: EnrolmentTokenDraft, actor: Actor) -> EnrolmentToken:
        """Permit one node to join; the token's text is in this answer only."""
        _check_profile("body.profile", draft.profile)
        token, token_id = new_token(TOKEN_PREFIX), new_id()
        expires_at = utc_now() + timedelta(seconds=draft.valid_s)

        def work(connection: Connection) -> None:
            count = connection.execute(select(func.count()).select_from(enrolment_tokens)).scalar_one()
            if count >= MOST_TOKENS:
                raise conflict("too_many_tokens", f"There are {MOST_TOKENS} enrolment tokens; remove old ones first.")
            connection.execute(
                insert(enrolment_tokens).values(
                    id=token_id,
                    digest=digest_of(token),
                    name=draft.name,
                    site=draft.site,
                    profile=draft.profile,
                    expires_at_us=to_us(expires_at),
                )
            )
            detail = draft.model_dump()
            record(connection, actor, "enrolment_token.create", f"enrolment_token:{token_id}", detail)

        await self._database.run(work)
        return EnrolmentToken(
            id=token_id, name=draft.name, site=draft.site, profile=draft.profile, expires_at=expires_at, token=token
        )

    async def remove_token(self, token_id: str, actor: Actor) -> None:
        """Revoke an enrolment token; a node that has joined with it stays."""

        def work(connection: Connection) -> None:
            gone = connection.execute(delete(enrolment_tokens).where(enrolment_tokens.c.id == token_id))
            if not gone.rowcount:
                raise not_found("enrolment token", token_id)
            record(connection, actor, "enrolment_token.remove", f"enrolment_token:{token_id}")

        await self._database.run(work)

    async def enrol(self, request: EnrolmentRequest, peer: str) -> Enrolled:
        """Let a node join by its token and return its credentials, which are stored as digests only."""
        wait_s = self._throttle.admit(peer)
        if wait_s > 0:
            raise Problem(429, "too_many_tries", f"Too many enrolments from here; try again in {wait_s:.0f} s.")
        _check_profile("body.profile", request.profile)
        if request.panel_url and not web_address(request.panel_url):
            raise invalid("body.panel_url", "give an address that begins with http:// or https://")
        node_token = new_token(NODE_TOKEN_PREFIX)
        node, (username, password) = await self._database.run(
            lambda connection: self._join(connection, request, peer, digest_of(node_token))
        )
        self.roster.put(node)
        await self._accounts.apply()
        host, port = self._mqtt
        return Enrolled(
            node_id=node.id,
            hub_name=self._hub_name,
            mqtt_host=host,
            mqtt_port=port,
            mqtt_username=username,
            mqtt_password=password,
            node_token=node_token,
        )

    def _join(
        self, connection: Connection, request: EnrolmentRequest, peer: str, token_digest: str
    ) -> tuple[NodeRecord, tuple[str, str]]:
        digest = digest_of(request.token)
        token = connection.execute(
            select(enrolment_tokens).where(enrolment_tokens.c.digest == digest).with_for_update()
        ).first()
        if token is None or token.expires_at_us < now_us():
            raise Problem(403, "enrolment_token_wrong", "This enrolment token is unknown or expired; make a new one.")
        if token.profile != request.profile:
            raise conflict("profile_mismatch", f"This token is for a node of the profile {token.profile!r}.")
        present = connection.execute(select(nodes).where(nodes.c.serial == request.serial)).first()
        if present is not None and (token.used_by != present.id or present.incarnation > 0):
            raise conflict(
                "serial_enrolled", f"A node with this serial is enrolled as {present.id!r}; remove that one first."
            )
        if present is None and token.used_by is not None:
            raise Problem(403, "enrolment_token_used", "This enrolment token has been used; make a new one.")
        taken = set(connection.execute(select(nodes.c.id)).scalars())
        # A node whose first answer was lost asks again and is given new credentials in place of the lost ones.
        node = NodeRecord(
            id=present.id if present is not None else node_id_for(token.name, taken),
            name=token.name,
            site=token.site,
            profile=request.profile,
            serial=request.serial,
            software=request.software,
            panel_url=request.panel_url,
            enrolled_at=utc_now(),
            token_digest=token_digest,
        )
        connection.execute(delete(nodes).where(nodes.c.id == node.id))
        connection.execute(insert(nodes).values(**_columns(node)))
        connection.execute(update(enrolment_tokens).where(enrolment_tokens.c.id == token.id).values(used_by=node.id))
        credentials = self._accounts.issue_node(connection, node.id)
        actor = Actor(kind="node", name=node.id, peer=peer)
        told = {name: getattr(node, name) for name in ("name", "site", "serial", "profile")}
        record(connection, actor, "node.enrol", f"node:{node.id}", {**told, "token": token.id})
        return node, credentials

    def _known(self, node_id: str) -> NodeRecord:
        node = self.roster.get(node_id)
        if node is None:
            raise not_found("node", node_id)
        return node

    def _tell_viewers(self, node_id: str) -> None:
        if not self._live.viewers:
            return
        node = self.roster.get(node_id)
        data = {"id": node_id} if node is None else row_of(node, self.desired).model_dump(mode="json")
        self._live.publish("node.removed" if node is None else "node.changed", data)


def _matches(row: Node, query: NodeQuery) -> bool:
    return (
        (query.state is None or row.state == query.state)
        and (query.site is None or row.site == query.site)
        and (query.profile is None or row.profile == query.profile)
        and (query.text is None or query.text.lower() in f"{row.id} {row.name}".lower())
    )


def _check_profile(field: str, profile: str) -> None:
    try:
        load_profile(profile)
    except UnknownProfile as error:
        raise invalid(field, str(error)) from error


def _columns(node: NodeRecord) -> dict[str, object]:
    return {
        "id": node.id,
        "name": node.name,
        "site": node.site,
        "profile": node.profile,
        "serial": node.serial,
        "software": node.software,
        "panel_url": node.panel_url,
        "enrolled_at_us": to_us(node.enrolled_at),
        "online": False,
        "incarnation": 0,
        "token_digest": node.token_digest,
    }


def _token_of(row: Row[tuple[object, ...]]) -> EnrolmentToken:
    return EnrolmentToken(
        id=row.id,
        name=row.name,
        site=row.site,
        profile=row.profile,
        expires_at=from_us(row.expires_at_us),
        used_by=row.used_by,
    )


def _own_epoch(connection: Connection) -> int:
    row = connection.execute(select(hub_identity)).first()
    if row is not None:
        return int(row.epoch)
    # A database made anew must outrank the one it replaces: seconds since 1970 do.
    epoch = now_us() // 1_000_000
    connection.execute(insert(hub_identity).values(id=1, hub_id=new_id(), epoch=epoch))
    return epoch
