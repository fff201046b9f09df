"""Nodes and their enrolment over HTTP."""

from federation.http import PUBLIC, Access, Call, Page, Routes
from federation.messages import Slug
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
from hub.fleet.service import Fleet
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)


def routes(fleet: Fleet) -> Routes:
    """Return the operations on nodes and enrolment tokens."""
    part = Routes(tag="nodes")

    @part.get("/api/v1/nodes", access=CAN_READ)
    async def list_nodes(query: NodeQuery) -> Page[Node]:
        """List the enrolled nodes, by id."""
        return fleet.list_nodes(query)

    @part.get("/api/v1/nodes/{node_id}", access=CAN_READ)
    async def get_node(node_id: Slug) -> NodeDetail:
        """Show one node with everything it reported."""
        return fleet.get_node(node_id)

    @part.patch("/api/v1/nodes/{node_id}", access=CAN_OPERATE)
    async def change_node(call: Call, node_id: Slug, body: NodeChange) -> NodeDetail:
        """Give a node another name or site; absent fields stay."""
        return await fleet.change_node(node_id, body, Actor.of(call))

    @part.delete("/api/v1/nodes/{node_id}", access=CAN_OPERATE)
    async def remove_node(call: Call, node_id: Slug) -> None:
        """Remove a node: its credentials die at once, its tasks lose their place."""
        await fleet.remove_node(node_id, Actor.of(call))

    @part.get("/api/v1/sites", access=CAN_READ)
    async def list_sites() -> Page[SiteRow]:
        """List the places where nodes stand, by name."""
        return fleet.list_sites()

    @part.get("/api/v1/enrolment-tokens", access=CAN_OPERATE)
    async def list_enrolment_tokens() -> Page[EnrolmentToken]:
        """List the enrolment tokens, newest first, without their text."""
        return await fleet.list_tokens()

    @part.post("/api/v1/enrolment-tokens", access=CAN_OPERATE, status=201)
    async def create_enrolment_token(call: Call, body: EnrolmentTokenDraft) -> EnrolmentToken:
        """Permit one node to join; the token's text is shown this once."""
        return await fleet.create_token(body, Actor.of(call))

    @part.delete("/api/v1/enrolment-tokens/{token_id}", access=CAN_OPERATE)
    async def remove_enrolment_token(call: Call, token_id: str) -> None:
        """Revoke an enrolment token."""
        await fleet.remove_token(token_id, Actor.of(call))

    @part.post("/api/v1/enrolments", access=PUBLIC, status=201)
    async def enrol(call: Call, body: EnrolmentRequest) -> Enrolled:
        """Join by a single-use token; the credentials are shown this once."""
        return await fleet.enrol(body, call.peer)

    return part
