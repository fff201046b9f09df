"""The virtual cameras of the demo, as the rig announces them."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil_tests.demo.errors import DemoError
from hil_tests.demo.site import Site

CONTROL_WITHIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One virtual camera; a scripted one has its ground truth in `truth_file`.

    `regions` are polygons (shares of the picture) by kind of happening.
    """

    path: str
    name: str
    truth_file: Path | None
    regions: Mapping[str, Any]

    @property
    def point_id(self) -> str:
        """The point of this camera: the last part of its RTSP path."""
        return self.path.rsplit("/", 1)[-1].lower()


@dataclass(frozen=True, kw_only=True)
class Rig:
    """All virtual cameras: where they answer, and with which credentials."""

    port: int
    username: str
    password: str
    cameras: tuple[Camera, ...]


def read_rig(site: Site) -> Rig:
    """Return what the rig announced in its ready file."""
    ready = json.loads(site.rig_ready.read_text(encoding="utf-8"))
    secret = json.loads(site.rig_credentials.read_text(encoding="utf-8"))
    cameras = tuple(_camera(mount) for mount in ready["mounts"])
    return Rig(port=ready["port"], cameras=cameras, **secret)


def control(socket_path: Path, camera: Camera, behaviour: Mapping[str, Any]) -> None:
    """Let `camera` behave otherwise; raise DemoError with the rig's own words."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(CONTROL_WITHIN_S)
        link.connect(str(socket_path))
        order = {"action": "set", "camera": camera.path.rsplit("/", 1)[-1], "behaviour": behaviour}
        link.sendall(json.dumps(order).encode() + b"\n")
        answer = json.loads(link.makefile("r", encoding="utf-8").readline())
    if not answer.get("ok"):
        raise DemoError(str(answer))


def _camera(mount: dict[str, Any]) -> Camera:
    truth_file = Path(mount["truth_file"]) if mount["truth_file"] else None
    regions: dict[str, Any] = {}
    if truth_file is not None:
        regions = json.loads(truth_file.read_text(encoding="utf-8"))["regions"]
    return Camera(path=mount["path"], name=mount["name_zh"], truth_file=truth_file, regions=regions)
