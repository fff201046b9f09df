"""Access units from the streams process, by the protocol of `appliance.local.messages`."""

import asyncio
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.local.messages import DecodeLevel, FrameHeader

# Key frames are taken one by one; where every frame counts, some seconds of them may wait.
CREDITS = {DecodeLevel.KEYFRAME: 2, DecodeLevel.FULL: 50, DecodeLevel.DEMUX: 200}
RETRY_S = 0.5
READ_AHEAD_BYTES = 4 << 20
"""With asyncio's own 64 KiB a key frame would take several turns of both processes, which a busy box gives seldom."""

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

    def __init__(self, socket: Path, take: Callable[[AccessUnit], None]) -> None:
        """Prepare; `run` connects."""
        self._socket = socket
        self._take = take
        self._wanted: Mapping[str, DecodeLevel] = {}
        self._writer: asyncio.StreamWriter | None = None

    def subscribe(self, wanted: Mapping[str, DecodeLevel]) -> None:
        """Want exactly these cameras from now on, each at its level."""
        before, self._wanted = self._wanted, dict(wanted)
        if self._writer is not None:
            self._tell(before)

    def done(self, point_id: str, count: int = 1) -> None:
        """Say that access units of the point have been dealt with: as many others may come."""
        if point_id in self._wanted:
            self._send({"credit": point_id, "n": count})

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
        reader, self._writer = await asyncio.open_unix_connection(str(self._socket), limit=READ_AHEAD_BYTES)
        self._tell({})
        while True:
            lengths = _LENGTHS.unpack(await reader.readexactly(_LENGTHS.size))
            if lengths[0] > HEADER_LIMIT_BYTES or lengths[1] > PAYLOAD_LIMIT_BYTES:
                msg = "a frame is larger than allowed"
                raise ValueError(msg)
            header = FrameHeader.model_validate_json(await reader.readexactly(lengths[0]))
            self._take(AccessUnit(header=header, payload=await reader.readexactly(lengths[1])))

    def _tell(self, before: Mapping[str, DecodeLevel]) -> None:
        """Tell the streams process what has changed since it was told `before`."""
        for point_id, level in sorted(self._wanted.items()):
            if before.get(point_id) is not level:
                if point_id in before:  # what the other level allows to wait is another number
                    self._send({"unsubscribe": point_id})
                self._send({"subscribe": point_id, "level": level.value, "credits": CREDITS[level]})
        for point_id in sorted(set(before) - set(self._wanted)):
            self._send({"unsubscribe": point_id})

    def _send(self, order: dict[str, object]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(order).encode() + b"\n")

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
