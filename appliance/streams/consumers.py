"""Consumers of access units on `streams.sock`, each with its own credit per camera."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.local import DecodeLevel, FrameHeader
from appliance.local.sockets import STREAMS_SOCKET, private_socket
from appliance.streams.camera import Arrived

MOST_CREDITS = 256
BUFFER_LIMIT_BYTES = 32 << 20
_LENGTHS = struct.Struct(">II")


@dataclass(kw_only=True)
class _Subscription:
    level: DecodeLevel
    credits: int
    dropped: int = 0
    awaits_key: bool = True

    def admits(self, *, key: bool) -> bool:
        """Tell whether an access unit goes out now; counts it if it is dropped."""
        if self.level is DecodeLevel.KEYFRAME and not key:
            return False
        if self.awaits_key and not key:
            self.dropped += 1
            return False
        if self.credits <= 0:
            self.dropped += 1
            self.awaits_key = True
            return False
        self.credits -= 1
        self.awaits_key = False
        return True


class _Consumer:
    """One connection with its subscriptions."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.subscriptions: dict[str, _Subscription] = {}
        self._writer = writer

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one order; raise ValueError, KeyError or TypeError for a malformed one."""
        if "subscribe" in order:
            credit = min(MOST_CREDITS, int(order["credits"]))
            self.subscriptions[str(order["subscribe"])] = _Subscription(
                level=DecodeLevel(order["level"]), credits=credit
            )
        elif "credit" in order:
            found = self.subscriptions.get(str(order["credit"]))
            if found is not None:
                found.credits = min(MOST_CREDITS, found.credits + int(order["n"]))
        else:
            self.subscriptions.pop(str(order["unsubscribe"]), None)

    def offer(self, arrived: Arrived, at: datetime) -> None:
        """Send the access unit if there is credit for it."""
        subscription = self.subscriptions.get(arrived.point_id)
        if subscription is None or not subscription.admits(key=arrived.unit.key):
            return
        if self._writer.transport.get_write_buffer_size() > BUFFER_LIMIT_BYTES:
            subscription.dropped += 1
            return
        header = FrameHeader(
            point_id=arrived.point_id,
            codec=arrived.codec,
            key=arrived.unit.key,
            sequence=arrived.sequence,
            rtp_time=max(0, arrived.unit.rtp_time),
            session=arrived.session,
            received_at=at,
            dropped=subscription.dropped,
        ).to_bytes()
        lengths = _LENGTHS.pack(len(header), len(arrived.unit.payload))
        self._writer.write(lengths + header + arrived.unit.payload)


class Consumers:
    """All connections; a malformed order ends its own connection only."""

    def __init__(self) -> None:
        """Start without consumers; the newest key frame of each camera is kept for new ones."""
        self._consumers: set[_Consumer] = set()
        self._newest: dict[str, tuple[Arrived, datetime]] = {}

    def take(self, arrived: Arrived) -> None:
        """Offer an access unit to everybody."""
        at = datetime.now(UTC)
        if arrived.unit.key:
            self._newest[arrived.point_id] = (arrived, at)
        for consumer in self._consumers:
            consumer.offer(arrived, at)

    def forget(self, point_id: str) -> None:
        """Forget a camera that is pulled no more."""
        self._newest.pop(point_id, None)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        consumer = _Consumer(writer)
        self._consumers.add(consumer)
        try:
            while line := await reader.readline():
                order = json.loads(line)
                consumer.obey(order)
                newest = self._newest.get(str(order.get("subscribe")))
                whole = order.get("level") == DecodeLevel.KEYFRAME  # what follows it now is no use without the rest
                if newest is not None and whole:
                    consumer.offer(*newest)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # the consumer went away, or does not speak our language
        finally:
            self._consumers.discard(consumer)
            writer.close()


@asynccontextmanager
async def serving(consumers: Consumers, run_folder: Path) -> AsyncIterator[None]:
    """Serve consumers on `streams.sock`, which only this system user can open."""
    bound = await private_socket(run_folder / STREAMS_SOCKET)
    server = await asyncio.start_unix_server(consumers.serve, sock=bound)
    try:
        yield
    finally:
        server.close()
