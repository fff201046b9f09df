"""How a node joins a hub and gets its certificates, over HTTPS pinned to the hub's authority."""

from typing import Self

from pydantic import Field

from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel

LARGEST_PEM = 16_384
MOST_BROKERS = 16


class EnrolmentRequest(WireModel):
    """What a node says when it joins; the subject of `request` is its serial number."""

    token: str = Field(min_length=16, max_length=128, repr=False, description="from the bundle; it works once")
    request: str = Field(max_length=LARGEST_PEM, description="request for a certificate: PKCS #10, PEM, ECDSA on P-256")
    serial: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")
    profile: Slug
    software: str = Field(max_length=64, pattern=r"^[^\x00]*$")
    panel_url: str = Field(default="", max_length=200, pattern=r"^[^\x00]*$")


class Issued(WireModel):
    """A node's new certificate; it asks for the next one after `renew_after_s`, by its own clock."""

    certificate: str = Field(description="PEM; its common name is the node's id")
    ca: str = Field(description="PEM of the authority that signs the hub's servers")
    renew_after_s: int = Field(ge=1)


class BrokerEndpoint(WireModel):
    """Where a broker answers MQTT by TLS: a DNS name or an address, and a port."""

    host: str = Field(min_length=1, max_length=253)
    port: int = Field(ge=1, le=65535)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the endpoint that `host:port` or `[IPv6]:port` names; raise ValueError (pydantic's) for other text."""
        host, _, port = text.rpartition(":")
        return cls.model_validate({"host": host.removeprefix("[").removesuffix("]"), "port": port})

    def __str__(self) -> str:
        """Return what `parse` reads."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Enrolled(Issued):
    """Who the node is to the hub, and where the broker is: several endpoints are those of one broker."""

    node_id: Slug
    hub_id: str = Field(min_length=1, max_length=64, description="of the hub, for as long as its database lives")
    hub_name: str
    signing_key: str = Field(
        max_length=LARGEST_PEM, description="PEM of the SM2 key by which the hub signs what it wants of nodes"
    )
    brokers: tuple[BrokerEndpoint, ...] = Field(min_length=1, max_length=MOST_BROKERS)


class RenewalRequest(WireModel):
    """A request for the next certificate: its subject is the node's id, its key the one that is known of the node.

    The request's own signature proves possession of the key, so that a certificate that has run out is no obstacle.
    """

    request: str = Field(max_length=LARGEST_PEM, description="PKCS #10, PEM")
