"""All cameras pulled, and every key frame decoded in a second process, as vision does it."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from appliance.analysis.decoding import DecoderPool
from appliance.local import DecodeLevel
from appliance.local.frames import AccessUnit, FrameSource
from appliance.local.sockets import STREAMS_SOCKET
from federation.testing.waiting import until
from tests.bench.streams.field import Field, running
from tests.bench.streams.pulling import arrived

FIRST_WITHIN_S = 60.0
SETTLE_S = 4.0


async def measure(field: Field) -> dict[str, Any]:
    """Return what both processes cost together, and how many key frames a second were decoded."""
    note = field.run_folder / "decoded.json"
    points = [camera.point_id for camera in field.cameras()]
    await field.pull_all()
    async with running("-m", "tests.bench.streams.decoding", str(field.run_folder), json.dumps(points)) as pid:
        await until(note.exists, within_s=FIRST_WITHIN_S, what="the first key frames decoded")
        await asyncio.sleep(SETTLE_S)
        before = json.loads(note.read_text())
        own, decoder, rig = await field.costs(field.streams_pid, pid, field.rig_pid)
        after = json.loads(note.read_text())
    span_s = after["at_s"] - before["at_s"]
    return {
        "cores": round(own["cores"] + decoder["cores"], 3),
        "memory_mb": round(own["memory_mb"] + decoder["memory_mb"], 1),
        "streams_cores": own["cores"],
        "decoder_cores": decoder["cores"],
        "decoder_memory_mb": decoder["memory_mb"],
        "rig_cores": rig["cores"],
        "key_frames_per_s": round((after["decoded"] - before["decoded"]) / span_s, 1),
        "key_frames_dropped": after["dropped"] - before["dropped"],
        **arrived(field),
    }


async def decode_all(run_folder: Path, points: list[str]) -> None:
    """Decode every key frame of `points` and note once a second how many these were; for ever."""
    decoder, queue = DecoderPool(), asyncio.Queue[AccessUnit](maxsize=1024)
    source = FrameSource(run_folder / STREAMS_SOCKET, queue.put_nowait)
    source.subscribe(dict.fromkeys(points, DecodeLevel.KEYFRAME))
    loop = asyncio.get_running_loop()
    counts = {"decoded": 0, "dropped": 0}
    noted_s = 0.0
    async with asyncio.TaskGroup() as group:
        group.create_task(source.run(), name="frames")
        while True:
            unit = await queue.get()
            size = (unit.header.width_px, unit.header.height_px)
            await asyncio.to_thread(decoder.key_frame, unit.header.codec, unit.payload, size=size)
            source.done(unit.header.point_id)
            counts["decoded"] += 1
            if loop.time() - noted_s >= 1:
                noted_s = loop.time()
                note = json.dumps({**counts, "at_s": noted_s})
                await asyncio.to_thread(_write, run_folder / "decoded.json", note)


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


if __name__ == "__main__":
    asyncio.run(decode_all(Path(sys.argv[1]), json.loads(sys.argv[2])))
