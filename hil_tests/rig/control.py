"""The control channel: one JSON object a line over a Unix socket that only its owner can open.

A request is `{"action": "set", "camera": "cam1", "behaviour": {"state": "frozen", "loss": 0.05}}`; the answer
`{"ok": true, …}` or `{"ok": false, "code": …, "message": …}`. Actions: status, set, kill-connections, end-sessions;
`status` needs no camera. What can be set says `hil_tests.rig.rtsp.behaviour.Behaviour`.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hil_tests.rig.cameras import VirtualCameras
from hil_tests.rig.errors import ControlError

LINE_LIMIT_BYTES = 4096
ANSWER_LIMIT_S = 30.0  # a rig that renders its clips may be busy
_IDLE_LIMIT_S = 60.0

ACTIONS = ("status", "set", "kill-connections", "end-sessions")


def obey(cameras: VirtualCameras, line: bytes) -> dict[str, Any]:
    """Do what one request line asks and return the answer."""
    try:
        return {"ok": True, **_do(cameras, _parse(line))}
    except ControlError as error:
        return {"ok": False, "code": error.code, "message": str(error)}


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        request = json.loads(line)
    except ValueError as error:
        raise ControlError("the request is not a JSON object on one line") from error
    if not isinstance(request, dict):
        raise ControlError("the request is not a JSON object on one line")
    if request.get("action") not in ACTIONS:
        raise ControlError(f"the action must be one of {', '.join(ACTIONS)}")
    return request


def _do(cameras: VirtualCameras, request: Mapping[str, Any]) -> dict[str, Any]:
    name = request.get("camera")
    if request["action"] == "status" and name is None:
        return {"cameras": {each: _status(cameras, each) for each in cameras.names()}}
    if not isinstance(name, str):
        raise ControlError("the request names no camera")
    match request["action"]:
        case "set":
            _set(cameras, name, request.get("behaviour"))
        case "kill-connections":
            return {"killed": cameras.kill_connections(name)}
        case "end-sessions":
            return {"ended": cameras.end_sessions(name)}
    return {"camera": _status(cameras, name)}


def _set(cameras: VirtualCameras, name: str, changes: Any) -> None:
    if not isinstance(changes, dict) or not changes:
        raise ControlError("a change of behaviour is an object with at least one name")
    cameras.behave(name, **changes)


def _status(cameras: VirtualCameras, name: str) -> dict[str, Any]:
    if name in cameras.names() and not cameras.is_ready(name):
        return {"state": "preparing"}
    figures = cameras.figures(name)
    return {
        "state": figures.state,
        "viewers": figures.viewers,
        "sent_units": figures.sent_units,
        "dropped_units": figures.dropped_units,
        "connects": figures.connects,
        "started_at": figures.started_at.isoformat(),
        "loop_s": figures.loop_s,
    }


@asynccontextmanager
async def control_channel(path: Path, cameras: VirtualCameras) -> AsyncIterator[None]:
    """Obey requests at the Unix socket `path` (mode 0600) while the body runs; raise OSError if it cannot be made."""
    sessions: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.add(writer)
        try:
            while True:
                async with asyncio.timeout(_IDLE_LIMIT_S):
                    line = await reader.readline()
                if not line:
                    break
                writer.write(json.dumps(obey(cameras, line)).encode() + b"\n")
                async with asyncio.timeout(ANSWER_LIMIT_S):
                    await writer.drain()
        except (ValueError, ConnectionError, TimeoutError):
            pass  # a line that is too long, or a client that is gone
        finally:
            sessions.discard(writer)
            writer.close()

    server = await asyncio.start_unix_server(serve, sock=_private_socket(path), limit=LINE_LIMIT_BYTES)
    try:
        yield
    finally:
        server.close()
        for writer in tuple(sessions):
            writer.transport.abort()
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _private_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # the socket must never be open to others, not even before a chmod
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def ask(path: Path, action: str, camera: str | None, behaviour: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Send one request to the rig at `path` and return its answer; raise ControlError when it is refused."""
    parts = {"action": action, "camera": camera, "behaviour": behaviour}
    request = {name: value for name, value in parts.items() if value is not None}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(ANSWER_LIMIT_S)
            link.connect(str(path))
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
    except (OSError, ValueError) as error:
        raise ControlError(f"no rig answers at {path}") from error
    if not answer.get("ok"):
        raise ControlError(str(answer.get("message", "the rig refused")))
    return answer
