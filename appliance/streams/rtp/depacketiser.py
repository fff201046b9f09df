"""RTP packets of one video track to access units in Annex B form."""

from collections.abc import Sequence
from typing import NamedTuple

from appliance.streams.access_unit import PARAMETER_SET_LIMIT_BYTES, Codec
from appliance.streams.rtp.nal import Kind, Syntax

ACCESS_UNIT_LIMIT_BYTES = 8 << 20
START_CODE = b"\x00\x00\x00\x01"

_SETS_PER_KIND_LIMIT = 16


class Unit(NamedTuple):
    """One picture's data. `payload` is empty if it was not kept or cannot be decoded.

    `rtp_time` counts 90 kHz ticks without wrapping; `size_bytes` is what arrived for it.
    """

    key: bool
    rtp_time: int
    size_bytes: int
    payload: bytes


class Depacketiser:
    """Assembles the access units of one track. Never raises for any bytes: what is damaged is dropped.

    While `keep_all` is false only key access units are kept; it may change at any time and counts from the
    next access unit on. A key access unit always starts with the parameter sets that it needs, from the
    stream or else from the session description.
    """

    def __init__(self, codec: Codec, parameter_sets: Sequence[bytes] = (), *, keep_all: bool = False) -> None:
        self.keep_all = keep_all
        self.damaged = 0
        self._syntax = Syntax.of(codec)
        self._sets: dict[int, list[bytes]] = {}
        for content in parameter_sets:
            if len(content) >= self._syntax.header_bytes:
                self._sets.setdefault(self._syntax.type_of(content[0]), []).append(content)
        self._expected = -1
        self._source = -1
        self._time = -1
        self._raw_time = -1
        self._awaits_key = True
        self._start_unit()

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """The newest known parameter sets in the order VPS, SPS, PPS."""
        return tuple(content for kind in self._syntax.set_types for content in self._sets.get(kind, ()))

    def feed(self, packet: memoryview) -> tuple[Unit, ...]:
        """Take one RTP packet; return the access units that are complete now, mostly none or one."""
        if len(packet) < 13 or packet[0] >> 6 != 2:
            self._bad = True
            return ()
        start = 12 + 4 * (packet[0] & 0x0F)
        stop = len(packet)
        if packet[0] & 0x10:  # header extension
            if start + 4 > stop:
                self._bad = True
                return ()
            start += 4 + 4 * (packet[start + 2] << 8 | packet[start + 3])
        if packet[0] & 0x20:  # padding
            stop -= packet[-1]
        done = self._follow(packet)
        if start < stop:
            self._size += stop - start
            self._payload(packet[start:stop])
        if packet[1] & 0x80:  # marker: the picture is complete
            unit = self._finish_unit()
            if unit is not None:
                return (done, unit) if done is not None else (unit,)
        return (done,) if done is not None else ()

    def _follow(self, packet: memoryview) -> Unit | None:
        """Follow sequence number and time; return the access unit that a new time ends."""
        sequence = packet[2] << 8 | packet[3]
        raw_time = int.from_bytes(packet[4:8])
        source = int.from_bytes(packet[8:12])
        lost = self._expected not in {-1, sequence} or source != self._source
        done = None
        if self._raw_time != raw_time:
            if lost and self._picture:
                self._bad = self._bad or self._expected != -1
            done = self._finish_unit()
            self._advance(raw_time)
        if lost and self._expected != -1:
            self._bad = True
            self._awaits_key = True
        self._expected = (sequence + 1) & 0xFFFF
        self._source = source
        return done

    def _advance(self, raw_time: int) -> None:
        if self._raw_time < 0:
            self._time = raw_time
        else:
            step = (raw_time - self._raw_time) & 0xFFFFFFFF
            self._time = max(0, self._time + (step if step < 1 << 31 else step - (1 << 32)))
        self._raw_time = raw_time

    def _start_unit(self) -> None:
        self._unit = bytearray()
        self._keeps_all = self.keep_all
        self._key = False
        self._picture = False
        self._bad = False
        self._size = 0
        self._fragment = -1  # where the unfinished NAL unit starts, -1 if there is none
        self._fragment_type = -1
        self._seen: set[int] = set()

    def _finish_unit(self) -> Unit | None:
        if not self._picture:
            self._start_unit()
            return None
        if self._fragment >= 0:
            self._bad = True
        if self._bad:
            self.damaged += 1
            self._awaits_key = True
        elif self._key:
            self._awaits_key = False
        keep = not self._bad and not self._awaits_key and (self._key or self._keeps_all)
        payload = self._whole() if keep else b""
        unit = Unit(self._key, self._time, self._size, payload)
        self._start_unit()
        return unit

    def _whole(self) -> bytes:
        if not self._key:
            return bytes(self._unit)
        missing = [kind for kind in self._syntax.set_types if kind not in self._seen]
        sets = [START_CODE + content for kind in missing for content in self._sets.get(kind, ())]
        return b"".join([*sets, self._unit])

    def _payload(self, payload: memoryview) -> None:
        syntax = self._syntax
        if len(payload) < syntax.header_bytes:
            self._bad = True
            return
        kind = syntax.type_of(payload[0])
        if kind == syntax.fragment_type:
            self._take_fragment(payload)
        elif self._fragment >= 0:
            self._bad = True  # a fragmented NAL unit was not finished
        elif kind == syntax.aggregate_type:
            self._take_aggregate(payload[syntax.aggregate_header_bytes :])
        elif kind in syntax.unsupported_types:
            self._bad = True
        else:
            self._take(kind, payload)

    def _take_aggregate(self, rest: memoryview) -> None:
        while len(rest) > 2:
            size = rest[0] << 8 | rest[1]
            if size < self._syntax.header_bytes or size + 2 > len(rest):
                self._bad = True
                return
            self._take(self._syntax.type_of(rest[2]), rest[2 : 2 + size])
            rest = rest[2 + size :]

    def _take(self, kind: int, content: memoryview) -> None:
        """Take one whole NAL unit."""
        if not self._begin(kind):
            return
        if self._has_room(len(content)):
            self._unit += START_CODE
            self._unit += content
            self._remember(kind, len(content))

    def _take_fragment(self, payload: memoryview) -> None:
        syntax = self._syntax
        prefix = syntax.header_bytes + 1
        if len(payload) < prefix:
            self._bad = True
            return
        flags = payload[syntax.header_bytes]
        kind = flags & syntax.fragment_type_mask
        if flags & 0x80:
            self._bad = self._bad or self._fragment >= 0  # the one before was not finished
            self._fragment = len(self._unit)
            self._fragment_type = kind
            if self._begin(kind) and self._has_room(len(payload)):
                self._unit += START_CODE
                self._unit += syntax.fragment_header(payload, kind)
        elif self._fragment < 0 or kind != self._fragment_type:
            self._bad = True
            return
        if self._wanted(kind) and self._has_room(len(payload)):
            self._unit += payload[prefix:]
        if flags & 0x40:
            if self._wanted(kind):
                self._remember(kind, len(self._unit) - self._fragment - len(START_CODE))
            self._fragment = -1

    def _begin(self, kind: int) -> bool:
        """Note the kind of a NAL unit that begins; tell whether its bytes are kept."""
        what = self._syntax.kind_of(kind)
        if what in {Kind.KEY_SLICE, Kind.SLICE}:
            self._picture = True
            self._key = self._key or what is Kind.KEY_SLICE
        return self._wanted(kind)

    def _wanted(self, kind: int) -> bool:
        return self._keeps_all or self._syntax.kind_of(kind) is not Kind.SLICE

    def _has_room(self, size_bytes: int) -> bool:
        fits = len(self._unit) + size_bytes <= ACCESS_UNIT_LIMIT_BYTES
        self._bad = self._bad or not fits
        return fits

    def _remember(self, kind: int, size_bytes: int) -> None:
        """Keep a parameter set that has just been written to the end of the access unit."""
        if self._syntax.kind_of(kind) is not Kind.PARAMETER_SET:
            return
        if kind not in self._seen:
            self._seen.add(kind)
            self._sets[kind] = []
        kept = self._sets[kind]
        if len(kept) < _SETS_PER_KIND_LIMIT and 0 < size_bytes <= PARAMETER_SET_LIMIT_BYTES:
            kept.append(bytes(self._unit[-size_bytes:]))
