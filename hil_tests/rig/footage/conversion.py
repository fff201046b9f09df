"""Footage as it is found in a folder, made fit for a virtual camera."""

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from hil_tests.rig.errors import FootageError
from hil_tests.rig.footage.writer import Encoding, Picture, write_video
from hil_tests.rig.rtsp.clip import codec_of, read_clip

SUFFIXES = frozenset({".avi", ".mkv", ".mov", ".mp4", ".ts", ".m4v", ".webm", ".h264", ".h265"})
LONGEST_GOP_S = 2.0
"""Longer than this between two key pictures, and footage is encoded anew."""


def find_footage(folder: Path) -> tuple[Path, ...]:
    """Return the video files in `folder` by name; raise FootageError if there are none."""
    if not folder.is_dir():
        raise FootageError(f"{folder} is not a folder")
    found = tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()))
    if not found:
        raise FootageError(f"no video file in {folder}")
    return found


def is_fit(path: Path) -> bool:
    """Tell whether `path` can be served as it is; raise FootageError if it is no video at all."""
    if codec_of(path) not in ("h264", "hevc") or path.suffix.lower() in (".h264", ".h265"):
        return False  # elementary streams carry no times
    try:
        return read_clip(path).longest_gop_s <= LONGEST_GOP_S
    except FootageError:
        return False


def convert(path: Path, cache: Path) -> Path:
    """Return a clip of `path` that can be served: itself, or H.264 with a key picture a second, from the cache."""
    kept = cache / f"footage-{_digest(path)}.mp4"
    if kept.exists():
        return kept
    if is_fit(path):
        return path
    cache.mkdir(parents=True, exist_ok=True)
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = stream.average_rate or Fraction(25)
            size = (stream.codec_context.width // 2 * 2, stream.codec_context.height // 2 * 2)
            encoding = Encoding(width_px=size[0], height_px=size[1], fps=rate, crf=21, threads=2)
            count = write_video(kept, _pictures(container, size), encoding)
    except (av.error.FFmpegError, OSError) as error:
        raise FootageError(f"{path.name}: cannot be converted ({error.strerror})") from error
    if not count:
        kept.unlink()
        raise FootageError(f"{path.name}: no picture in this file")
    return kept


def _pictures(container: "av.container.InputContainer", size: tuple[int, int]) -> Iterator[Picture]:
    for frame in container.decode(video=0):
        fitted = frame.reformat(width=size[0], height=size[1], format="yuv420p")
        yield np.asarray(fitted.to_ndarray(), np.uint8)


def _digest(path: Path) -> str:
    told = path.stat()
    return hashlib.sha256(f"{path.resolve()} {told.st_size} {told.st_mtime_ns}".encode()).hexdigest()[:16]
