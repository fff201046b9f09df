"""How busy a node is: sent again and again, the newest counts, and what was not delivered is not sent again."""

from pydantic import AwareDatetime, Field

from federation.messages.identifiers import Slug
from federation.messages.wire import WireModel


class Metrics(WireModel):
    """Shares of a node's machine in use, each from 0 to 1; `cpu_share` is over the time since the one before."""

    node_id: Slug
    at: AwareDatetime = Field(description="by the node's clock")
    cpu_share: float = Field(ge=0, le=1)
    memory_share: float = Field(ge=0, le=1)
    disk_share: float = Field(ge=0, le=1)
