"""The box on its local network: it serves there, waits there for a hub as long as it has none, and knows its peers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from appliance.agent.membership import Membership
from appliance.agent.state import AgentState
from appliance.artifacts.neighbours import KIND, REQUIRED
from appliance.artifacts.neighbours import service_of as artifacts_of
from appliance.lan.announcing import console_text, service_of
from appliance.lan.claim import ClaimDesk, Identified, routes
from appliance.lan.server import LanServer
from appliance.store import results
from federation.discovery import DiscoveryError, Mdns, Service, open_mdns
from federation.discovery.interfaces import own_addresses
from federation.http import Routes
from federation.identity.bundle import Bundle
from federation.identity.claim import ClaimOutcome, ClaimTicket
from federation.identity.member import Member
from federation.private_files import write_private

log = logging.getLogger(__name__)

FIRST_TRY_WITHIN_S = 25.0
ANYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared only


class Neighbourhood:
    """The HTTPS port on the local network, the claim desk behind it, and what is told of the box."""

    def __init__(self, state: AgentState, membership: Membership, *, parts: Sequence[Routes] = ()) -> None:
        """Serve `parts` besides the claim; `run` begins."""
        self._state = state
        self._membership = membership
        self.desk = ClaimDesk(
            box=self._identified,
            take=self._take,
            claimable=lambda: membership.claimable,
            changed=membership.changes.note,
            noted=self._note,
        )
        config = state.config
        self._server = LanServer(config=config.lan, parts=(routes(self.desk), *parts), note=config.lan_note)

    @property
    def port(self) -> int:
        """Where the local network is served, 0 before that."""
        return self._server.port

    async def ticket(self) -> ClaimTicket | None:
        """Return what a hub has to be told to claim this box; None while it cannot be claimed."""
        if not self._membership.claimable or not self.port:
            return None
        box = self._identified()
        url = f"https://{await self._address()}:{self.port}"
        return ClaimTicket(serial=box.serial, url=url, fingerprint=box.fingerprint, code=self.desk.code)

    async def run(self) -> None:
        """Serve and tell until cancelled; whenever the box becomes another, begin anew."""
        try:
            async with AsyncExitStack() as stack:
                mdns = await self._responder(stack)
                if mdns is not None and self._state.config.artifacts.neighbours:
                    self._state.neighbours = await stack.enter_async_context(mdns.browse(KIND, required=REQUIRED))
                while True:
                    member = self._membership.member
                    await self._server.serve(self._membership.own_key, self._state.serial, member)
                    while self._membership.member is member:
                        await self._tell(mdns)
        finally:
            self._state.neighbours = None
            await self._server.close()

    def _identified(self) -> Identified:
        return Identified(
            serial=self._state.serial,
            profile=self._state.config.profile,
            software=self._state.software,
            fingerprint=self._membership.own_key.fingerprint,
        )

    async def _take(self, bundle: Bundle) -> ClaimOutcome:
        attempt = await self._membership.joining.outcome(bundle, within_s=FIRST_TRY_WITHIN_S)
        if attempt is None:
            return ClaimOutcome(joined=True)
        return ClaimOutcome(joined=False, code=attempt.code, reason=attempt.reason)

    async def _note(self, action: str) -> None:
        succeeded = action == "claim.taken"
        await self._state.commit(lambda db: results.record(db, results.BOX, action, succeeded=succeeded))

    async def _responder(self, stack: AsyncExitStack) -> Mdns | None:
        lan = self._state.config.lan
        try:
            return await stack.enter_async_context(open_mdns(interfaces=lan.interfaces)) if lan.discovery else None
        except DiscoveryError as error:
            log.warning("%s; hubs do not see this box by themselves", error)
            return None

    async def _tell(self, mdns: Mdns | None) -> None:
        """Tell what is to be told of the box now, until that changes."""
        told = self._told()
        ticket = await self.ticket()
        async with AsyncExitStack() as stack:
            if ticket is not None:
                await stack.enter_async_context(self._on_console(ticket))
                if mdns is not None:
                    await stack.enter_async_context(mdns.advertise(self._service(ticket)))
            member = self._membership.member
            if mdns is not None and member is not None and self._state.config.artifacts.neighbours:
                await stack.enter_async_context(mdns.advertise(artifacts_of(member, self.port)))
            while self._told() == told:
                await self._membership.changes.beyond(self._membership.changes.count, within_s=3600)

    def _told(self) -> tuple[Member | None, bool, str]:
        return self._membership.member, self._membership.claimable, self.desk.code

    def _service(self, ticket: ClaimTicket) -> Service:
        box = self._identified()
        return service_of(ticket, port=self.port, profile=box.profile, software=box.software)

    @asynccontextmanager
    async def _on_console(self, ticket: ClaimTicket) -> AsyncIterator[None]:
        text, note = await asyncio.to_thread(console_text, ticket), self._state.config.claim_note
        await asyncio.to_thread(write_private, note, text)
        log.info("%s", text)  # whoever reads the console stands before the box
        try:
            yield
        finally:
            await asyncio.to_thread(note.unlink, missing_ok=True)

    async def _address(self) -> str:
        """Return the address under which this box is probably reached."""
        lan = self._state.config.lan
        if lan.host not in ANYWHERE:
            return lan.host
        found = await asyncio.to_thread(own_addresses, lan.interfaces)
        return found[0] if found else "127.0.0.1"
