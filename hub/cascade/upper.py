"""Membership of an upper hub: this hub's key there, its certificate, and the link of the present membership."""

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from federation.bus import BrokerAddress
from federation.crypto import PublicKey
from federation.desired import Trust
from federation.identity.enrolment import Applicant
from federation.identity.errors import EnrolmentRefused
from federation.identity.key import NodeKey
from federation.identity.member import Member, load_identity, save_identity
from federation.identity.renewal import Pace
from federation.machine import MachineGauge
from federation.messages import NodeCall, Presence
from federation.uplink.changes import Changes
from federation.uplink.hub_files import HubFiles, http_session
from federation.uplink.joining import Joining
from federation.uplink.link import Link
from federation.uplink.pictures import send_pictures
from federation.uplink.renewing import keep_certificate_fresh
from hub.cascade import outbox, upper_table
from hub.cascade.node import HubNode
from hub.cascade.pictures import CascadePictures
from hub.cascade.store import CascadeStore
from hub.database import Database
from hub.fleet.own import OwnHub
from hub.storage import ContentStore

log = logging.getLogger(__name__)

PROFILE = "hub"
LOOK_EVERY_S = 5.0


class Upper:
    """The hub above this one, if there is one. Call `wake` after commits that may have written to its outbox."""

    def __init__(
        self, *, folder: Path, database: Database, pictures: ContentStore, own: OwnHub, software: str, portal_url: str
    ) -> None:
        """Keep key and certificate in `folder`."""
        self.member: Member | None = None
        self.link: Link | None = None
        self.refusal: EnrolmentRefused | None = None
        self.joining = Joining(pending_file=folder / "pending.fengsui-bundle", stick=None, profile=PROFILE)
        self._key: NodeKey | None = None
        self._folder = folder
        self._identity_file = folder / "identity.json"
        self._database = database
        self._pictures = pictures
        self._own = own
        self._software = software
        self._portal_url = portal_url
        self._pace = Pace()
        self._changes = Changes()
        self._outbox_changes = Changes()

    def wake(self) -> None:
        """Say that the outbox may have grown."""
        self._outbox_changes.note()

    async def start(self) -> None:
        """Read the key, which the first start makes, and the membership of before."""
        self._key = await asyncio.to_thread(NodeKey.open, self._folder / "key.pem")
        found = await asyncio.to_thread(load_identity, self._identity_file)
        if found is not None:
            self.member = Member(key=self._key, identity=found)

    async def run(self) -> None:
        """Join when there is a bundle, and keep the link of the present membership, until cancelled."""
        assert self._key is not None, "the cascade has not started"  # noqa: S101 - a fault of ours
        joining = self.joining.run(self._key, self._applicant, self._joined, enrolled=lambda: self.member is not None)
        async with asyncio.TaskGroup() as group:
            group.create_task(joining, name="joining of the upper hub")
            group.create_task(self._keep_link(), name="membership of the upper hub")

    async def leave(self) -> None:
        """Be no node of the upper hub any more; what it has not got stays here only."""
        await asyncio.to_thread(self._identity_file.unlink, missing_ok=True)
        self._adopt(None)

    def _applicant(self) -> Applicant:
        return Applicant(serial=self._own.hub_id, profile=PROFILE, software=self._software, panel_url=self._portal_url)

    async def _joined(self, member: Member) -> None:
        await asyncio.to_thread(save_identity, self._identity_file, member.identity)
        await self._database.run(partial(upper_table.joined, identity=member.identity))
        self._adopt(member)
        log.info("joined the upper hub %s as %s", member.identity.hub_name, member.identity.node_id)

    def _adopt(self, member: Member | None) -> None:
        self.member, self.refusal, self.link = member, None, None
        self._changes.note()

    async def _keep_link(self) -> None:
        while True:
            member, seen = self.member, self._changes.count
            if member is None:
                await self._changes.beyond(seen, within_s=3600)
                continue
            async with asyncio.TaskGroup() as group:
                linked = group.create_task(self._serve(member), name="link to the upper hub")
                while self.member is member:
                    await self._changes.beyond(self._changes.count, within_s=3600)
                linked.cancel()

    async def _serve(self, member: Member) -> None:
        identity = member.identity
        await self._database.run(partial(upper_table.joined, identity=identity))  # a restored database may lack it
        incarnation = await self._database.run(upper_table.next_incarnation)
        tls = await asyncio.to_thread(member.tls)
        async with http_session(tls) as session, asyncio.TaskGroup() as group:
            files = HubFiles(identity.hub_url, session)
            node = HubNode(
                self._database,
                trust=Trust(node_id=identity.node_id, key=PublicKey.from_pem(identity.signing_key)),
                files=files,
                followed=self._followed,
                keep_trust=self._keep_trust,
                gauge=MachineGauge(disk=self._folder),
            )
            await node.begin()
            link = Link(
                broker=BrokerAddress(endpoints=identity.brokers, tls=tls),
                store=CascadeStore(self._database, node_id=identity.node_id, here=self._own.hop),
                lanes=outbox.LANES,
                presence=self._presence(identity.node_id, incarnation),
                node=node,
                called=_not_called,
            )
            self.link = link
            renewing = keep_certificate_fresh(member, link, self._pace, renewed=self._renewed, refused=self._refused)
            waiting = CascadePictures(self._database, self._pictures)
            sending = send_pictures(waiting, files, handed_over=self.wake)
            group.create_task(link.run(), name="link")
            group.create_task(node.reader.run(), name="desired")
            group.create_task(sending, name="pictures")
            group.create_task(self._tell_lanes(link), name="outbox")
            group.create_task(renewing, name="certificate")

    def _presence(self, node_id: str, incarnation: int) -> Presence:
        return Presence(
            node_id=node_id,
            incarnation=incarnation,
            online=True,
            profile=PROFILE,
            software=self._software,
            panel_url=self._portal_url,
            started_at=datetime.now(UTC),
        )

    async def _renewed(self, fresh: Member) -> None:
        if self.member is not None:
            fresh = fresh.trusting(self.member.identity.signing_key)  # the hub's key may have changed meanwhile
        await asyncio.to_thread(save_identity, self._identity_file, fresh.identity)
        self._adopt(fresh)

    def _refused(self, refusal: EnrolmentRefused) -> None:
        self.refusal = refusal

    def _followed(self) -> None:
        if self.link is not None:
            self.link.followed()

    async def _keep_trust(self, trust: Trust) -> None:
        if self.member is not None:
            self.member = self.member.trusting(trust.key.to_pem())
            await asyncio.to_thread(save_identity, self._identity_file, self.member.identity)

    async def _tell_lanes(self, link: Link) -> None:
        seen = -1
        while True:
            await self._outbox_changes.beyond(seen, within_s=LOOK_EVERY_S)
            seen = self._outbox_changes.count
            for lane in outbox.LANES:
                state = await self._database.run(partial(outbox.state_of, lane=lane))
                link.lanes[lane].produced(state.produced)


def _not_called(_call: NodeCall) -> None:
    """Open no tunnel: cameras of hubs below are watched in their own portals."""
