"""Access units from the streams process, by the protocol of `appliance.local.messages`."""

import asyncio
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.local.messages import DecodeLevel, FrameHeader

KEY_FRAME_CREDITS = 2
RETRY_S = 0.5
HEADER_LIMIT_BYTES = 64 << 10
PAYLOAD_LIMIT_BYTES = 16 << 20
_LENGTHS = struct.Struct(">II")


@dataclass(frozen=True, kw_only=True)
class AccessUnit:
    """One access unit with its header."""

    header: FrameHeader
    payload: bytes


class FrameSource:
    """Keeps the wanted subscriptions on `streams.sock` alive. Credit returns when a frame is done.

    `take` is called on the event loop for every access unit and must not block.
    """

    def __init__(
        self,
        socket: Path,
        take: Callable[[AccessUnit], None],
        *,
        level: DecodeLevel = DecodeLevel.KEYFRAME,
        credits_each: int = KEY_FRAME_CREDITS,
    ) -> None:
        """Prepare; `run` connects. Each point gets `credits_each` to begin with."""
        self._socket = socket
        self._take = take
        self._level = level
        self._credits_each = credits_each
        self._wanted: frozenset[str] = frozenset()
        self._writer: asyncio.StreamWriter | None = None

    def subscribe(self, points: frozenset[str]) -> None:
        """Want access units of exactly these points from now on."""
        if self._writer is not None:
            for point_id in sorted(points - self._wanted):
                self._send({"subscribe": point_id, "level": self._level, "credits": self._credits_each})
            for point_id in sorted(self._wanted - points):
                self._send({"unsubscribe": point_id})
        self._wanted = points

    def done(self, point_id: str) -> None:
        """Say that one access unit of the point has been dealt with: another may come."""
        if point_id in self._wanted:
            self._send({"credit": point_id, "n": 1})

    async def run(self) -> None:
        """Connect and read until cancelled; a lost connection is made anew."""
        while True:
            try:
                await self._read_all()
            except (OSError, EOFError, ValueError):
                pass  # the streams process is away or was restarted
            finally:
                self._close()
            await asyncio.sleep(RETRY_S)

    async def _read_all(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(str(self._socket))
        wanted, self._wanted = self._wanted, frozenset()
        self.subscribe(wanted)
        while True:
            lengths = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
            if lengths[0] > HEADER_LIMIT_BYTES or lengths[1] > PAYLOAD_LIMIT_BYTES:
                msg = "a frame is larger than allowed"
                raise ValueError(msg)
            header = FrameHeader.model_validate_json(await reader.readexactly(lengths[0]))
            self._take(AccessUnit(header=header, payload=await reader.readexactly(lengths[1])))

    def _send(self, order: dict[str, object]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(order).encode() + b"\n")

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
