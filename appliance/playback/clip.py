"""Clips: a stretch of time as one MP4 file, of which any range of bytes can be given."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from appliance.mp4.fragments import Head, Timed
from appliance.mp4.reading import track_of
from appliance.mp4.track import TIMESCALE, Track
from appliance.playback.catalogue import Footage
from appliance.playback.reel import Shot, forward
from appliance.playback.rendering import Part, init_of, render
from federation.viewing.recordings import Frames


class OtherCodec(Exception):
    """One file cannot hold H.264 and H.265; `at_us` is when the camera changed."""

    def __init__(self, at_us: int) -> None:
        """Name the moment of the change."""
        super().__init__("the camera changed between H.264 and H.265")
        self.at_us = at_us


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One MP4 file that lies nowhere; `ends` says where each part ends in it."""

    parts: tuple[Part, ...]
    ends: tuple[int, ...]
    start_us: int
    duration_ticks: int

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self.ends[-1]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop`, part by part. Blocks; raises Gone."""
        number = bisect_right(self.ends, start)
        while start < stop:
            part = self.parts[number]
            begin = self.ends[number] - _size(part)
            until = min(stop, self.ends[number])
            if isinstance(part, bytes):
                yield part[start - begin : until - begin]
            else:
                yield part.read(start - begin, until - begin)
            start, number = until, number + 1


def make_clip(footage: Iterable[Footage], start_us: int, end_us: int) -> Clip | None:
    """Return the clip from the key frame at or before `start_us` until `end_us`; None if nothing was recorded.

    Gaps are left out: the clip lasts as long as there are pictures, and each fragment tells its wall clock (`prft`).
    Blocks; raises Gone or OtherCodec.
    """
    reel = forward(footage, start_us, end_us, Frames.ALL)
    if not reel.shots:
        return None
    track = track_of(init_of(reel.shots[0].footage))
    pieces = list(_fragments(reel.shots, track, end_us))
    duration = sum(head.duration_ticks for head, _ in pieces)
    parts: list[Part] = [track.init_segment(duration_ticks=duration)]
    for head, contents in pieces:
        parts += (head.to_bytes(), *contents)
    ends = tuple(accumulate(map(_size, parts)))
    return Clip(parts=tuple(parts), ends=ends, start_us=reel.zero_us, duration_ticks=duration)


def _fragments(shots: Sequence[Shot], track: Track, end_us: int) -> Iterator[tuple[Head, tuple[Part, ...]]]:
    """Yield heads and contents, one after the other without gaps.

    Where the camera's parameter sets change, the new ones go before the first picture that needs them.
    """
    segment_id, codec, ticks = shots[0].footage.id, track.codec, 0
    for number, shot in enumerate(shots, start=1):
        rendered = render(shot, number)
        samples = _until(rendered.head, end_us)
        sets = b""
        if shot.footage.id != segment_id:
            segment_id, before, track = shot.footage.id, track, track_of(init_of(shot.footage))
            if track.codec != codec:
                raise OtherCodec(shot.span.at_us)
            sets = b"" if track == before else b"".join(len(unit).to_bytes(4) + unit for unit in track.sets)
        size = sum(item.size_bytes for item in samples)
        content = replace(rendered.content, size_bytes=size)
        first = samples[0]._replace(size_bytes=samples[0].size_bytes + len(sets))
        head = replace(rendered.head, decode_ticks=ticks, samples=(first, *samples[1:]))
        yield head, (sets, content) if sets else (content,)
        ticks += head.duration_ticks


def _until(head: Head, end_us: int) -> tuple[Timed, ...]:
    """Return the samples that are decoded before `end_us`; at least one."""
    left = (end_us - (head.at_us or 0)) * TIMESCALE // 1_000_000
    kept: list[Timed] = []
    for item in head.samples:
        if left <= 0 and kept:
            break
        kept.append(item)
        left -= item.duration_ticks
    return tuple(kept)


def _size(part: Part) -> int:
    return len(part) if isinstance(part, bytes) else part.size_bytes
