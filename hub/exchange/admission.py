"""Letting boxes in that no session reaches: their request comes as a file, and so goes the answer."""

from sqlalchemy import Connection, insert, select

from federation.crypto import PublicKey
from federation.exchange.errors import BadDocument
from federation.exchange.joining import ANSWER_SUFFIX, JoinRequest, make_answer, read_request
from federation.http.problem import Problem, conflict, invalid
from firmware_profiles.profile import UnknownProfile, load_profile
from hub.database import Database
from hub.exchange.model import JoinAnswered, JoinDecision, JoinPreview
from hub.exchange.peers import Peer, store
from hub.exchange.service import Exchange
from hub.fleet.enrolment import node_id_for
from hub.fleet.joining import columns_of
from hub.fleet.roster import NodeRecord, Roster, utc_now
from hub.fleet.tables import nodes
from hub.security.audit import Actor, record


class Admission:
    """Reads boxes' requests and answers them."""

    def __init__(self, *, database: Database, roster: Roster, exchange: Exchange) -> None:
        """Make nodes in `roster`."""
        self._database = database
        self._roster = roster
        self._exchange = exchange

    def preview(self, text: str) -> JoinPreview:
        """Return what a request says; raise Problem if it is none."""
        request, key = _read(text)
        return JoinPreview(
            serial=request.serial,
            profile=request.profile,
            software=request.software,
            two_way=request.two_way,
            fingerprint=key.fingerprint,
            made_at=request.made_at,
            node_id=next((node.id for node in self._roster.all() if node.serial == request.serial), ""),
        )

    async def admit(self, decision: JoinDecision, actor: Actor) -> JoinAnswered:
        """Let a box in and return the answer to carry to it; it may be asked for again, with the same request."""
        request, key = _read(decision.request)
        self._check(request)
        node, peer = await self._database.run(lambda connection: self._admit(connection, request, key, decision, actor))
        self._roster.put(self._roster.get(node.id) or node)
        await self._exchange.admitted(peer)
        keys = self._exchange.keys
        answer = make_answer(
            keys.key,
            decision.request,
            node_id=node.id,
            hub_id=keys.hub_id,
            hub_name=keys.hub_name,
            signing_key=self._exchange.signing_key,
        )
        return JoinAnswered(node_id=node.id, file_name=f"{node.id}{ANSWER_SUFFIX}", answer=answer)

    def _admit(
        self, connection: Connection, request: JoinRequest, key: PublicKey, decision: JoinDecision, actor: Actor
    ) -> tuple[NodeRecord, Peer]:
        present = next((node for node in self._roster.all() if node.serial == request.serial), None)
        node = present or self._new_node(connection, request, key, decision)
        before = self._exchange.peers.get(node.id)
        if before is not None and before.key == key:
            return node, before
        peer = Peer(node_id=node.id, key=key, two_way=request.two_way, admitted_at=utc_now())
        store(connection, peer)
        detail = {"serial": node.serial, "fingerprint": key.fingerprint, "two_way": request.two_way}
        record(connection, actor, "exchange.admit", f"node:{node.id}", detail)
        return node, peer

    def _new_node(
        self, connection: Connection, request: JoinRequest, key: PublicKey, decision: JoinDecision
    ) -> NodeRecord:
        if not decision.name:
            raise invalid("body.name", "give the node a name")
        taken = set(connection.execute(select(nodes.c.id)).scalars())
        node = NodeRecord(
            id=node_id_for(decision.name, taken),
            name=decision.name,
            site=decision.site,
            profile=request.profile,
            serial=request.serial,
            software=request.software,
            panel_url="",
            enrolled_at=utc_now(),
            key_fingerprint=key.fingerprint.removeprefix("sm3:"),
        )
        connection.execute(insert(nodes).values(**columns_of(node)))
        return node

    def _check(self, request: JoinRequest) -> None:
        config = self._exchange.config
        if config.in_folder is None:
            raise conflict("no_exchange_folder", "Set exchange.in_folder in this hub's configuration first.")
        if request.two_way and config.out_folder is None:
            raise conflict(
                "no_exchange_folder",
                "The box expects answers: set exchange.out_folder in this hub's configuration, or let it be one-way.",
            )
        try:
            load_profile(request.profile)
        except UnknownProfile as error:
            raise Problem(422, "unknown_profile", f"This hub does not know the box's profile: {error}.") from error


def _read(text: str) -> tuple[JoinRequest, PublicKey]:
    try:
        return read_request(text)
    except BadDocument as error:
        raise Problem(422, error.code, f"Take the file that the box's panel made: {error}.") from error
