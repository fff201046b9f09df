"""One camera: pulled once, for ever, however many consumers it has."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from appliance.streams.access_unit import AccessUnit, Codec, CodecParameters
from appliance.streams.errors import Stalled, StreamError
from appliance.streams.feeds import Feed
from appliance.streams.health import Health
from appliance.streams.jpeg import jpeg_size
from appliance.streams.pace import Pace, pause_s, rest
from appliance.streams.rtp.nal import codec_parameters
from appliance.streams.source import Intake, Picture, Source
from federation.messages import CameraReport, CameraSpec

LINGER_S = 1.0
"""So long a camera that is pulled when asked is still pulled after nobody needs it: the next snapshot comes at once."""

MakeSource = Callable[[CameraSpec, Intake, StreamError | None], Source]
"""Makes the source of one attempt, knowing how the last one ended; raises Refused where no way leads to the camera."""


class Camera:
    """Pulls one camera into its feed, and is itself the intake of its sources. `changed` is told of new states."""

    def __init__(
        self, spec: CameraSpec, *, feed: Feed, make_source: MakeSource, pace: Pace, changed: Callable[[], None]
    ) -> None:
        """Prepare; `run` pulls."""
        self.spec = spec
        self.health = Health(spec.point_id)
        self._feed = feed
        self._make_source = make_source
        self._pace = pace
        self._changed = changed
        self._session = 0
        self._sequence = 0
        self._parameters = CodecParameters(codec="h264")
        self._source: Source | None = None
        self._limit: asyncio.Timeout | None = None
        self._overdue: StreamError | None = None
        self._needed_s = 0.0
        self._released = False

    async def run(self) -> None:
        """Pull until cancelled, or while somebody needs it; with growing pauses after failures in a row."""
        failures = 0
        error: StreamError | None = None
        while True:
            await self._called_for()
            await self._pace.turn()
            before = self._sequence
            error = await self._attempt(error)
            if self._released:
                failures, error = 0, None
                continue
            if self.health.failed(error, datetime.now(UTC)):
                self._changed()
            failures = 1 if self._sequence > before else failures + 1
            await rest(pause_s(failures, random.random(), error))  # noqa: S311 - spreads load

    def tick(self, now_s: float) -> None:
        """Measure, keep the session alive, and end an attempt from which nothing comes; called about twice a second."""
        if self._source is None:
            return
        self._source.tick(now_s)
        self.health.sample(now_s, self._source.traffic())
        if self._overdue is None and self._limit is not None:
            self._overdue = self.health.overdue(now_s)
            self._released = self._overdue is None and self._is_needless(now_s)
            if self._overdue is not None or self._released:
                self._limit.reschedule(now_s)

    def report(self, now_s: float) -> CameraReport:
        """Return the camera's health."""
        return self.health.report(now_s)

    async def _called_for(self) -> None:
        """Return once somebody needs the stream, which of most cameras is always."""
        if self.spec.pull != "asked" or self._feed.wanted.is_set():
            return
        self._feed.forget()  # it would be old, and there may be thousands of such cameras
        if self.health.rested(datetime.now(UTC)):
            self._changed()
        await self._feed.wanted.wait()

    def _is_needless(self, now_s: float) -> bool:
        """Tell whether nobody has needed the stream for a while."""
        if self.spec.pull != "asked" or self._feed.wanted.is_set():
            self._needed_s = now_s
        return now_s - self._needed_s > LINGER_S

    async def _attempt(self, last: StreamError | None) -> StreamError:
        """Pull once; return why it ended."""
        self._released, self._needed_s = False, time.monotonic()
        self._session += 1
        self.health.attempt()
        try:
            self._source = self._make_source(self.spec, self, last)
            async with asyncio.timeout(None) as self._limit:
                await self._source.run()
        except StreamError as error:
            return error.with_traceback(None)  # whose frames know the last attempt, and that the one before
        except TimeoutError:
            return self._overdue or Stalled("no_pictures", "the attempt took too long")
        finally:
            self._source = self._limit = self._overdue = None

    # A source calls the methods below.

    @property
    def wants_all(self) -> bool:
        """Tell whether a consumer needs more than key pictures."""
        return self._feed.wants_all

    def begin(self, codec: Codec, sets: Sequence[bytes], *, transport: str) -> None:
        """Note what the stream will be."""
        self._parameters = CodecParameters(codec=codec) if codec == "mjpeg" else codec_parameters(codec, tuple(sets))
        self.health.described(self._parameters)
        self.health.began(time.monotonic(), transport=transport)

    def take(self, picture: Picture) -> None:
        """Measure one picture, and give it to the consumers if it is of use."""
        now_s = time.monotonic()
        self._sequence += 1
        self.health.picture(now_s, key=picture.key, pts=picture.pts, usable=picture.usable)
        if picture.sets is not None:
            self._follow_parameters(picture)
        if not picture.payload:
            return
        at = datetime.now(UTC)
        if self.health.turn_live(at):
            self._changed()
        self._feed.send(
            AccessUnit(
                point_id=self.spec.point_id,
                parameters=self._parameters,
                session=self._session,
                sequence=self._sequence,
                key=picture.key,
                pts=picture.pts,
                payload=picture.payload,
                arrived_s=now_s,
                arrived_at=at,
                sent_at=picture.sent_at,
                starts=picture.starts,
            )
        )

    def _follow_parameters(self, picture: Picture) -> None:
        """Adopt what a key picture says of the stream, if it says anything new."""
        now = self._parameters
        if now.codec == "mjpeg":
            width_px, height_px = jpeg_size(picture.payload)
            fresh = CodecParameters(codec="mjpeg", width_px=width_px, height_px=height_px)
        else:
            fresh = now if picture.sets == now.sets else codec_parameters(now.codec, picture.sets or ())
        if fresh != now:
            self._parameters = fresh
            self.health.described(fresh)
