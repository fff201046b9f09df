"""Which way a camera is pulled."""

from appliance.streams.errors import StreamError
from appliance.streams.rtsp.auth import Credentials
from appliance.streams.rtsp.dialling import Dialler
from appliance.streams.rtsp.messages import Inlet
from appliance.streams.rtsp.session import Approach, RtspSource
from appliance.streams.source import Intake, Source
from federation.messages import CameraSpec


class Sources:
    """Makes the source of each attempt; holds what all of them share."""

    def __init__(self) -> None:
        """Prepare what is shared."""
        self._inlet = Inlet()
        self._dialler = Dialler()

    def close(self) -> None:
        """Free what is shared."""
        self._dialler.close()

    def make(self, spec: CameraSpec, intake: Intake, last: StreamError | None) -> Source:  # noqa: ARG002
        """Return the source of the next attempt, `last` being why the one before ended."""
        approach = Approach(
            url=spec.url,
            credentials=Credentials(username=spec.username, password=spec.password),
            transport=spec.transport,
            trust=spec.trust,
        )
        return RtspSource(approach, intake, inlet=self._inlet, dialler=self._dialler)
