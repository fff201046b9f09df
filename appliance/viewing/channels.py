"""Channels: each camera that somebody watches is subscribed to once, however many watch."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.local import DecodeLevel
from appliance.local.frames import AccessUnit, FrameSource
from appliance.local.sockets import STREAMS_SOCKET
from appliance.store.moments import to_us
from appliance.viewing.muxer import LiveMuxer
from federation.viewing import Broadcast, Viewer

log = logging.getLogger(__name__)

LINGER_S = 5.0  # who comes back soon, or changes the size of the wall, sees a picture at once
TICK_S = 1.0
MOST_VIEWERS = 128


class TooManyViewers(Exception):
    """As many watch as this box serves at once."""


@dataclass(kw_only=True)
class Channel:
    """One camera's live view."""

    muxer: LiveMuxer = field(default_factory=LiveMuxer)
    broadcast: Broadcast = field(default_factory=Broadcast)
    left_at_s: float = 0.0


class Channels:
    """The cameras that are watched. Used on one event loop."""

    def __init__(self, run_folder: Path) -> None:
        """Prepare; `run` connects to the streams process."""
        self._channels: dict[str, Channel] = {}
        self._source = FrameSource(run_folder / STREAMS_SOCKET, self._take)

    async def run(self) -> None:
        """Follow the watched cameras until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._source.run(), name="watched streams")
            group.create_task(self._tidy_forever(), name="channels")

    @property
    def viewers(self) -> dict[str, int]:
        """How many watch each camera."""
        return {point_id: channel.broadcast.viewers for point_id, channel in self._channels.items()}

    @property
    def dropped(self) -> int:
        """How many pictures viewers were too slow for."""
        return sum(channel.broadcast.dropped for channel in self._channels.values())

    def fault(self, point_id: str) -> str:
        """Say why a camera cannot be watched although its pictures arrive; nothing if it can."""
        channel = self._channels.get(point_id)
        return "" if channel is None else channel.muxer.fault

    @contextmanager
    def viewing(self, point_id: str) -> Iterator[Viewer]:
        """Watch a camera for as long as the context is open; raise TooManyViewers."""
        if sum(self.viewers.values()) >= MOST_VIEWERS:
            raise TooManyViewers
        channel = self._channels.get(point_id)
        if channel is None:
            channel = self._channels[point_id] = Channel()
            self._subscribe()
        try:
            with channel.broadcast.viewing() as viewer:
                yield viewer
        finally:
            channel.left_at_s = time.monotonic()

    def _take(self, unit: AccessUnit) -> None:
        header = unit.header
        self._source.done(header.point_id)
        channel = self._channels.get(header.point_id)
        if channel is None:
            return
        if header.codec == "mjpeg":
            channel.muxer.fault = "not_viewable: MJPEG is shown as single pictures"
            return
        messages = channel.muxer.take(
            header.codec,
            unit.payload,
            key=header.key,
            shown=header.rtp_time,
            session=header.session,
            at_us=to_us(header.received_at),
        )
        for message in messages:
            channel.broadcast.send(message)

    async def _tidy_forever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            oldest = time.monotonic() - LINGER_S
            idle = [
                point_id
                for point_id, channel in self._channels.items()
                if channel.broadcast.viewers == 0 and channel.left_at_s < oldest
            ]
            for point_id in idle:
                del self._channels[point_id]
            if idle:
                self._subscribe()

    def _subscribe(self) -> None:
        self._source.subscribe(dict.fromkeys(self._channels, DecodeLevel.DEMUX))
