"""Membership of a hub: who this box is there, its certificate, and the link of the present membership."""

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime

from appliance.agent.following import Following
from appliance.agent.state import AgentState
from appliance.agent.wanted import wanted_artifacts
from appliance.artifacts.neighbours import Neighbourly, Neighbours, Nobody
from appliance.artifacts.pacing import Pacing
from appliance.artifacts.sources import HUB, Source
from appliance.artifacts.transfers import Transfers
from appliance.health.whereabouts import boot_id, probe_urls
from appliance.local.sockets import DOOR_SOCKET
from appliance.store import documents, epochs, evidence, outbox, results, returns
from appliance.store.lane_store import OutboxStore
from appliance.uplink.pictures import BoxPictures
from appliance.uplink.tunnel import Tunnel, tunnel_session
from federation.bus import BrokerAddress
from federation.crypto import PublicKey
from federation.desired import Trust
from federation.identity.enrolment import Applicant
from federation.identity.errors import EnrolmentRefused
from federation.identity.key import NodeKey
from federation.identity.member import HubIdentity, Member, load_identity, save_identity
from federation.identity.renewal import Pace
from federation.messages import Lane, Presence, new_id
from federation.uplink.changes import Changes
from federation.uplink.hub_files import HubFiles, http_session
from federation.uplink.joining import Joining
from federation.uplink.link import Link
from federation.uplink.pictures import WaitingPictures, send_pictures
from federation.uplink.renewing import keep_certificate_fresh

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5


class Membership:
    """Who this box is to a hub, if to any."""

    def __init__(self, state: AgentState) -> None:
        """Prepare; `run` joins and links."""
        config = state.config
        self.member: Member | None = None
        self.key: NodeKey | None = None
        self.link: Link | None = None
        self.panel_url = ""
        self.snapshots: WaitingPictures | None = None  # pictures of the hub's snapshots, besides those of events
        self.refusal: EnrolmentRefused | None = None
        self.joining = Joining(
            pending_file=config.pending_bundle_file, stick=config.bundle_folder, profile=config.profile
        )
        self._state = state
        self.changes = Changes()
        self._pace = Pace()

    @property
    def identity(self) -> HubIdentity | None:
        """Who this box is to its hub; None before it has joined one."""
        return self.member.identity if self.member is not None else None

    @property
    def own_key(self) -> NodeKey:
        """The key of this box; `load` comes first."""
        assert self.key is not None  # noqa: S101 - a fault of ours
        return self.key

    @property
    def claimable(self) -> bool:
        """Whether a hub may claim this box: it has none, or its hub has turned it away."""
        return self.member is None or self.refusal is not None

    async def load(self) -> None:
        """Read the key, which is made at the first start, and the membership of before."""
        config = self._state.config
        self.key = await asyncio.to_thread(NodeKey.open, config.key_file)
        found = await asyncio.to_thread(load_identity, config.identity_file)
        if found is not None:
            await self._adopt(Member(key=self.key, identity=found))

    async def run(self) -> None:
        """Join when there is a bundle, and keep the link of the present membership; a new one replaces it."""
        async with asyncio.TaskGroup() as group:
            joining = self.joining.run(
                self.own_key, self._applicant, self._joined, enrolled=lambda: self.member is not None
            )
            group.create_task(joining, name="joining")
            group.create_task(self._keep_link(), name="membership")

    def _applicant(self) -> Applicant:
        return Applicant(
            serial=self._state.serial,
            profile=self._state.config.profile,
            software=self._state.software,
            panel_url=self.panel_url,
        )

    async def _joined(self, member: Member) -> None:
        """Take the place that a hub has given us; what a former hub wanted ends."""
        await asyncio.to_thread(save_identity, self._state.config.identity_file, member.identity)
        same_hub = _is_same_place(self.identity, member.identity)
        await self._state.commit(lambda db: _forget_former_hub(db, member.identity, same_hub=same_hub))
        self._state.forget_desired()
        await self._adopt(member)
        log.info("joined the hub %s as %s", member.identity.hub_name, member.identity.node_id)

    async def _adopt(self, member: Member) -> None:
        self.member = member
        self.refusal = None
        self._state.node_id = member.identity.node_id
        await self._state.replan()
        self.changes.note()

    async def _keep_link(self) -> None:
        while True:
            member = self.member
            if member is None:
                await self._become_other_than(None)
                continue
            async with asyncio.TaskGroup() as group:
                linked = group.create_task(self._serve(member), name="link of the membership")
                await self._become_other_than(member)
                linked.cancel()

    async def _become_other_than(self, member: Member | None) -> None:
        while self.member is member:
            await self.changes.beyond(self.changes.count, within_s=3600)

    async def _serve(self, member: Member) -> None:
        state, identity = self._state, member.identity
        incarnation = await state.database.run(documents.next_incarnation)
        trust = Trust(node_id=identity.node_id, key=PublicKey.from_pem(identity.signing_key))
        tls = await asyncio.to_thread(member.tls)
        async with http_session(tls) as session, tunnel_session(tls) as lasting, asyncio.TaskGroup() as group:
            tunnel = Tunnel(hub_url=identity.hub_url, session=lasting, door=state.config.run_folder / DOOR_SOCKET)
            files = HubFiles(identity.hub_url, session)
            following = Following(state, trust=trust, files=files, followed=self._followed, keep_trust=self._keep_trust)
            presence = Presence(
                node_id=identity.node_id,
                incarnation=incarnation,
                online=True,
                profile=state.config.profile,
                software=state.software,
                panel_url=self.panel_url,
                started_at=datetime.now(UTC),
                boot_id=await asyncio.to_thread(boot_id),
                probe_urls=await asyncio.to_thread(probe_urls, self.panel_url),
            )
            link = Link(
                broker=BrokerAddress(endpoints=identity.brokers, tls=tls),
                store=OutboxStore(state.database, identity.node_id),
                lanes=tuple(Lane),
                presence=presence,
                node=following,
                called=tunnel.take,
            )
            self.link = link
            waiting = BoxPictures(state.database, state.pictures)
            pictures = send_pictures(waiting, files, handed_over=state.note_handed_over)
            group.create_task(link.run(), name="link")
            group.create_task(following.reader.run(), name="desired")
            group.create_task(pictures, name="pictures")
            if self.snapshots is not None:
                snapshots = send_pictures(self.snapshots, files, handed_over=state.report_changes.note)
                group.create_task(snapshots, name="pictures of snapshots")
            artifacts = f"{identity.hub_url}/api/v1/artifacts"
            source = Source(name=HUB, url=artifacts, session=session, pacing=Pacing(self._limit_kbps))
            transfers = self._transfers(source, self._neighbours(member))
            group.create_task(transfers.run(), name="artifacts")
            group.create_task(self._tell_wishes(transfers), name="wishes")
            group.create_task(tunnel.run(), name="tunnel")
            group.create_task(self._tell_lanes(link), name="outbox")
            group.create_task(self._tell_reports(link), name="reports")
            renewing = keep_certificate_fresh(member, link, self._pace, renewed=self._renewed, refused=self._refused)
            group.create_task(renewing, name="certificate")

    async def _renewed(self, fresh: Member) -> None:
        if self.member is not None:
            fresh = fresh.trusting(self.member.identity.signing_key)  # the hub's key may have changed meanwhile
        await asyncio.to_thread(save_identity, self._state.config.identity_file, fresh.identity)
        await self._adopt(fresh)

    def _refused(self, refusal: EnrolmentRefused) -> None:
        if self.refusal is None:
            self.refusal = refusal
            self.changes.note()

    def _followed(self) -> None:
        if self.link is not None:
            self.link.followed()

    async def _keep_trust(self, trust: Trust) -> None:
        if self.member is not None:
            self.member = self.member.trusting(trust.key.to_pem())
            await asyncio.to_thread(save_identity, self._state.config.identity_file, self.member.identity)

    async def _tell_lanes(self, link: Link) -> None:
        seen = -1
        while True:
            await self._state.outbox_changes.beyond(seen, within_s=LOOK_EVERY_S * 10)
            seen = self._state.outbox_changes.count
            states = await self._state.database.read(outbox.states)
            for lane, state in states.items():
                link.lanes[lane].produced(state.produced)

    async def _tell_reports(self, link: Link) -> None:
        seen = -1
        while True:
            if await self._state.report_changes.beyond(seen, within_s=LOOK_EVERY_S * 20):
                link.changed()
            seen = self._state.report_changes.count

    def _hub_key(self) -> PublicKey:
        assert self.identity is not None  # noqa: S101 - a member asks
        return PublicKey.from_pem(self.identity.signing_key)

    def _limit_kbps(self, at: datetime) -> int | None:
        return self._state.policy.limit_kbps(at)

    def _neighbours(self, member: Member) -> Neighbourly:
        state = self._state
        if not state.config.artifacts.neighbours:
            return Nobody()
        return Neighbours(member, state.heard_neighbours, state.neighbour_failures)

    def _transfers(self, hub: Source, neighbours: Neighbourly) -> Transfers:
        state = self._state
        return Transfers(
            holdings=state.holdings,
            hub=hub,
            key=self._hub_key,
            profile=state.config.profile,
            node_id=state.node_id,
            neighbours=neighbours,
            at_once=state.config.artifacts.at_once,
            wanted=lambda: wanted_artifacts(state.wishes.packages),
            arrived=state.replan,
            tell=state.take_artifacts,
        )

    async def _tell_wishes(self, transfers: Transfers) -> None:
        seen = -1
        while True:
            await self._state.wish_changes.beyond(seen, within_s=LOOK_EVERY_S * 20)
            seen = self._state.wish_changes.count
            transfers.wake()


def _is_same_place(before: HubIdentity | None, after: HubIdentity) -> bool:
    """Tell whether the hub knows this box by the name that it had there before."""
    return before is not None and (before.hub_id, before.node_id) == (after.hub_id, after.node_id)


def _forget_former_hub(db: sqlite3.Connection, identity: HubIdentity, *, same_hub: bool) -> None:
    forget_former_hub(db, same_hub=same_hub)
    detail = {"hub": identity.hub_name, "url": identity.hub_url}
    results.record(db, results.BOX, "hub.join", f"node:{identity.node_id}", detail)


def forget_former_hub(db: sqlite3.Connection, *, same_hub: bool) -> None:
    """Forget what a hub wanted and has got: from now on it is another hub, or this box is new to the same one."""
    for name in documents.DESIRED.values():
        documents.forget(db, name)
    evidence.send_all_again(db)
    for lane in Lane:
        epochs.begin_again(db, lane, new_id(), same_hub=same_hub)
    returns.note(db, Lane.RESULTS, 0)  # snapshots are in a database of their own, and look for it
