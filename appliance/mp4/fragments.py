"""Samples and fragments: what is written for the pictures of a stretch of time."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from appliance.mp4.boxes import box, box_head, full_box
from appliance.mp4.track import TRACK_ID
from appliance.streams.access_unit import Codec
from appliance.streams.rtp.nal import Kind, Syntax

_KEY_FLAGS = 0x02000000  # depends on no other sample
_OTHER_FLAGS = 0x01010000
_NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970
_LENGTH = struct.Struct(">I")
_START = b"\0\0\1"


class Sample(NamedTuple):
    """One picture as a file holds it: `pieces` are the NAL units, each behind its length of four bytes."""

    key: bool
    ticks: int
    size_bytes: int
    pieces: tuple[bytes | memoryview, ...]


class Timed(NamedTuple):
    """What a `trun` says of one sample; `offset_ticks` from decoding to showing may be negative."""

    duration_ticks: int
    size_bytes: int
    key: bool
    offset_ticks: int


@dataclass(frozen=True, kw_only=True)
class Head:
    """What stands before the pictures of a fragment. `at_us` is the wall clock of its first picture, if it is told."""

    sequence: int
    decode_ticks: int
    samples: tuple[Timed, ...]
    at_us: int | None = None

    @property
    def duration_ticks(self) -> int:
        """How long the samples last together."""
        return sum(sample.duration_ticks for sample in self.samples)

    @property
    def content_bytes(self) -> int:
        """How many bytes of samples follow."""
        return sum(sample.size_bytes for sample in self.samples)

    def to_bytes(self) -> bytes:
        """Return `prft` where the wall clock is told, `moof`, and the head of the `mdat` that must follow."""
        told = b"" if self.at_us is None else _reference_time(self.at_us, self.decode_ticks)
        count = len(self.samples)
        offsets = any(sample.offset_ticks for sample in self.samples)
        flags = 0x701 | (0x800 if offsets else 0)
        table = _table(self.samples, offsets=offsets)
        track_head = full_box(b"tfhd", 0, 0x020000, struct.pack(">I", TRACK_ID))  # offsets count from the moof
        time = full_box(b"tfdt", 1, 0, struct.pack(">Q", self.decode_ticks))
        numbers = full_box(b"mfhd", 0, 0, struct.pack(">I", self.sequence & 0xFFFFFFFF))
        size = 8 + len(numbers) + 8 + len(track_head) + len(time) + 20 + len(table)
        run = full_box(b"trun", 1, flags, struct.pack(">Ii", count, size + 8), table)
        moof = box(b"moof", numbers, box(b"traf", track_head, time, run))
        return b"".join((told, moof, box_head(b"mdat", self.content_bytes)))


def sample(codec: Codec, payload: bytes, *, key: bool, ticks: int, starts: Sequence[int] = ()) -> Sample:
    """Return the sample of an Annex B access unit, without copying and without its parameter sets.

    `starts` are the places of its NAL units, if they are known.
    """
    syntax = Syntax.of(codec)
    view = memoryview(payload)
    pieces: list[bytes | memoryview] = []
    size = 0
    for start, stop in nal_bounds(payload, starts):
        if syntax.kind_of(syntax.type_of(payload[start])) is Kind.PARAMETER_SET:
            continue
        pieces += (_LENGTH.pack(stop - start), view[start:stop])
        size += 4 + stop - start
    return Sample(key, ticks, size, tuple(pieces))


def nal_bounds(payload: bytes, starts: Sequence[int] = ()) -> Iterator[tuple[int, int]]:
    """Yield where each NAL unit of an Annex B byte stream starts and stops; empty ones are left out.

    Where `starts` says at which places they start, each behind its start code, nobody has to look for them, which takes
    20 us in a picture of 20 kB.
    """
    places = starts or tuple(_starts(payload))
    for start, following in zip(places, (*places[1:], len(payload) + len(_START)), strict=False):
        stop = following - len(_START)
        while stop > start and payload[stop - 1] == 0:  # no NAL unit ends with a zero: it belongs to a start code
            stop -= 1
        if stop > start:
            yield start, stop


def _starts(payload: bytes) -> Iterator[int]:
    """Yield the place behind each start code."""
    at = payload.find(_START)
    while at >= 0:
        yield at + len(_START)
        at = payload.find(_START, at + len(_START))


def timed(samples: Sequence[Sample], *, not_before: int, until: int) -> tuple[int, tuple[Timed, ...]]:
    """Return when the first of `samples` is decoded, and the times of all.

    Samples stand in decoding order and know when they are shown. What is shown in another order than decoded gets
    its decoding times from the sorted showing times, never before `not_before`; the last sample lasts until `until`.
    """
    decoded: list[int] = []
    earliest = not_before
    for shown in sorted(item.ticks for item in samples):
        earliest = max(earliest, shown)
        decoded.append(earliest)
        earliest += 1
    ends = [*decoded[1:], max(until, decoded[-1] + 1)]
    times = tuple(
        Timed(end - at, item.size_bytes, item.key, item.ticks - at)
        for item, at, end in zip(samples, decoded, ends, strict=True)
    )
    return decoded[0], times


def _table(samples: Iterable[Timed], *, offsets: bool) -> bytes:
    numbers: list[int] = []
    for duration, size, key, offset in samples:
        numbers += (duration, size, _KEY_FLAGS if key else _OTHER_FLAGS)
        if offsets:
            numbers.append(offset & 0xFFFFFFFF)
    return struct.pack(f">{len(numbers)}I", *numbers)


def _reference_time(at_us: int, decode_ticks: int) -> bytes:
    """Return a ProducerReferenceTimeBox (ISO/IEC 14496-12 §8.16.5): the wall clock of a decoding time."""
    seconds, rest_us = divmod(at_us, 1_000_000)
    ntp = (seconds + _NTP_EPOCH_S) << 32 | (rest_us << 32) // 1_000_000
    return full_box(b"prft", 1, 0, struct.pack(">IQQ", TRACK_ID, ntp & 0xFFFFFFFFFFFFFFFF, decode_ticks))
