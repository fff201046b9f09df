"""Names of the Unix sockets in the run folder."""

import asyncio
import socket
from pathlib import Path

AGENT_SOCKET = "agent.sock"
STREAMS_SOCKET = "streams.sock"
DOOR_SOCKET = "door.sock"
RECORDER_SOCKET = "recorder.sock"
TRIAL_SOCKET = "trial.sock"
VISION_SOCKET = "vision.sock"


async def private_socket(path: Path) -> socket.socket:
    """Return a Unix socket bound to `path`, in the place of a former one, that only this system user can open."""
    return await asyncio.to_thread(_bind, path)


def _bind(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
        path.chmod(0o600)  # nobody can connect before: nothing listens yet
    except OSError:
        bound.close()
        raise
    return bound
