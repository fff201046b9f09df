"""Who a node is to its hub, and how it shows itself there: its key, its certificate, the hub's authority."""

import ssl
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from federation.identity.certificate import CertificateFacts, read_certificate
from federation.identity.errors import KeyUnsuitable
from federation.identity.key import NodeKey
from federation.identity.trust import HUB_NAME, client_context, node_server_name, show
from federation.messages import BrokerEndpoint, Issued, Slug
from federation.private_files import write_private


class HubIdentity(BaseModel):
    """What an enrolment gave; `obtained_at` is by the node's own clock, which may be wrong."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    hub_url: str = Field(description="https://host:port of the hub's port for nodes")
    hub_id: str
    hub_name: str
    node_id: Slug
    brokers: tuple[BrokerEndpoint, ...] = Field(min_length=1)
    ca: str = Field(description="PEM of the hub's authority")
    certificate: str = Field(description="PEM of this node's certificate")
    obtained_at: AwareDatetime
    renew_after_s: int
    signing_key: str = Field(description="PEM of the SM2 key whose documents the node follows")


@dataclass(frozen=True, kw_only=True)
class Member:
    """A node that has joined a hub."""

    key: NodeKey
    identity: HubIdentity

    @property
    def certificate(self) -> CertificateFacts:
        """What the node's certificate says."""
        return read_certificate(self.identity.certificate)

    def tls(self, *, peer: str | None = None) -> ssl.SSLContext:
        """Return how to reach the hub's servers as this node, or the node `peer` of the same hub. Blocks."""
        name = HUB_NAME if peer is None else node_server_name(peer)
        context = client_context(ca=self.identity.ca, peer_name=name)
        show(context, chain=self.identity.certificate, key_file=self.key.path)
        return context

    def trusting(self, signing_key: str) -> "Member":
        """Return the node that follows what is signed by this key, a PEM."""
        return replace(self, identity=self.identity.model_copy(update={"signing_key": signing_key}))

    def renewed(self, issued: Issued, now: datetime) -> "Member":
        """Return the node with its next certificate."""
        changed = {
            "certificate": issued.certificate,
            "ca": issued.ca,
            "renew_after_s": issued.renew_after_s,
            "obtained_at": now,
        }
        return replace(self, identity=self.identity.model_copy(update=changed))


def load_identity(path: Path) -> HubIdentity | None:
    """Return the identity in `path`, None before the first enrolment; raise KeyUnsuitable. Blocks."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return HubIdentity.model_validate_json(text)
    except ValidationError as error:
        raise KeyUnsuitable(f"{path} is damaged; restore it, or remove it and let the node join anew") from error


def save_identity(path: Path, identity: HubIdentity) -> None:
    """Replace the identity in `path`, readable by its owner only. Blocks."""
    write_private(path, identity.model_dump_json(indent=1) + "\n")
