"""Files for tests, written by the product's own writer, and looked at by others' readers."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from appliance.recording.assembly import Assembler, Fragment
from appliance.recording.segment import SegmentFile
from appliance.streams.access_unit import AccessUnit


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What ffprobe says of a file after decoding all of it."""

    frames: int
    duration_s: float
    width_px: int
    height_px: int
    tag: str
    complaints: str


def assembled(units: Iterable[AccessUnit]) -> list[Fragment]:
    """Return the fragments of some access units, the unfinished last one too."""
    assembler = Assembler()
    found = [fragment for unit in units for fragment in assembler.take(unit)]
    return [*found, *assembler.flush()]


def write_segment(path: Path, fragments: Sequence[Fragment]) -> list[int]:
    """Write a segment; return the sizes of the file after the init segment and after each fragment."""
    first = fragments[0]
    file = SegmentFile(path, first.track.init_segment())
    sizes = [file.size_bytes]
    for number, fragment in enumerate(fragments, start=1):
        ticks = fragment.start_ticks - first.start_ticks
        head = fragment.head(sequence=number, decode_ticks=ticks, at_us=first.at_us + ticks * 100 // 9)
        file.append(head.to_bytes(), fragment.pieces())
        sizes.append(file.size_bytes)
    file.finish()
    return sizes


def probed(path: Path) -> Seen:
    """Let ffprobe decode a file."""
    entries = "stream=codec_tag_string,width,height,nb_read_frames:format=duration"
    command = ["ffprobe", "-v", "warning", "-count_frames", "-show_entries", entries, "-of", "json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    stream = found["streams"][0]
    return Seen(
        frames=int(stream["nb_read_frames"]),
        duration_s=float(found["format"]["duration"]),
        width_px=stream["width"],
        height_px=stream["height"],
        tag=stream["codec_tag_string"],
        complaints=done.stderr,
    )


def decoded(path: Path) -> list[float]:
    """Return when each picture of a file is shown, as PyAV decodes it, in seconds."""
    with av.open(str(path)) as container:
        return [float(frame.time or 0.0) for frame in container.decode(video=0)]
