"""Artifacts as they go over the wire."""

from pydantic import AwareDatetime, Field

from federation.http import Output, PageQuery
from federation.messages import ArtifactReport, Digest, Site, Slug


class Artifact(Output):
    """One artifact; `described_bytes` grows to `size_bytes` while its manifest is in the making, then it is `ready`."""

    digest: Digest
    kind: Slug
    name: str
    version: str
    size_bytes: int
    chunks: int
    ready: bool
    described_bytes: int
    added_at: AwareDatetime
    nodes_holding: int
    nodes_fetching: int


class ArtifactQuery(PageQuery):
    """Filters of the artifact list."""

    kind: Slug | None = None
    name: str | None = Field(default=None, max_length=128)
    digest: tuple[Digest, ...] = Field(default=(), max_length=50, description="of these, if any are given")


class Delivery(Output):
    """One artifact on its way to one node, or there: what the node says of it."""

    node_id: Slug
    node_name: str
    site: Site
    online: bool
    report: ArtifactReport


class DeliveryQuery(PageQuery):
    """Filters of the deliveries: of one artifact, or of all versions of one name."""

    digest: Digest | None = None
    name: str | None = Field(default=None, max_length=128)
