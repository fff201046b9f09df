"""A node as the API shows it, put together from what it reported and what is wanted of it."""

from collections.abc import Mapping
from typing import Any

from federation.messages import CameraState, Lane, ReportedState, TaskState
from federation.messages.presence import understands
from firmware_profiles.profile import Profile, UnknownProfile, load_profile
from hub.fleet.desired import DesiredPublisher
from hub.fleet.model import CapacityRow, CertificateShown, Node, NodeDetail, NodeState
from hub.fleet.roster import NodeRecord


def row_of(node: NodeRecord, desired: DesiredPublisher) -> Node:
    """Return the node as the list shows it."""
    return Node(**_row(node, desired))


def detail_of(node: NodeRecord, desired: DesiredPublisher) -> NodeDetail:
    """Return the node with everything it reported."""
    reported = node.reported
    return NodeDetail(
        **_row(node, desired),
        incarnation=node.incarnation,
        cpu_share=reported.cpu_share if reported else 0.0,
        memory_share=reported.memory_share if reported else 0.0,
        disk_share=reported.disk_share if reported else 0.0,
        cameras=reported.cameras if reported else (),
        tasks=reported.tasks if reported else (),
        lanes=reported.lanes if reported else (),
    )


def state_of(node: NodeRecord) -> NodeState:
    """Return whether the node is awaited, online, offline, revoked, or speaks a protocol of other hubs."""
    if node.revoked_at is not None:
        return NodeState.REVOKED
    if not understands(node.protocol):
        return NodeState.INCOMPATIBLE
    if node.incarnation == 0 and node.last_seen_at is None:
        return NodeState.AWAITED
    return NodeState.ONLINE if node.online else NodeState.OFFLINE


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
        "software": node.software,
        "panel_url": node.panel_url,
        "enrolled_at": node.enrolled_at,
        "last_seen_at": node.last_seen_at,
        "capacity": _capacity(profile, desired.used(node.id)),
        "tasks_total": desired.task_count(node.id),
        "desired_version": desired.version(node.id),
        **_reported(node.reported),
    }


def _reported(reported: ReportedState | None) -> dict[str, Any]:
    if reported is None:
        names = ("cameras_live", "cameras_total", "tasks_running", "events_backlog", "evidence_backlog", "restarts")
        return {**dict.fromkeys(names, 0), "applied_version": 0}
    return {
        "cameras_live": sum(camera.state == CameraState.LIVE for camera in reported.cameras),
        "cameras_total": len(reported.cameras),
        "tasks_running": sum(task.state == TaskState.RUNNING for task in reported.tasks),
        "events_backlog": sum(lane.backlog for lane in reported.lanes if lane.lane == Lane.EVENTS),
        "evidence_backlog": reported.evidence_backlog,
        "restarts": reported.restarts,
        "applied_version": reported.desired_version,
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
