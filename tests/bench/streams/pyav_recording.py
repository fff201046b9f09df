"""The baseline of recording: PyAV with a thread for every camera, remuxed into fragmented MP4."""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av

from tests.bench.streams.field import Field, running
from tests.bench.streams.pyav_threads import OPTIONS

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


async def measure(field: Field) -> dict[str, Any]:
    """Return what the plain way costs in the same run."""
    note = field.run_folder / "remuxed.json"
    urls = [urlsplit(camera.url) for camera in field.cameras()]
    whole = [parts._replace(netloc=f"camera:{field.password}@{parts.netloc}").geturl() for parts in urls]
    (field.run_folder / "urls.json").write_text(json.dumps(whole))
    async with running("-m", "tests.bench.streams.pyav_recording", str(field.run_folder)) as pid:
        await field.agent.until(note.exists, within_s=60, what="baseline")
        own, rig = await field.costs(pid, field.rig_pid)
    return {**own, "rig_cores": rig["cores"], **json.loads(note.read_text())}


def record(url: str, path: Path, counts: list[int], place: int) -> None:
    """Write one camera to a file."""
    with av.open(url, options=OPTIONS) as source, av.open(str(path), "w", format="mp4", options=FRAGMENTED) as file:
        video = source.streams.video[0]
        track = file.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.dts is None:
                continue
            packet.stream = track
            file.mux(packet)
            counts[place] += 1


def record_all(folder: Path) -> None:
    """Record every camera in a thread of its own; note when packets come from all of them."""
    av.logging.set_level(None)
    urls = json.loads((folder / "urls.json").read_text())
    counts = [0] * len(urls)
    for place, url in enumerate(urls):
        path = folder / f"baseline-{place}.mp4"
        threading.Thread(target=record, args=(url, path, counts, place), daemon=True).start()
    began = time.monotonic()
    while min(counts) == 0 and time.monotonic() - began < 50:
        time.sleep(0.2)
    time.sleep(1)
    (folder / "remuxed.json").write_text(json.dumps({"recorded": sum(count > 0 for count in counts)}))
    threading.Event().wait()


if __name__ == "__main__":
    record_all(Path(sys.argv[1]))
