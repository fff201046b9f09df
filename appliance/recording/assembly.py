"""Access units of one camera to fragments, which are what is kept, dropped or written."""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.mp4.fragments import Head, Sample, Timed, sample, timed
from appliance.mp4.track import TIMESCALE, BadTrack, Track
from appliance.store.moments import to_us
from appliance.streams.access_unit import AccessUnit, CodecParameters

LONGEST_FRAGMENT_TICKS = 5 * TIMESCALE  # of a camera whose key frames stand further apart
LARGEST_FRAGMENT_BYTES = 16 << 20
LONGEST_STEP_TICKS = 10 * TIMESCALE  # a longer pause between two pictures ends the stretch
BACK_TICKS = 2 * TIMESCALE  # pictures that are shown before they are decoded go back by less
PLAUSIBLE_CLOCK_US = 10_000_000  # a camera's clock that is off by more is not believed


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """Pictures from a key frame up to the next, or a part of them.

    `stretch` grows whenever the pictures before cannot be continued: their times have no common origin.
    """

    track: Track
    stretch: int
    samples: tuple[Sample, ...]
    times: tuple[Timed, ...]
    start_ticks: int
    duration_ticks: int
    size_bytes: int
    at_us: int

    @property
    def key(self) -> bool:
        """Whether it starts with a key frame."""
        return self.samples[0].key

    @property
    def end_us(self) -> int:
        """The wall clock at its end."""
        return self.at_us + self.duration_ticks * 1_000_000 // TIMESCALE

    def head(self, *, sequence: int, decode_ticks: int, at_us: int) -> Head:
        """Return its head for a file in which it starts at `decode_ticks`, which is `at_us` on the wall clock."""
        return Head(sequence=sequence, decode_ticks=decode_ticks, samples=self.times, at_us=at_us)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Yield its pictures' bytes."""
        for item in self.samples:
            yield from item.pieces


class Assembler:
    """Makes fragments of one camera's access units; `fault` says why none can be made, if so."""

    def __init__(self) -> None:
        """Start without a picture; the first fragment begins with a key frame."""
        self.fault = ""
        self._parameters: CodecParameters | None = None
        self._track: Track | None = None
        self._session = 0
        self._stretch = 0
        self._first: AccessUnit | None = None
        self._samples: list[Sample] = []
        self._size_bytes = 0
        self._newest_ticks = 0
        self._decoded_ticks = 0

    def take(self, unit: AccessUnit) -> list[Fragment]:
        """Take the next access unit; return the fragments that it ends, mostly none."""
        done: list[Fragment] = []
        if self._breaks(unit):
            done += self.flush()
            self._stretch += 1
            self._decoded_ticks = unit.pts - BACK_TICKS
            self._newest_ticks = unit.pts
            self._parameters = self._track = None
        self._session = unit.session
        if unit.key:
            done += self._cut(unit.pts)
            self._adopt(unit.parameters)
        elif self._is_full(unit.pts):
            done += self._cut(unit.pts)
        if self._track is not None:
            self._add(unit, self._track)
        return done

    def flush(self) -> list[Fragment]:
        """Return what is there as a last fragment, if there is anything."""
        count = len(self._samples)
        typical = (self._newest_ticks - self._samples[0].ticks) // (count - 1) if count > 1 else TIMESCALE // 25
        return self._cut(self._newest_ticks + max(1, typical))

    def _breaks(self, unit: AccessUnit) -> bool:
        step = unit.pts - self._newest_ticks
        return unit.session != self._session or not -BACK_TICKS < step < LONGEST_STEP_TICKS

    def _adopt(self, parameters: CodecParameters) -> None:
        """Follow the parameters of a key frame."""
        if parameters is self._parameters:
            return
        self._parameters = parameters
        try:
            track = Track.of(parameters.codec, parameters.sets)
        except BadTrack as error:
            self._track, self.fault = None, f"not_recordable: {error}"
            return
        self._track, self.fault = track, ""

    def _is_full(self, ticks: int) -> bool:
        return bool(self._samples) and (
            ticks - self._samples[0].ticks >= LONGEST_FRAGMENT_TICKS or self._size_bytes >= LARGEST_FRAGMENT_BYTES
        )

    def _add(self, unit: AccessUnit, track: Track) -> None:
        item = sample(track.codec, unit.payload, key=unit.key, ticks=unit.pts, starts=unit.starts)
        if not item.pieces:
            return
        self._first = self._first or unit
        self._samples.append(item)
        self._size_bytes += item.size_bytes
        self._newest_ticks = max(self._newest_ticks, unit.pts)

    def _cut(self, until: int) -> list[Fragment]:
        first, track, samples = self._first, self._track, self._samples
        if first is None or track is None:
            return []
        start, times = timed(samples, not_before=self._decoded_ticks, until=until)
        duration = sum(item.duration_ticks for item in times)
        fragment = Fragment(
            track=track,
            stretch=self._stretch,
            samples=tuple(samples),
            times=times,
            start_ticks=start,
            duration_ticks=duration,
            size_bytes=self._size_bytes,
            at_us=clock_us(first),
        )
        self._decoded_ticks = start + duration
        self._first, self._samples, self._size_bytes = None, [], 0
        return [fragment]


def clock_us(unit: AccessUnit) -> int:
    """Return when a picture was sent by the camera's clock if that is plausible, or else when it arrived."""
    arrived_us = to_us(unit.arrived_at)
    if unit.sent_at is None:
        return arrived_us
    sent_us = to_us(unit.sent_at)
    return sent_us if abs(sent_us - arrived_us) < PLAUSIBLE_CLOCK_US else arrived_us
