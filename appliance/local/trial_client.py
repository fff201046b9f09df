"""What the agent asks of the streams process about cameras that are not in the plan, over `trial.sock`."""

from pathlib import Path

import aiohttp

from appliance.errors import ProcessAway
from appliance.local.messages import CameraTrial
from appliance.local.sockets import TRIAL_SOCKET
from federation.messages import CameraSpec

WITHIN_S = 40.0


class TrialClient:
    """A client of the streams process whose socket lies in `run_folder`."""

    def __init__(self, run_folder: Path) -> None:
        """Name the socket; each call opens it anew."""
        self._socket = str(run_folder / TRIAL_SOCKET)

    async def attempt(self, spec: CameraSpec) -> CameraTrial:
        """Return what one try of a camera brought; raise ProcessAway."""
        connector = aiohttp.UnixConnector(path=self._socket)
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.post("http://streams/trials", data=spec.to_bytes()) as answer,
            ):
                content = await answer.read()
                if answer.status != 200:
                    raise ProcessAway("the streams process is busy with other tries; try again")
                return CameraTrial.model_validate_json(content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ProcessAway("the streams process is starting; try again") from error
