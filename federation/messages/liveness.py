"""The beats by which both sides know that the other lives, and what neighbours say of a node that is silent."""

from pydantic import AwareDatetime, Field

from federation.messages.desired import Applied, Shard
from federation.messages.identifiers import Slug
from federation.messages.presence import MOST_PROBE_URLS, ClockState, ProbeUrl
from federation.messages.wire import WireModel


class Beat(WireModel):
    """Sent every few seconds, and at once after a document was applied. `answered` is the newest beat that was."""

    node_id: Slug
    incarnation: int = Field(ge=1)
    number: int = Field(ge=1)
    answered: int = Field(default=0, ge=0)
    answer_age_s: float | None = Field(default=None, ge=0, description="since the hub last answered, in s")
    at: AwareDatetime = Field(description="by the node's clock")
    clock: ClockState = ClockState.SYNCHRONISED
    clock_offset_s: float | None = Field(default=None, description="how far the node's clock is before the hub's, in s")
    applied: Applied = Field(default_factory=dict)


class BeatAnswer(WireModel):
    """The hub lives, and this is what it wants at present. `number` is the beat's, 0 when the hub speaks by itself.

    `run` is another after each start of the hub. `wanted` is order by shard.
    """

    number: int = Field(ge=0)
    incarnation: int = Field(ge=0)
    run: str = Field(max_length=64)
    at: AwareDatetime = Field(description="by the hub's clock")
    wanted: dict[Shard, tuple[int, int]] = Field(default_factory=dict)


class Ask(WireModel):
    """The hub asks a node whether its neighbour answers at one of these addresses."""

    id: str = Field(max_length=64)
    about: Slug
    urls: tuple[ProbeUrl, ...] = Field(min_length=1, max_length=MOST_PROBE_URLS)
    within_s: float = Field(default=3.0, gt=0, le=10)


class WitnessAnswer(WireModel):
    """What a witness found. `detail` is for people: how the neighbour answered, or how it did not."""

    node_id: Slug
    ask_id: str = Field(max_length=64)
    about: Slug
    reached: bool
    detail: str = Field(default="", max_length=200)
