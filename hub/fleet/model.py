"""Nodes and their enrolment, as they go over the wire."""

from enum import StrEnum

from pydantic import AwareDatetime, ConfigDict, Field

from federation.http import Input, Output, PageQuery
from federation.identity.bundle import Bundle
from federation.messages import (
    ArtifactReport,
    BoxNotice,
    CameraReport,
    ClockState,
    DatabaseSetAside,
    LaneReport,
    LinkPolicy,
    Shard,
    Site,
    Slug,
    TaskReport,
)
from hub.fleet.liveness import Cause


class NodeState(StrEnum):
    """What the hub holds of a node: 待上线, 在线, 疑似失联, 失联, 停机, 版本不兼容, 已吊销."""

    AWAITED = "awaited"
    ONLINE = "online"
    SUSPECT = "suspect"
    UNKNOWN = "unknown"
    DEAD = "dead"
    INCOMPATIBLE = "incompatible"
    REVOKED = "revoked"


class ShardRow(Output):
    """Versions of one shard of what is wanted: the newest, and the one that the node follows, 0 for none."""

    shard: Shard
    wanted_version: int
    applied_version: int
    followed: bool


class CapacityRow(Output):
    """Units of one capability, e.g. `analyse` in streams: offered and in use."""

    capability: str
    offered: float
    used: float


class CertificateShown(Output):
    """The newest certificate of a node; the node asks for the next one after two thirds of its time."""

    serial: str
    issued_at: AwareDatetime
    expires_at: AwareDatetime


class Node(Output):
    """One appliance as the list shows it."""

    id: Slug
    name: str
    site: Site
    serial: str
    key_fingerprint: str = Field(description="SHA-256 of the node's public key, hexadecimal")
    certificate: CertificateShown | None
    revoked_at: AwareDatetime | None
    profile: str
    profile_name_zh: str
    profile_name_en: str
    state: NodeState
    cause: Cause
    state_since: AwareDatetime | None
    witnesses: tuple[str, ...]
    declared_by: str
    clock: ClockState | None
    software: str
    panel_url: str
    enrolled_at: AwareDatetime
    last_seen_at: AwareDatetime | None
    capacity: tuple[CapacityRow, ...]
    cameras_live: int
    cameras_total: int
    tasks_running: int
    tasks_total: int
    events_backlog: int
    evidence_backlog: int
    restarts: int
    shards: tuple[ShardRow, ...]


class NodeDetail(Node):
    """One appliance with everything it reported.

    `silent_s` is how long the hub has not heard it, `answer_age_s` how long, at its last beat, it had not heard the
    hub. `refused` counts documents that it did not take, by the reason why.
    """

    incarnation: int
    silent_s: float | None
    answer_age_s: float | None
    clock_offset_s: float | None
    refused: dict[str, int]
    probe_urls: tuple[str, ...]
    cameras: tuple[CameraReport, ...]
    tasks: tuple[TaskReport, ...]
    artifacts: tuple[ArtifactReport, ...]
    lanes: tuple[LaneReport, ...]
    set_aside: tuple[DatabaseSetAside, ...]
    notices: tuple[BoxNotice, ...]


class SiteRow(Output):
    """A place with how many nodes stand there."""

    site: Slug
    nodes: int
    online: int


class NodeQuery(PageQuery):
    """Filters of the node list."""

    text: str | None = Field(default=None, max_length=100, description="in name or id")
    site: Site | None = Field(default=None, description="empty: nodes of no site")
    state: NodeState | None = None
    profile: Slug | None = None


class NodeChange(Input):
    """What an operator changes of a node; what is absent stays."""

    name: str | None = Field(default=None, min_length=1, max_length=64)
    site: Site | None = Field(default=None, description="place whose local network it is on; empty: none")


class Declaration(Input):
    """What an operator says of a node that does not speak: it lives, or it is dead."""

    alive: bool


class LinkPolicyDraft(LinkPolicy):
    """How nodes shall use their link to the hub."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SitePolicy(Output):
    """The link policy of a site; of the empty site, that for all without one of their own."""

    site: Site
    policy: LinkPolicy


class EnrolmentBundleDraft(Input):
    """A permission for one node to join."""

    name: str = Field(min_length=1, max_length=64, description="name of the node to be")
    site: Site = Field(default="", description="place where the node will stand; empty: none")
    profile: Slug = Field(description="firmware profile that the node must have")
    valid_s: int = Field(default=7 * 86400, ge=60, le=90 * 86400)


class EnrolmentBundle(Output):
    """A bundle without its token, which is stored as a digest only; it lets one node in."""

    id: str
    name: str
    site: Site
    profile: str
    expires_at: AwareDatetime
    used_by: str | None = None


class EnrolmentBundleFile(Output):
    """A new bundle; its token is shown this once. Its file is named `*.fengsui-bundle`."""

    id: str
    bundle: Bundle


class WaitingBox(Output):
    """A box on the local network that waits for a hub, as it says itself; nothing of it is proved."""

    serial: str = Field(max_length=64)
    profile: str = Field(max_length=64)
    software: str = Field(max_length=64)
    fingerprint: str = Field(description="SHA-256 of its public key, hexadecimal: to be compared with the box")
    urls: tuple[str, ...] = Field(description="where its port for the local network answers")
    since: AwareDatetime


class WaitingBoxes(Output):
    """The boxes that wait; `fault` says why the network cannot be watched, if it cannot."""

    items: tuple[WaitingBox, ...]
    watching: bool
    fault: str


class ClaimDraft(Input):
    """A box to be let in: where it answers, which key it has, and the code that somebody read off it."""

    url: str = Field(max_length=200, description="https://host:port of its port for the local network")
    fingerprint: str = Field(max_length=200, description="of its key, in whatever groups")
    code: str = Field(max_length=20, description="8 characters, in whatever groups")
    serial: str = Field(default="", max_length=64)
    name: str = Field(min_length=1, max_length=64, description="name of the node to be")
    site: Site = Field(default="", description="place where the node stands; empty: none")


class ClaimResult(Output):
    """The box has the bundle. `joined` tells whether its first try succeeded; if not, it goes on trying by itself."""

    serial: str
    joined: bool
    code: str = ""
    reason: str = ""
