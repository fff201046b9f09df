"""Which way a camera is pulled: by our reader where it can, by FFmpeg in a child where it cannot."""

from pathlib import Path

from appliance.streams.errors import Refused, StreamError
from appliance.streams.ffmpeg.source import FfmpegSource, Nursery
from appliance.streams.ffmpeg.wire import Pull
from appliance.streams.rtsp import security
from appliance.streams.rtsp.address import DEFAULT_PORTS, read_address
from appliance.streams.rtsp.auth import Credentials
from appliance.streams.rtsp.dialling import Dialler
from appliance.streams.rtsp.messages import Inlet
from appliance.streams.rtsp.session import Approach, RtspSource
from appliance.streams.source import Intake, Source
from federation.messages import CameraSpec

FFMPEG_SCHEMES = frozenset({"rtmp", "rtmps", "http", "https"})  # HTTP-FLV, HLS, MJPEG and files over HTTP
FILE_SCHEME = "file"
_NOT_OURS = frozenset({"unsupported_codec"})
"""Codes with which our reader gives up and FFmpeg may still know what to do."""


class Sources:
    """Makes the source of each attempt; holds what all of them share."""

    def __init__(self, *, footage: Path | None = None) -> None:
        """Prepare what is shared; `file:` addresses name files in the folder `footage`, and nothing else."""
        self._footage = footage
        self._inlet = Inlet()
        self._dialler = Dialler()
        self._nursery = Nursery()
        self._foreign: set[str] = set()  # addresses with which our reader has given up

    async def close(self) -> None:
        """Free what is shared, and end every child."""
        self._dialler.close()
        await self._nursery.close()

    def make(self, spec: CameraSpec, intake: Intake, last: StreamError | None) -> Source:
        """Return the source of the next attempt, `last` being why the one before ended; raise Refused."""
        scheme = spec.url.partition(":")[0].lower()
        if scheme == FILE_SCHEME:
            if self._footage is None:
                raise Refused("bad_address", "this box plays no files")
            return self._by_ffmpeg(spec, intake, folder=self._footage)
        if last is not None and last.code in _NOT_OURS and scheme in DEFAULT_PORTS:
            self._foreign.add(spec.url)
        if scheme in FFMPEG_SCHEMES or spec.url in self._foreign:
            return self._by_ffmpeg(spec, intake)
        approach = Approach(
            url=spec.url,
            credentials=Credentials(username=spec.username, password=spec.password),
            transport=spec.transport,
            trust=spec.trust,
        )
        return RtspSource(approach, intake, inlet=self._inlet, dialler=self._dialler)

    async def certificate(self, url: str) -> str:
        """Return `sha256:` and the fingerprint of the certificate of an rtsps:// camera, empty if it shows none."""
        try:
            found = await self._dialler.certificate(read_address(url))
        except StreamError:
            return ""
        return f"sha256:{security.fingerprint(found)}" if found else ""

    def _by_ffmpeg(self, spec: CameraSpec, intake: Intake, *, folder: Path | None = None) -> FfmpegSource:
        place = None if folder is None else str(folder)
        pull = Pull(url=spec.url, username=spec.username, password=spec.password, folder=place)
        return FfmpegSource(pull, intake, self._nursery)
