"""A node as the API shows it, put together from what it reported and what is wanted of it."""

from collections.abc import Mapping
from typing import Any

from federation.messages import Applied, CameraState, Lane, ReportedState, Shard, TaskState
from firmware_profiles.profile import Profile, UnknownProfile, load_profile
from hub.database.moments import EPOCH
from hub.fleet.desired import DesiredPublisher
from hub.fleet.model import CapacityRow, CertificateShown, Node, NodeDetail, NodeState, ShardRow
from hub.fleet.roster import NodeRecord


def row_of(node: NodeRecord, desired: DesiredPublisher) -> Node:
    """Return the node as the list shows it."""
    return Node(**_row(node, desired))


def detail_of(node: NodeRecord, desired: DesiredPublisher, *, silent_s: float) -> NodeDetail:
    """Return the node with everything it reported; it was last heard `silent_s` seconds ago."""
    reported, beat, presence = node.reported, node.beat, node.presence
    return NodeDetail(
        **_row(node, desired),
        incarnation=node.incarnation,
        silent_s=round(silent_s, 1) if beat else None,
        answer_age_s=beat.answer_age_s if beat else None,
        clock_offset_s=beat.clock_offset_s if beat else None,
        refused=reported.refused if reported else {},
        probe_urls=presence.probe_urls if presence else (),
        cameras=reported.cameras if reported else (),
        tasks=reported.tasks if reported else (),
        artifacts=reported.artifacts if reported else (),
        lanes=reported.lanes if reported else (),
        set_aside=reported.set_aside if reported else (),
        notices=reported.notices if reported else (),
    )


def state_of(node: NodeRecord) -> NodeState:
    """Return what is held of the node, or that it is awaited, revoked, or speaks a protocol of other hubs."""
    if node.revoked_at is not None:
        return NodeState.REVOKED
    if not node.understood:
        return NodeState.INCOMPATIBLE
    if node.awaited:
        return NodeState.AWAITED
    return NodeState(node.life.condition.value)


def _certificate(node: NodeRecord) -> CertificateShown | None:
    newest = node.certificate
    if newest is None:
        return None
    return CertificateShown(serial=newest.serial, issued_at=newest.issued_at, expires_at=newest.expires_at)


def _row(node: NodeRecord, desired: DesiredPublisher) -> dict[str, Any]:
    profile = _profile(node.profile)
    return {
        "id": node.id,
        "name": node.name,
        "site": node.site,
        "serial": node.serial,
        "key_fingerprint": node.key_fingerprint,
        "certificate": _certificate(node),
        "revoked_at": node.revoked_at,
        "profile": node.profile,
        "profile_name_zh": profile.name.zh if profile else node.profile,
        "profile_name_en": profile.name.en if profile else node.profile,
        "state": state_of(node),
        "cause": node.life.cause,
        "state_since": node.life.since if node.life.since > EPOCH else None,
        "witnesses": node.life.witnesses,
        "declared_by": node.life.by,
        "clock": node.clock,
        "software": node.software,
        "panel_url": node.panel_url,
        "enrolled_at": node.enrolled_at,
        "last_seen_at": node.last_seen_at,
        "capacity": _capacity(profile, desired.used(node.id)),
        "tasks_total": desired.task_count(node.id),
        "shards": _shards(desired.wanted(node.id), node.applied),
        **_reported(node.reported),
    }


def _shards(wanted: Mapping[Shard, tuple[int, int]], applied: Applied) -> tuple[ShardRow, ...]:
    return tuple(
        ShardRow(
            shard=shard,
            wanted_version=wanted[shard][1] if shard in wanted else 0,
            applied_version=applied[shard].version if shard in applied else 0,
            followed=shard not in wanted or (shard in applied and applied[shard].order == wanted[shard]),
        )
        for shard in Shard
    )


def _reported(reported: ReportedState | None) -> dict[str, Any]:
    if reported is None:
        names = ("cameras_live", "cameras_total", "tasks_running", "events_backlog", "evidence_backlog", "restarts")
        return dict.fromkeys(names, 0)
    return {
        "cameras_live": sum(camera.state == CameraState.LIVE for camera in reported.cameras),
        "cameras_total": len(reported.cameras),
        "tasks_running": sum(task.state == TaskState.RUNNING for task in reported.tasks),
        "events_backlog": sum(lane.backlog for lane in reported.lanes if lane.lane == Lane.EVENTS),
        "evidence_backlog": reported.evidence_backlog,
        "restarts": reported.restarts,
    }


def _capacity(profile: Profile | None, used: Mapping[str, float]) -> tuple[CapacityRow, ...]:
    if profile is None:
        return ()
    return tuple(
        CapacityRow(capability=capability, offered=offered, used=used.get(capability, 0.0))
        for capability, offered in profile.capacity.model_dump().items()
        if offered > 0
    )


def _profile(profile_id: str) -> Profile | None:
    try:
        return load_profile(profile_id)
    except UnknownProfile:
        return None
