"""Reels: which pictures of the footage are shown, in which order, and when in the stream that plays it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from appliance.mp4.track import TIMESCALE
from appliance.playback.catalogue import Footage, Span
from federation.viewing.recordings import Frames


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A fragment shown from `at_ticks` of the stream on, for `duration_ticks`; of a key shot its first picture only."""

    footage: Footage
    span: Span
    at_ticks: int
    duration_ticks: int
    only_key: bool


@dataclass(frozen=True, kw_only=True)
class Reel:
    """Shots in the order of showing; the stream's time 0 is `zero_us` on the wall clock."""

    zero_us: int
    shots: tuple[Shot, ...]

    @property
    def duration_ticks(self) -> int:
        """How long the stream lasts."""
        return self.shots[-1].at_ticks + self.shots[-1].duration_ticks if self.shots else 0


def forward(footage: Iterable[Footage], start_us: int, end_us: int, frames: Frames) -> Reel:
    """Return what is shown from the key frame at or before `start_us` until `end_us`.

    The stream's time runs like the wall clock's: gaps stay gaps. Where a clock was turned back it goes on regardless.
    """
    shots: list[Shot] = []
    zero_us = start_us
    for item in footage:
        for span in _chosen(_from_key(item.spans, start_us), frames):
            if span.at_us >= end_us:
                break
            zero_us = zero_us if shots else span.at_us
            free = shots[-1].at_ticks + shots[-1].duration_ticks if shots else 0
            at = max(free, _ticks(span.at_us - zero_us))
            shots.append(_shot(item, span, at, frames))
    return Reel(zero_us=zero_us, shots=tuple(shots))


def backward(footage: Iterable[Footage], start_us: int, end_us: int) -> Reel:
    """Return the key frames from the one that is seen at `start_us` back to the first after `end_us`.

    The stream's time runs against the wall clock's.
    """
    shots: list[Shot] = []
    zero_us = start_us
    for item in reversed(list(footage)):
        for span in reversed(_chosen(item.spans, Frames.KEY)):
            if span.at_us >= start_us or span.end_us <= end_us:
                continue
            zero_us = zero_us if shots else min(start_us, span.end_us)
            free = shots[-1].at_ticks + shots[-1].duration_ticks if shots else 0
            seen = replace(span, duration_us=min(span.end_us, start_us) - span.at_us)
            at = max(free, _ticks(zero_us - seen.end_us))
            shots.append(_shot(item, seen, at, Frames.KEY))
    return Reel(zero_us=zero_us, shots=tuple(shots))


def _from_key(spans: Sequence[Span], start_us: int) -> Sequence[Span]:
    """Return the spans from the last key frame at or before `start_us` on; all of them where there is none."""
    first = max((number for number, span in enumerate(spans) if span.key and span.at_us <= start_us), default=0)
    return spans[first:]


def _chosen(spans: Sequence[Span], frames: Frames) -> Sequence[Span]:
    """Return the spans to show; a key frame alone is shown until the next one comes."""
    if frames is Frames.ALL or not spans:
        return spans
    keys = [span for span in spans if span.key]
    ends = [*(span.at_us for span in keys[1:]), spans[-1].end_us]
    return [replace(span, duration_us=end - span.at_us) for span, end in zip(keys, ends, strict=True)]


def _shot(footage: Footage, span: Span, at_ticks: int, frames: Frames) -> Shot:
    return Shot(
        footage=footage,
        span=span,
        at_ticks=at_ticks,
        duration_ticks=_ticks(span.duration_us),
        only_key=frames is Frames.KEY,
    )


def _ticks(duration_us: int) -> int:
    return duration_us * TIMESCALE // 1_000_000
