"""The baseline: PyAV with a thread for every camera, reading packets and decoding nothing."""

import json
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import av

from tests.bench.streams.field import Field, running

OPTIONS = {
    "rtsp_transport": "tcp",
    "timeout": "10000000",
    "analyzeduration": "0",
    "probesize": "32768",
    "fpsprobesize": "0",
}
SETTLE_S = 10.0


async def measure(field: Field) -> dict[str, Any]:
    """Return what the plain way costs in the same run."""
    note = field.run_folder / "baseline.json"
    urls = [urlsplit(camera.url) for camera in field.cameras()]
    whole = [parts._replace(netloc=f"camera:{field.password}@{parts.netloc}").geturl() for parts in urls]
    (field.run_folder / "urls.json").write_text(json.dumps(whole))
    async with running("-m", "tests.bench.streams.pyav_threads", str(field.run_folder)) as pid:
        await field.agent.until(note.exists, within_s=60, what="baseline")
        own, rig = await field.costs(pid, field.rig_pid)
    return {**own, "rig_cores": rig["cores"], **json.loads(note.read_text())}


def pull(url: str, counts: list[int], place: int) -> None:
    """Count the packets of one camera."""
    with av.open(url, options=OPTIONS) as container:
        for packet in container.demux(container.streams.video[0]):
            counts[place] += packet.size > 0


def pull_all(folder: str) -> None:
    """Pull every camera in a thread of its own; note when packets come from all of them."""
    av.logging.set_level(None)
    with open(f"{folder}/urls.json") as told:  # noqa: PTH123
        urls = json.load(told)
    counts = [0] * len(urls)
    for place, url in enumerate(urls):
        threading.Thread(target=pull, args=(url, counts, place), daemon=True).start()
    began = time.monotonic()
    while min(counts) == 0 and time.monotonic() - began < 50:
        time.sleep(0.2)
    time.sleep(1)
    with open(f"{folder}/baseline.json", "w") as note:  # noqa: PTH123
        json.dump({"pulled": sum(count > 0 for count in counts)}, note)
    threading.Event().wait()


if __name__ == "__main__":
    pull_all(sys.argv[1])
