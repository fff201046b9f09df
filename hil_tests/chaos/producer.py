"""Plays the vision process of one box: hands events to the agent until each is committed."""

import asyncio
import http
import json
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from federation.messages import new_id

RETRY_S = 0.1
POST_WITHIN_S = 10.0
PICTURE_EVERY = 25
JPEG_START, JPEG_END = b"\xff\xd8\xff\xe0", b"\xff\xd9"
PICTURE_BYTES = 8_000


class Producer:
    """Produces one event after the other; `committed` counts what the agent has confirmed."""

    def __init__(self, agent_socket: Path, task_id: str) -> None:
        """Prepare; `run` produces. `committed_at` tells when the agent confirmed each event, as a Unix time."""
        self.committed = 0
        self.retries = 0
        self.pace_s = 0.0
        self.committed_at: dict[str, float] = {}
        self._socket = agent_socket
        self._task_id = task_id

    @property
    def ids(self) -> tuple[str, ...]:
        """The events that the agent has confirmed, in the order of their commits."""
        return tuple(self.committed_at)

    async def run(self, *, may_go_on: Callable[[], bool], pace_s: float) -> None:
        """Produce an event every `pace_s` seconds, if the box keeps up, for as long as `may_go_on`.

        Who changes the attribute `pace_s` meanwhile changes the pace.
        """
        self.pace_s = pace_s
        connector = aiohttp.UnixConnector(path=str(self._socket), limit=1)
        timeout = aiohttp.ClientTimeout(total=POST_WITHIN_S)
        async with aiohttp.ClientSession("http://agent", connector=connector, timeout=timeout) as session:
            while may_go_on():
                event_id = await self._commit(session, with_picture=self.committed % PICTURE_EVERY == 0)
                self.committed += 1
                self.committed_at[event_id] = datetime.now(UTC).timestamp()
                await asyncio.sleep(self.pace_s)

    async def _commit(self, session: aiohttp.ClientSession, *, with_picture: bool) -> str:
        event_id, picture = new_id(), None
        if with_picture:
            picture = JPEG_START + event_id.encode().ljust(PICTURE_BYTES, b".") + JPEG_END
        while True:
            try:
                async with session.post("/events", data=self._parcel(event_id, picture)) as answer:
                    if answer.status == http.HTTPStatus.OK:
                        return event_id
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            self.retries += 1
            await asyncio.sleep(RETRY_S)

    def _parcel(self, event_id: str, picture: bytes | None) -> bytes:
        now = datetime.now(UTC).isoformat()
        event = {
            "id": event_id,
            "type": "intrusion/object",
            "time": now,
            "detected_at": now,
            "point_id": "chaos",
            "task_id": self._task_id,
            "generation": 1,
            "algorithm_id": "fengsui.area_intrusion",
            "algorithm_version": "1.0.0",
            "score": 0.9,
            "pictures": [] if picture is None else [{"width_px": 64, "height_px": 36}],
        }
        return parcel([json.dumps(event)], [[] if picture is None else [picture]])


def parcel(events: Sequence[str], pictures: Sequence[Sequence[bytes]]) -> bytes:
    """Return events, each JSON, with their pictures as vision hands them to the agent: length, header, pictures."""
    sizes = [[len(picture) for picture in own] for own in pictures]
    header = f'{{"events":[{",".join(events)}],"sizes":{json.dumps(sizes)}}}'.encode()
    return b"".join((struct.pack("!I", len(header)), header, *(picture for own in pictures for picture in own)))
