"""Consumers of access units on `streams.sock`, each with its own credit per camera."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from appliance.local import DecodeLevel, FrameHeader
from appliance.local.sockets import STREAMS_SOCKET, private_socket
from appliance.streams.access_unit import AccessUnit
from appliance.streams.feeds import Feed, Feeds, Gate

MOST_CREDITS = 256
MOST_SUBSCRIPTIONS = 4096
BUFFER_LIMIT_BYTES = 32 << 20
_LENGTHS = struct.Struct(">II")


class _Tap:
    """One camera's units on their way into a socket, as long as there is credit for them."""

    def __init__(self, feed: Feed, level: DecodeLevel, writer: asyncio.StreamWriter) -> None:
        self.credits = 0
        self._feed = feed
        self._gate = Gate(level)
        self._writer = writer

    @property
    def level(self) -> DecodeLevel:
        return self._gate.level

    def turn(self, level: DecodeLevel) -> None:
        """Switch the level."""
        self._gate.turn(level)
        self._feed.review()

    def pay(self, count: int) -> None:
        """Add credit; raise ValueError if it is negative."""
        if count < 0:
            msg = "credit is not negative"
            raise ValueError(msg)
        self.credits = min(MOST_CREDITS, self.credits + count)

    def take(self, unit: AccessUnit) -> None:
        if not self._gate.wants(unit):
            return
        has_room = self.credits > 0 and self._writer.transport.get_write_buffer_size() <= BUFFER_LIMIT_BYTES
        if self._gate.admits(unit, has_room=has_room):
            self.credits -= 1
            self._writer.writelines((*_head(unit, self._gate.dropped), unit.payload))

    def await_key(self) -> None:
        self._gate.awaits_key = True

    def close(self) -> None:
        self._feed.detach(self)


def _head(unit: AccessUnit, dropped: int) -> tuple[bytes, bytes]:
    header = FrameHeader(
        point_id=unit.point_id,
        codec=unit.parameters.codec,
        key=unit.key,
        sequence=unit.sequence,
        rtp_time=max(0, unit.pts),
        session=unit.session,
        received_at=unit.arrived_at,
        sent_at=unit.sent_at,
        width_px=unit.parameters.width_px,
        height_px=unit.parameters.height_px,
        dropped=dropped,
    ).to_bytes()
    return _LENGTHS.pack(len(header), len(unit.payload)), header


class _Consumer:
    """One connection with its subscriptions."""

    def __init__(self, feeds: Feeds, writer: asyncio.StreamWriter) -> None:
        self._feeds = feeds
        self._writer = writer
        self._taps: dict[str, _Tap] = {}

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one order; raise ValueError, KeyError or TypeError for a malformed one."""
        if "subscribe" in order:
            self._subscribe(str(order["subscribe"]), DecodeLevel(order["level"]), int(order["credits"]))
        elif "credit" in order:
            tap = self._taps.get(str(order["credit"]))
            if tap is not None:
                tap.pay(int(order["n"]))
        else:
            tap = self._taps.pop(str(order["unsubscribe"]), None)
            if tap is not None:
                tap.close()

    def close(self) -> None:
        """End all subscriptions."""
        for tap in self._taps.values():
            tap.close()

    def _subscribe(self, point_id: str, level: DecodeLevel, credit: int) -> None:
        """Subscribe; for a camera that is subscribed already this switches the level and leaves its credit."""
        present = self._taps.get(point_id)
        if present is not None:
            present.turn(level)
            return
        if len(self._taps) >= MOST_SUBSCRIPTIONS:
            msg = f"at most {MOST_SUBSCRIPTIONS} cameras are served to one consumer"
            raise ValueError(msg)
        feed = self._feeds.of(point_id)
        tap = self._taps[point_id] = _Tap(feed, level, self._writer)
        tap.pay(credit)
        feed.attach(tap, newest=True)


class Consumers:
    """All connections; a malformed order ends its own connection only."""

    def __init__(self, feeds: Feeds) -> None:
        """Serve what `feeds` has."""
        self._feeds = feeds

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        consumer = _Consumer(self._feeds, writer)
        try:
            while line := await reader.readline():
                consumer.obey(json.loads(line))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # the consumer went away, or does not speak our language
        finally:
            consumer.close()
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
