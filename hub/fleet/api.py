"""Nodes and their enrolment over HTTP."""

from aiohttp import web

from federation.http import PUBLIC, Access, Call, Page, Routes
from federation.messages import Digest, Enrolled, EnrolmentRequest, Issued, RenewalRequest, Shard, Slug
from hub.fleet.claiming import Claiming
from hub.fleet.joining import Joining
from hub.fleet.model import (
    ClaimDraft,
    ClaimResult,
    Declaration,
    EnrolmentBundle,
    EnrolmentBundleDraft,
    EnrolmentBundleFile,
    LinkPolicyDraft,
    Node,
    NodeChange,
    NodeDetail,
    NodeQuery,
    SitePolicy,
    SiteRow,
    WaitingBoxes,
)
from hub.fleet.policies import ALL, Policies
from hub.fleet.service import Fleet
from hub.fleet.waiting import Waiting
from hub.security.audit import Actor
from hub.security.model import OPERATE, READ

CAN_READ = Access(permission=READ)
CAN_OPERATE = Access(permission=OPERATE)


def routes(fleet: Fleet, joining: Joining, claiming: Claiming, waiting: Waiting, policies: Policies) -> Routes:
    """Return the operations on nodes and their links, on boxes that wait, and on enrolment bundles."""
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

    @part.post("/api/v1/nodes/{node_id}/declaration", access=CAN_OPERATE)
    async def declare_node(call: Call, node_id: Slug, body: Declaration) -> NodeDetail:
        """Say of a node that does not speak that it lives, or that it is dead: then its tasks may move."""
        return await fleet.declare(node_id, body, Actor.of(call))

    @part.get("/api/v1/link-policies", access=CAN_READ)
    async def list_link_policies() -> Page[SitePolicy]:
        """List how nodes use their links: the policy for all, then those of sites."""
        return policies.page()

    @part.put("/api/v1/link-policy", access=CAN_OPERATE)
    async def set_link_policy(call: Call, body: LinkPolicyDraft) -> SitePolicy:
        """Set how all nodes use their links whose site has no policy of its own."""
        return await policies.set(ALL, body, Actor.of(call))

    @part.put("/api/v1/sites/{site}/link-policy", access=CAN_OPERATE)
    async def set_link_policy_of_site(call: Call, site: Slug, body: LinkPolicyDraft) -> SitePolicy:
        """Set how the nodes of one site use their links."""
        return await policies.set(site, body, Actor.of(call))

    @part.delete("/api/v1/sites/{site}/link-policy", access=CAN_OPERATE)
    async def remove_link_policy_of_site(call: Call, site: Slug) -> None:
        """Let the nodes of a site use their links as all do."""
        await policies.remove(site, Actor.of(call))

    @part.delete("/api/v1/nodes/{node_id}", access=CAN_OPERATE)
    async def remove_node(call: Call, node_id: Slug) -> None:
        """Remove a node: its certificates die at once, its tasks lose their place."""
        await fleet.remove_node(node_id, Actor.of(call))

    @part.get("/api/v1/sites", access=CAN_READ)
    async def list_sites() -> Page[SiteRow]:
        """List the places where nodes stand, by name."""
        return fleet.list_sites()

    @part.post("/api/v1/nodes/{node_id}/revocation", access=CAN_OPERATE)
    async def revoke_node(call: Call, node_id: Slug) -> NodeDetail:
        """Shut a node out at once; it stays in the list, and its key is not let in again."""
        return await fleet.revoke_node(node_id, Actor.of(call))

    @part.get("/api/v1/waiting-boxes", access=CAN_OPERATE)
    async def list_waiting_boxes() -> WaitingBoxes:
        """List the boxes on the local network that wait for a hub, the newest first."""
        return WaitingBoxes(items=waiting.boxes(), watching=waiting.enabled, fault=waiting.fault)

    @part.post("/api/v1/claims", access=CAN_OPERATE, status=201)
    async def claim_box(call: Call, body: ClaimDraft) -> ClaimResult:
        """Let a waiting box in, by the code that it shows."""
        return await claiming.claim(body, Actor.of(call))

    @part.get("/api/v1/enrolment-bundles", access=CAN_OPERATE)
    async def list_enrolment_bundles() -> Page[EnrolmentBundle]:
        """List the enrolment bundles, newest first, without their tokens."""
        return await joining.list_bundles()

    @part.post("/api/v1/enrolment-bundles", access=CAN_OPERATE, status=201)
    async def create_enrolment_bundle(call: Call, body: EnrolmentBundleDraft) -> EnrolmentBundleFile:
        """Permit one node to join; the bundle with its token is shown this once."""
        return await joining.create_bundle(body, Actor.of(call))

    @part.delete("/api/v1/enrolment-bundles/{bundle_id}", access=CAN_OPERATE)
    async def remove_enrolment_bundle(call: Call, bundle_id: str) -> None:
        """Take an enrolment bundle back."""
        await joining.remove_bundle(bundle_id, Actor.of(call))

    return part


def node_routes(fleet: Fleet, joining: Joining) -> Routes:
    """Return the operations of the port for nodes by which they come in, stay in, and learn what is wanted."""
    part = Routes(tag="nodes")

    @part.get("/api/v1/desired/{shard}/{digest}", produces="application/octet-stream")
    async def get_document(call: Call, shard: Shard, digest: Digest) -> web.StreamResponse:
        """Give a node the text of a document of its own that is too large for an envelope."""
        text = await fleet.document(call.principal.id, shard, digest)
        return web.Response(body=text.encode(), content_type="application/octet-stream")

    @part.post("/api/v1/enrolments", access=PUBLIC, status=201)
    async def enrol(call: Call, body: EnrolmentRequest) -> Enrolled:
        """Join by the token of a bundle; the answer is the node's first certificate."""
        return await joining.enrol(body, call.peer)

    @part.post("/api/v1/certificate-renewals", access=PUBLIC, status=201)
    async def renew_certificate(call: Call, body: RenewalRequest) -> Issued:
        """Get the next certificate; the request's signature proves possession of a key that is known."""
        return await joining.renew(body, call.peer)

    return part
