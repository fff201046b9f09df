"""What the link and the reader of documents ask of this box, answered from the agent's state."""

from collections.abc import Awaitable, Callable

from appliance.agent.state import AgentState
from federation.desired import Trust
from federation.messages import Applied, DesiredDocument, Envelope, LinkPolicy, Metrics, ReportedState
from federation.uplink.desired import DesiredReader
from federation.uplink.hub_files import HubFiles
from federation.uplink.link import SelfImage
from federation.uplink.pulse import Pulse


class Following:
    """The node that this box is to its hub: it shows itself, and follows what is wanted of it."""

    def __init__(
        self,
        state: AgentState,
        *,
        trust: Trust,
        files: HubFiles,
        followed: Callable[[], None],
        keep_trust: Callable[[Trust], Awaitable[None]],
    ) -> None:
        """Call `followed` after each document, and await `keep_trust` when the hub signs by another key."""
        self.reader = DesiredReader(self, trust, state.refused)
        self._state = state
        self._files = files
        self._followed = followed
        self._keep_trust = keep_trust

    def image(self) -> SelfImage:
        """Return what holds now."""
        clock = self._state.clock.look()
        return SelfImage(applied=self.applied(), clock=clock.state, clock_offset_s=clock.offset_s)

    def policy(self) -> LinkPolicy:
        """Return how the hub wants its link to be used."""
        return self._state.policy

    async def report(self) -> ReportedState:
        """Return everything that the hub wants to know."""
        return await self._state.report()

    async def metrics(self) -> Metrics:
        """Return how busy the box is."""
        return await self._state.metrics()

    def take_document(self, shard: str, payload: bytes) -> None:
        """Note an envelope."""
        self.reader.take(shard, payload)
        self._state.report_changes.note()

    def feel(self, pulse: Pulse) -> None:
        """Note that the hub spoke."""
        self._state.confirm(pulse.confirmed_s)
        if pulse.offset_s is not None and pulse.round_trip_s is not None:
            self._state.clock.compare(pulse.offset_s, pulse.round_trip_s)

    def applied(self) -> Applied:
        """Return which documents are followed now."""
        return self._state.wishes.applied

    async def follow(self, document: DesiredDocument) -> None:
        """Store the document durably, tell the hub, and do what it says."""
        await self._state.follow(document, stored=self._followed)

    async def trust(self, trust: Trust) -> None:
        """Store durably that the hub signs by another key from now on."""
        await self._keep_trust(trust)

    async def fetch(self, envelope: Envelope) -> bytes | None:
        """Return the text that the envelope names, from the hub."""
        return await self._files.fetch_document(envelope)
