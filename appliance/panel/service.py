"""What the panel does: reads the agent's state, changes what belongs to this box."""

import os
import sqlite3
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue

from appliance.agent import set_aside
from appliance.agent.algorithms import Algorithm, Algorithms
from appliance.agent.membership import Membership
from appliance.agent.neighbourhood import Neighbourhood
from appliance.agent.plan import LOCAL_PREFIX
from appliance.agent.state import AgentState
from appliance.health.processes import AGENT, SILENT_AFTER_S, STREAMS, VISION
from appliance.lan.announcing import qr_svg
from appliance.panel import model
from appliance.panel.lanes import lane_way
from appliance.store import documents, events, evidence
from appliance.store.results import Doer, record
from federation.http import Page
from federation.http.drawing import require_task_drawn
from federation.http.problem import conflict, invalid, not_found
from federation.identity.bundle import Bundle
from federation.identity.claim import ClaimTicket, shown_code
from federation.identity.key import grouped
from federation.identity.member import Member
from federation.messages import ArtifactReport, Lane, TaskReport, TaskSpec, new_id
from federation.packages import BadParameters, builtin_manifests
from federation.uplink.joining import Attempt
from federation.viewing.recordings import EventMark
from firmware_profiles import load_profile


@dataclass(frozen=True, kw_only=True)
class PanelService:
    """The panel's decisions over the agent's state."""

    state: AgentState
    membership: Membership
    neighbourhood: Neighbourhood
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def status(self) -> model.Status:
        """Return everything the overview page shows."""
        state, profile = self.state, load_profile(self.state.config.profile)
        return model.Status(
            node_id=state.node_id,
            serial=state.serial,
            profile=profile.id,
            profile_name_zh=profile.name.zh,
            profile_name_en=profile.name.en,
            software=state.software,
            started_at=self.started_at,
            link=self._link(),
            lanes=await state.lanes(),
            evidence_backlog=await state.database.read(evidence.backlog),
            processes=self._processes(),
            restarts=state.restarts,
            set_aside=await set_aside.reports(state.config.data_folder),
            notices=state.notices(),
            cpu_share=state.shares.cpu,
            memory_share=state.shares.memory,
            disk_share=state.shares.disk,
        )

    async def way(self) -> model.LinkWay:
        """Return the link to the hub, and how far every lane is that goes over it."""
        senders = self.membership.link.lanes if self.membership.link is not None else {}

        def read(db: sqlite3.Connection) -> model.LinkWay:
            lanes = tuple(lane_way(db, lane, senders.get(lane)) for lane in Lane)
            return model.LinkWay(link=link, evidence_backlog=evidence.backlog(db), lanes=lanes)

        link = self._link()
        return await self.state.database.read(read)

    async def note(self, doer: Doer, action: str, subject: str, detail: dict[str, JsonValue]) -> None:
        """Note what somebody did with recordings: locked, unlocked, downloaded."""
        await self.state.commit(lambda db: record(db, doer, action, subject, detail))

    async def marks(self, point_id: str, start: datetime, end: datetime) -> tuple[EventMark, ...]:
        """Return the events of a camera between two moments, for its timeline."""
        found = await self.state.database.read(lambda db: events.times(db, point_id, start, end))
        named = ((item, self.state.algorithms.event_name(item.type)) for item in found)
        return tuple(
            EventMark(id=item.id, type=item.type, type_name_zh=name.zh, type_name_en=name.en, time=item.time)
            for item, name in named
        )

    def algorithms(self) -> Page[model.Algorithm]:
        """Return the algorithms on this box: those of the product, then those of packages."""
        now = datetime.now(UTC)
        return Page(items=tuple(_algorithm(item, now) for item in self.state.algorithms.by_key.values()))

    def tasks(self) -> Page[model.Task]:
        """Return all tasks with their state."""
        reports = {report.task_id: report for report in self.state.task_reports()}
        known = self.state.algorithms
        return Page(items=tuple(_task(spec, reports.get(spec.task_id), known) for spec in self.state.wishes.all_tasks))

    async def add_task(self, draft: model.TaskDraft, doer: Doer) -> model.Task:
        """Add a task on this box, with a built-in algorithm."""
        manifest = builtin_manifests().get(draft.algorithm_id)
        if manifest is None:
            raise invalid("body.algorithm_id", "choose one of the built-in algorithms")
        if all(camera.point_id != draft.point_id for camera in self.state.wishes.all_cameras):
            raise invalid("body.point_id", "there is no such camera on this box")
        require_task_drawn(draft.region, draft.masks, draft.lines)
        scenes = self.state.wishes.scenes.get(draft.point_id, ())
        if manifest.needs_region and draft.region is None and not any(scene.regions for scene in scenes):
            raise invalid("body.region", "this algorithm needs a region; draw one on the picture")
        if manifest.needs_line and not draft.lines and not any(scene.lines for scene in scenes):
            raise invalid("body.lines", "this algorithm needs a line; draw one on the picture")
        try:
            manifest.settle(draft.parameters)
        except BadParameters as error:
            raise invalid("body.parameters", str(error)) from error
        spec = TaskSpec(
            task_id=LOCAL_PREFIX + new_id(),
            generation=1,
            point_id=draft.point_id,
            algorithm_id=manifest.id,
            algorithm_version=manifest.version,
            region=draft.region,
            masks=draft.masks,
            lines=draft.lines,
            parameters=draft.parameters,
        )

        def work(db: sqlite3.Connection) -> None:
            documents.put_local_task(db, spec)
            detail = {"camera": spec.point_id, "algorithm": spec.algorithm_id}
            record(db, doer, "task.add", f"task:{spec.task_id}", detail)

        await self.state.commit(work)
        await self.state.change_local(tasks=(*self.state.wishes.tasks, spec))
        return _task(spec, None, self.state.algorithms)

    async def remove_task(self, task_id: str, doer: Doer) -> None:
        """Remove a task that was added here."""

        def work(db: sqlite3.Connection) -> None:
            if not documents.remove_local_task(db, task_id):
                raise not_found("task of this box", task_id)
            record(db, doer, "task.remove", f"task:{task_id}")

        await self.state.commit(work)
        tasks = tuple(item for item in self.state.wishes.tasks if item.task_id != task_id)
        await self.state.change_local(tasks=tasks)

    def artifacts(self) -> Page[ArtifactReport]:
        """Return the packages and files that the hub wants here, and how far they have come."""
        return Page(items=self.state.artifacts)

    async def events(self, query: model.EventQuery) -> Page[model.EventRow]:
        """Return this box's own record, newest first."""
        before = None if query.after is None else int(query.after)
        wanted = events.EventFilter(type=query.type, point_id=query.point_id)
        found = await self.state.database.read(
            lambda db: events.newest(db, wanted, before=before, limit=query.limit + 1)
        )
        shown = found[: query.limit]
        following = str(shown[-1].number) if len(found) > query.limit else None
        return Page(items=tuple(_event(item, self.state.algorithms) for item in shown), next=following)

    async def join(self, bundle: Bundle, doer: Doer) -> model.Status:
        """Try to join a hub from now on."""
        if bundle.profile != self.state.config.profile:
            raise conflict("profile_mismatch", f"The bundle is for a box of the profile {bundle.profile!r}.")
        detail = {"hub": bundle.hub_name, "url": bundle.hub_url}
        await self.state.commit(lambda db: record(db, doer, "hub.bundle", detail=detail))
        await self.membership.joining.take(bundle)
        return await self.status()

    async def claim(self) -> model.ClaimStatus:
        """Return what a hub has to be told to claim this box."""
        ticket, desk = await self._ticket(), self.neighbourhood.desk
        return model.ClaimStatus(
            serial=ticket.serial,
            url=ticket.url,
            fingerprint=grouped(ticket.fingerprint),
            code=shown_code(ticket.code),
            locked_s=round(desk.locked_s, 1),
        )

    async def claim_picture(self) -> bytes:
        """Return the same as a QR code, SVG."""
        return qr_svg(await self._ticket())

    async def _ticket(self) -> ClaimTicket:
        ticket = await self.neighbourhood.ticket()
        if ticket is None:
            raise conflict("claim_closed", "This box belongs to a hub, or does not serve its local network yet.")
        return ticket

    def _link(self) -> model.LinkStatus:
        identity, link = self.membership.identity, self.membership.link
        acks = [
            lane.acknowledged_at for lane in (link.lanes.values() if link else ()) if lane.acknowledged_at is not None
        ]
        since = link.connected_since if link else None
        return model.LinkStatus(
            enrolled=identity is not None,
            hub_url=identity.hub_url if identity else "",
            hub_name=identity.hub_name if identity else "",
            certificate=_certificate(self.membership.member),
            refusal=str(self.membership.refusal or ""),
            claimable=self.membership.claimable,
            joining=_joining(self.membership.joining.attempt),
            connected=since is not None,
            connected_since=since,
            last_ack_age_s=round(time.monotonic() - max(acks), 1) if acks else None,
        )

    def _processes(self) -> tuple[model.ProcessStatus, ...]:
        own = model.ProcessStatus(name=AGENT, alive=True, pid=os.getpid(), report_age_s=None)
        return (own, *(self._process(name) for name in (STREAMS, VISION)))

    def _process(self, name: str) -> model.ProcessStatus:
        heard = self.state.heard.get(name)
        if heard is None:
            return model.ProcessStatus(name=name, alive=False, pid=None, report_age_s=None)
        age_s = (datetime.now(UTC) - heard.at).total_seconds()
        return model.ProcessStatus(name=name, alive=age_s < SILENT_AFTER_S, pid=heard.pid, report_age_s=round(age_s, 1))


def _certificate(member: Member | None) -> model.CertificateStatus | None:
    if member is None:
        return None
    facts = member.certificate
    return model.CertificateStatus(
        fingerprint=grouped(facts.fingerprint), obtained_at=member.identity.obtained_at, expires_at=facts.not_after
    )


def _joining(attempt: Attempt | None) -> model.JoiningStatus | None:
    if attempt is None:
        return None
    return model.JoiningStatus(
        hub_url=attempt.bundle.hub_url,
        hub_name=attempt.bundle.hub_name,
        failures=attempt.failures,
        refused=attempt.refused,
        code=attempt.code,
        reason=attempt.reason,
    )


def _algorithm(item: Algorithm, now: datetime) -> model.Algorithm:
    manifest = item.manifest
    state, ends = item.licence(now)
    return model.Algorithm(
        id=manifest.id,
        version=manifest.version,
        built_in=item.built_in,
        name_zh=manifest.name.zh,
        name_en=manifest.name.en,
        events=tuple(
            model.EventName(code=kind.code, name_zh=kind.name.zh, name_en=kind.name.en) for kind in manifest.events
        ),
        licence=model.AlgorithmLicence(state=state, ends=ends),
        needs_region=manifest.needs_region,
        needs_line=manifest.needs_line,
        parameters_schema=manifest.params_schema,
    )


def _task(spec: TaskSpec, report: TaskReport | None, known: Algorithms) -> model.Task:
    name = known.name(spec.algorithm_id, spec.algorithm_version)
    fresh = TaskReport.model_validate({"task_id": spec.task_id, "generation": spec.generation, "state": "starting"})
    return model.Task(
        task_id=spec.task_id,
        point_id=spec.point_id,
        algorithm_id=spec.algorithm_id,
        algorithm_version=spec.algorithm_version,
        algorithm_name_zh=name.zh,
        algorithm_name_en=name.en,
        region=spec.region,
        priority=spec.priority,
        local=spec.task_id.startswith(LOCAL_PREFIX),
        report=report or fresh,
    )


def _event(stored: events.StoredEvent, known: Algorithms) -> model.EventRow:
    body: dict[str, Any] = stored.body
    data: dict[str, Any] = body["data"]
    name = known.event_name(body["type"])
    return model.EventRow(
        id=body["id"],
        type=body["type"],
        type_name_zh=name.zh,
        type_name_en=name.en,
        point_id=data["point_id"],
        algorithm_id=data["algorithm_id"],
        task_id=data["task_id"],
        time=body["time"],
        score=data["score"],
        dwell_s=data["dwell_s"],
        detections=data["detections"],
        region=data["region"],
        preset=data.get("preset"),
        preset_name=data.get("preset_name", ""),
        sent=stored.sent,
        pictures=tuple(
            model.EventPicture(digest=digest, url=f"/api/v1/pictures/{digest}", state=state)
            for digest, state in stored.pictures
        ),
    )
