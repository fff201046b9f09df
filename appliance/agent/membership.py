"""Membership of a hub: joins by invitation, and keeps the link of the present membership alive."""

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime

from appliance.agent.live import Changes
from appliance.agent.state import AgentState
from appliance.errors import EnrolmentFailed
from appliance.store import documents, evidence, outbox, results
from appliance.store.identity import HubIdentity, load_identity, save_identity
from appliance.store.results import BOX, Doer
from appliance.uplink.enrolment import Applicant, Invitation, enrol, read_invitation
from appliance.uplink.hub_files import HubFiles, http_session, send_pictures
from appliance.uplink.link import Link
from federation.messages import EXACT_LANES, DesiredState, Presence, new_id

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
RETRY_S = 5.0
FETCH_EVERY_S = 2.0


class Membership:
    """Who this box is to a hub, if to any."""

    def __init__(self, state: AgentState) -> None:
        """Prepare; `run` joins and links."""
        self.identity: HubIdentity | None = None
        self.link: Link | None = None
        self.panel_url = ""
        self._state = state
        self._changes = Changes()
        self._joining = asyncio.Lock()

    async def join(self, invitation: Invitation, doer: Doer) -> HubIdentity:
        """Join a hub in the place of the present one; raise EnrolmentFailed."""
        async with self._joining:
            applicant = Applicant(
                serial=self._state.serial,
                profile=self._state.config.profile,
                software=self._state.software,
                panel_url=self.panel_url,
            )
            identity = await enrol(invitation, applicant)
            path = self._state.config.identity_file
            await asyncio.to_thread(save_identity, path, identity)
            await self._state.commit(lambda db: _forget_former_hub(db, identity, doer))
            self._state.forget_desired()
            await self._adopt(identity)
        log.info("joined the hub %s as %s", identity.hub_name, identity.node_id)
        return identity

    async def run(self) -> None:
        """Wait for a membership, then keep its link; a new membership replaces it."""
        found = await asyncio.to_thread(load_identity, self._state.config.identity_file)
        if found is not None:
            await self._adopt(found)
        while True:
            seen = self._changes.count
            identity = self.identity
            if identity is None:
                await self._follow_invitation()
                continue
            async with asyncio.TaskGroup() as group:
                linked = group.create_task(self._serve(identity), name="membership")
                while not await self._changes.beyond(seen, within_s=3600):
                    pass
                linked.cancel()

    async def _follow_invitation(self) -> None:
        path = self._state.config.invitation_file
        invitation = None if path is None else await asyncio.to_thread(read_invitation, path)
        if invitation is None:
            await self._changes.beyond(self._changes.count, within_s=LOOK_EVERY_S)
            return
        try:
            await self.join(invitation, BOX)
        except EnrolmentFailed as error:
            log.warning("not joined: %s", error)
            await asyncio.sleep(RETRY_S)

    async def _adopt(self, identity: HubIdentity) -> None:
        self.identity = identity
        self._state.node_id = identity.node_id
        await self._state.replan()
        self._changes.note()

    async def _serve(self, identity: HubIdentity) -> None:
        state = self._state
        incarnation = await state.database.run(documents.next_incarnation)
        presence = Presence(
            node_id=identity.node_id,
            incarnation=incarnation,
            online=True,
            profile=state.config.profile,
            software=state.software,
            panel_url=self.panel_url,
            started_at=datetime.now(UTC),
        )
        link = Link(
            identity=identity,
            database=state.database,
            presence=presence,
            desired=self._take_desired,
            reported=state.report,
        )
        self.link = link
        async with http_session() as session, asyncio.TaskGroup() as group:
            files = HubFiles(identity, session)
            pictures = send_pictures(state.database, state.pictures, files, handed_over=state.note_handed_over)
            group.create_task(link.run(), name="link")
            group.create_task(pictures, name="pictures")
            group.create_task(self._fetch_packages(files), name="packages")
            group.create_task(self._tell_lanes(link), name="outbox")
            group.create_task(self._tell_reports(link), name="reports")

    async def _take_desired(self, document: DesiredState) -> None:
        await self._state.accept_desired(document)

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

    async def _fetch_packages(self, files: HubFiles) -> None:
        while True:
            for digest in await asyncio.to_thread(self._state.missing_packages):
                name = digest.removeprefix("sha256:")
                target = self._state.config.packages_folder / f"{name}.algpkg"
                if await files.fetch_package(digest, target):
                    log.info("package %s is here", digest[:19])
                    await self._state.replan()
            await self._state.plan_changes.beyond(self._state.plan_changes.count, within_s=FETCH_EVERY_S)


def _forget_former_hub(db: sqlite3.Connection, identity: HubIdentity, doer: Doer) -> None:
    documents.forget(db, documents.DESIRED)
    evidence.send_all_again(db)
    for lane in EXACT_LANES:
        outbox.begin_again(db, lane, new_id())
    detail = {"hub": identity.hub_name, "url": identity.hub_url}
    results.record(db, doer, "hub.join", f"node:{identity.node_id}", detail)
