"""The chain as the API shows it."""

from pydantic import AwareDatetime, Field

from federation.http import Output
from hub.fleet.model import NodeState


class ChainSample(Output):
    """The whole chain at one moment; rates are per second since the sample before."""

    at: AwareDatetime
    produced_per_s: float = Field(description="events that boxes committed 生产速率")
    stored_per_s: float = Field(description="events that the hub committed 消费速率")
    published_per_s: float = Field(description="events handed to the feeds of bureaus 推送速率")
    backlog: int = Field(description="events that wait on boxes 数据积压")
    pictures_backlog: int = Field(description="pictures that wait on boxes")


class ChainNode(Output):
    """One box of the chain, as it reported last."""

    node_id: str
    name: str
    state: NodeState
    produced: int
    acknowledged: int
    backlog: int
    pictures_backlog: int
    reported_at: AwareDatetime | None


class Chain(Output):
    """The last hour of the whole chain, oldest first, and every box, the longest backlog first."""

    sample_every_s: float
    samples: tuple[ChainSample, ...]
    nodes: tuple[ChainNode, ...]
