"""Artifacts over HTTP: what there is, who has it, manifests and bytes; the last two for nodes too."""

from aiohttp import web

from federation.artifacts import Served, send_artifact
from federation.http import Access, Call, Page, Routes
from federation.messages import Digest, Signed
from hub.artifacts.model import Artifact, ArtifactQuery, Delivery, DeliveryQuery
from hub.artifacts.service import Artifacts
from hub.security.model import READ

CAN_READ = Access(permission=READ)
A_NODE = Access()
OCTETS = "application/octet-stream"


def routes(artifacts: Artifacts) -> Routes:
    """Return the operations on artifacts."""
    part = Routes(tag="artifacts")

    @part.get("/api/v1/artifacts", access=CAN_READ)
    async def list_artifacts(query: ArtifactQuery) -> Page[Artifact]:
        """List artifacts by digest."""
        return await artifacts.page(query)

    @part.get("/api/v1/deliveries", access=CAN_READ)
    async def list_deliveries(query: DeliveryQuery) -> Page[Delivery]:
        """List what nodes have of artifacts, and what they wait for."""
        return artifacts.deliveries(query)

    _add_content(part, artifacts, CAN_READ)
    return part


def node_routes(artifacts: Artifacts) -> Routes:
    """Return the operations of the port for nodes by which they fetch artifacts."""
    part = Routes(tag="artifacts")
    _add_content(part, artifacts, A_NODE)
    return part


def _add_content(part: Routes, artifacts: Artifacts, access: Access) -> None:
    @part.get("/api/v1/artifacts/{digest}", access=access, produces=OCTETS, head=True)
    async def get_artifact(call: Call, digest: Digest) -> web.StreamResponse:
        """Give the bytes of an artifact, or one range of them (RFC 9110 §14); the ETag is the digest."""
        stored = await artifacts.content(digest)
        served = Served(path=stored.path, digest=digest, size_bytes=stored.size_bytes)
        return await send_artifact(call.request, served)

    @part.get("/api/v1/artifacts/{digest}/manifest", access=access)
    async def get_artifact_manifest(digest: Digest) -> Signed:
        """Give the manifest of an artifact: the digests of its chunks, signed by the hub."""
        return await artifacts.manifest(digest)
