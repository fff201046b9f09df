"""Makes a working city out of an empty hub: nodes join, points and tasks come into being."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from federation.identity.bundle import SUFFIX
from federation.private_files import write_private
from hil_tests.demo.cameras import Camera, Rig
from hil_tests.demo.hub_console import HubConsole
from hil_tests.demo.site import PROFILES, Site

NODE_NAMES = {
    "capture": "城东抓图服务器",
    "analysis": "城东智能分析服务器",
    "storage": "城东视图存储设备",
}
BUREAUS = ("城市管理局", "公安局", "应急管理局", "住房和城乡建设局")
CENTRE = (104.0665, 30.6586)  # WGS 84, degrees: somewhere to put an invented town
STREET_DEG = 0.0062


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One task to create; `kind` is the happening of the script that it shall find, if any."""

    name: str
    kind: str | None = None
    point_id: str
    algorithm_id: str
    region: Any
    parameters: dict[str, Any]


def invite_nodes(hub: HubConsole, site: Site) -> None:
    """Put an enrolment bundle on every appliance's stick, as an installer does."""
    for profile in PROFILES:
        draft = {"name": NODE_NAMES[profile], "profile": profile}
        bundle = hub.post("/api/v1/enrolment-bundles", draft)["bundle"]
        write_private(site.stick(profile) / f"{profile}{SUFFIX}", json.dumps(bundle))


def create_points(hub: HubConsole, rig: Rig) -> None:
    """Create a point for every camera, spread over the streets of the invented town."""
    for index, camera in enumerate(rig.cameras):
        hub.post("/api/v1/points", _point(index, camera, rig))


def create_tasks(hub: HubConsole, wishes: Sequence[Wish]) -> dict[str, str]:
    """Create and start a task for every wish; return the scripted kind by task id."""
    kinds: dict[str, str] = {}
    for wish in wishes:
        body = {
            "name": wish.name,
            "point_ids": [wish.point_id],
            "algorithm_ids": [wish.algorithm_id],
            "region": wish.region,
            "parameters": wish.parameters,
        }
        for task in hub.post("/api/v1/tasks", body):
            if wish.kind is not None:
                kinds[task["id"]] = wish.kind
    return kinds


def wishes_for_scene(cameras: Sequence[Camera]) -> list[Wish]:
    """Return the tasks of the scripted cameras: intrusion and left objects in their regions."""
    kinds = (
        ("area_intrusion", "fengsui.area_intrusion", "区域入侵"),
        ("left_object", "fengsui.left_object", "遗留物"),
        ("illegal_stop", "fengsui.illegal_stop", "违停占道"),
    )
    return [
        Wish(
            name=f"{camera.name} {title}",
            kind=kind,
            point_id=camera.point_id,
            algorithm_id=algorithm,
            region=camera.regions[kind],
            parameters={},
        )
        for camera in cameras
        for kind, algorithm, title in kinds
        if kind in camera.regions
    ]


def wishes_for_model(cameras: Sequence[Camera], algorithm: dict[str, Any]) -> list[Wish]:
    """Return one task of the imported detector for every camera, over the whole picture."""
    return [
        Wish(
            name=f"{camera.name} {algorithm['name_zh']}",
            point_id=camera.point_id,
            algorithm_id=algorithm["id"],
            region=None,
            parameters={},
        )
        for camera in cameras
    ]


def wishes_for_footage(cameras: Sequence[Camera]) -> list[Wish]:
    """Return tasks that need no model, for the cameras that replay footage."""
    footage = [camera for camera in cameras if camera.truth_file is None]
    return [
        Wish(
            name=f"{camera.name} 区域入侵",
            point_id=camera.point_id,
            algorithm_id="fengsui.area_intrusion",
            region=None,
            parameters={},
        )
        for camera in footage
    ]


def _point(index: int, camera: Camera, rig: Rig) -> dict[str, Any]:
    column, row = index % 4, index // 4
    return {
        "id": camera.point_id,
        "name": camera.name,
        "gb_code": f"51010700001310{index + 1:06d}",
        "bureau": BUREAUS[index % len(BUREAUS)],
        "division": "示范区",
        "address": f"示范区{camera.name}",
        "longitude": round(CENTRE[0] + (column - 1.5) * STREET_DEG + row * 0.0011, 6),
        "latitude": round(CENTRE[1] + (row - 0.5) * STREET_DEG - (column % 2) * 0.0016, 6),
        "stream_url": f"rtsp://127.0.0.1:{rig.port}/{camera.path.lstrip('/')}",
        "username": rig.username,
        "password": rig.password,
    }
