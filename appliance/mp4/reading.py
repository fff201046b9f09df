"""Reads what `fragments` wrote, also where the end is torn off."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from appliance.mp4.boxes import HEADER_BYTES, BadBox, children, read_header
from appliance.mp4.fragments import Head, Timed
from appliance.mp4.track import Track

LARGEST_HEAD_BYTES = 4 << 20
MOST_SAMPLES = 100_000

_NTP_EPOCH_S = 2_208_988_800
_VISUAL_ENTRY_BYTES = 78  # of a VisualSampleEntry before its boxes
_NON_SYNC = 0x00010000


@dataclass(frozen=True, kw_only=True)
class Place:
    """A fragment in a file: its head starts at `offset`, its samples at `content_offset`, the next at `end`."""

    offset: int
    content_offset: int
    end: int
    head: Head


def init_bytes(file: BinaryIO) -> bytes:
    """Return the init segment at the start of `file`; raise BadBox if there is none."""
    file.seek(0)
    parts: list[bytes] = []
    for kind in (b"ftyp", b"moov"):
        start = file.read(HEADER_BYTES)
        header = read_header(start)
        if header.kind != kind or header.size > LARGEST_HEAD_BYTES:
            raise BadBox(f"the file does not begin with {kind.decode()}")
        rest = file.read(header.size - HEADER_BYTES)
        if len(rest) < header.size - HEADER_BYTES:
            raise BadBox("the init segment is cut off")
        parts += (start, rest)
    return b"".join(parts)


def track_of(init: bytes) -> Track:
    """Return the track that an init segment of ours describes; raise BadBox or BadTrack for another."""
    try:
        entry = _sample_entry(memoryview(init))
        configuration = children(entry[_VISUAL_ENTRY_BYTES:])
        if b"avcC" in configuration:
            return Track.of("h264", _h264_sets(configuration[b"avcC"]))
        if b"hvcC" in configuration:
            return Track.of("h265", _h265_sets(configuration[b"hvcC"]))
    except (IndexError, KeyError, struct.error) as error:
        raise BadBox("the init segment cannot be understood") from error
    raise BadBox("neither H.264 nor H.265")


def fragments(file: BinaryIO, start: int, stop: int) -> Iterator[Place]:
    """Yield the whole fragments between `start` and `stop`; what is torn or foreign ends the walk."""
    at = start
    while at < stop:
        try:
            place = _fragment(file, at, stop)
        except (BadBox, struct.error):
            return
        yield place
        at = place.end


def is_sound(file: BinaryIO, place: Place) -> bool:
    """Tell whether the samples of a fragment are there: the lengths of their NAL units fill each exactly."""
    at = place.content_offset
    for sample in place.head.samples:
        stop = at + sample.size_bytes
        while at < stop:
            file.seek(at)
            length = int.from_bytes(file.read(4))
            at += 4 + length
            if length == 0 or at > stop:
                return False
    return at == place.end


def _sample_entry(init: memoryview) -> memoryview:
    """Return the content of the first sample entry."""
    content = children(init)[b"moov"]
    for kind in (b"trak", b"mdia", b"minf", b"stbl"):
        content = children(content)[kind]
    return next(iter(children(children(content)[b"stsd"][8:]).values()))


def _h264_sets(record: memoryview) -> list[bytes]:
    sets, at = _counted(record, 6, record[5] & 0x1F)
    more, _ = _counted(record, at + 1, record[at])
    return [*sets, *more]


def _h265_sets(record: memoryview) -> list[bytes]:
    sets: list[bytes] = []
    at = 23
    for _ in range(record[22]):
        more, at = _counted(record, at + 3, int.from_bytes(record[at + 1 : at + 3]))
        sets += more
    return sets


def _counted(record: memoryview, at: int, count: int) -> tuple[list[bytes], int]:
    """Return `count` units, each behind its length of two bytes, and where they end."""
    units: list[bytes] = []
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2])
        units.append(bytes(record[at + 2 : at + 2 + size]))
        at += 2 + size
    return units, at


def _fragment(file: BinaryIO, offset: int, stop: int) -> Place:
    at = offset
    reference: tuple[int, int] | None = None
    head: Head | None = None
    while True:
        file.seek(at)
        header = read_header(file.read(16))
        end = at + header.size
        if end > stop:
            raise BadBox("the fragment is torn off")
        if header.kind == b"mdat":
            break
        if header.size > LARGEST_HEAD_BYTES:
            raise BadBox("a head is too large")
        file.seek(at + header.header_size)
        content = memoryview(file.read(header.size - header.header_size))
        if header.kind == b"prft":
            reference = _reference(content)
        elif header.kind == b"moof":
            head = read_moof(content)
        else:
            raise BadBox("no box of a fragment")
        at = end
    if head is None or at + header.header_size + head.content_bytes != end:
        raise BadBox("the pictures do not fit their head")
    if reference is not None and reference[1] == head.decode_ticks:
        head = Head(sequence=head.sequence, decode_ticks=head.decode_ticks, samples=head.samples, at_us=reference[0])
    return Place(offset=offset, content_offset=at + header.header_size, end=end, head=head)


def read_moof(content: memoryview) -> Head:
    """Return what the content of a `moof` of ours says; raise BadBox or struct.error for another."""
    found = children(content)
    (sequence,) = struct.unpack_from(">I", found[b"mfhd"], 4) if b"mfhd" in found else (0,)
    track = children(found.get(b"traf", memoryview(b"")))
    if b"tfdt" not in track or b"trun" not in track:
        raise BadBox("a fragment without times")
    (decode_ticks,) = struct.unpack_from(">Q", track[b"tfdt"], 4)
    return Head(sequence=sequence, decode_ticks=decode_ticks, samples=_samples(track[b"trun"]))


def _samples(run: memoryview) -> tuple[Timed, ...]:
    flags, count = struct.unpack_from(">II", run)
    columns = 4 if flags & 0x800 else 3
    if flags & 0x701 != 0x701 or count > MOST_SAMPLES or len(run) != 12 + 4 * columns * count:
        raise BadBox("a run of samples that we did not write")
    numbers = struct.unpack_from(f">{columns * count}I", run, 12)
    rows = (numbers[at : at + columns] for at in range(0, len(numbers), columns))
    return tuple(Timed(row[0], row[1], not row[2] & _NON_SYNC, _signed(row[3]) if columns == 4 else 0) for row in rows)


def _reference(content: memoryview) -> tuple[int, int]:
    _, _, ntp, ticks = struct.unpack(">IIQQ", content)
    seconds, fraction = ntp >> 32, ntp & 0xFFFFFFFF
    if seconds < _NTP_EPOCH_S:
        seconds += 1 << 32  # the era that begins in 2036
    return (seconds - _NTP_EPOCH_S) * 1_000_000 + (fraction * 1_000_000 + (1 << 31) >> 32), ticks


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number
