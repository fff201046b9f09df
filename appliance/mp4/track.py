"""A video track: what a player must know before the first picture, as init segment and as codec string."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from appliance.mp4.boxes import box, full_box
from appliance.streams.access_unit import Codec
from appliance.streams.rtp.nal import PictureSize, Syntax, picture_size

TIMESCALE = 90_000
"""Ticks a second of every track and file."""

TRACK_ID = 1

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_MOST_SETS = 32
_H264_HIGH = frozenset({100, 110, 122, 144})
_H265_PROFILE = slice(1, 13)  # profile, tier, compatibility, constraints and level in an SPS after its NAL header
_H265_KINDS = (32, 33, 34)


class BadTrack(ValueError):
    """The parameter sets do not say what a player must know."""


@dataclass(frozen=True)
class Track:
    """One track. `sets` are its parameter sets as NAL units, in the order of the stream."""

    codec: Codec
    sets: tuple[bytes, ...]
    size: PictureSize

    @classmethod
    def of(cls, codec: Codec, sets: Sequence[bytes]) -> "Track":
        """Return the track that `sets` describe; raise BadTrack if they do not."""
        if codec == "mjpeg":
            raise BadTrack("MJPEG is kept as pictures, not as a recording")
        syntax = Syntax.of(codec)
        kept = tuple(unit for unit in dict.fromkeys(sets) if len(unit) > syntax.header_bytes)[:_MOST_SETS]
        kinds = {syntax.type_of(unit[0]) for unit in kept}
        if not kinds.issuperset(syntax.set_types):
            raise BadTrack("a parameter set is missing")
        sps = next(unit for unit in kept if syntax.type_of(unit[0]) == syntax.sps_type)
        size = picture_size(codec, sps)
        if size.width_px == 0 or (len(sps) < 16 and codec == "h265"):
            raise BadTrack("the sequence parameter set cannot be understood")
        return cls(codec, kept, size)

    @cached_property
    def mime(self) -> str:
        """What `MediaSource.isTypeSupported` wants to hear (RFC 6381)."""
        name = _h264_name(self._of_kind(7)[0]) if self.codec == "h264" else _h265_name(self._of_kind(33)[0])
        return f'video/mp4; codecs="{name}"'

    def init_segment(self, *, duration_ticks: int = 0) -> bytes:
        """Return `ftyp` and `moov`; the duration is that of all fragments, 0 while it is not known."""
        brands = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6cmfcmp41")
        clock = struct.pack(">QQIQIHHQ", 0, 0, TIMESCALE, 0, 0x10000, 0x100, 0, 0)
        movie = full_box(b"mvhd", 1, 0, clock, _MATRIX, bytes(24), struct.pack(">I", TRACK_ID + 1))
        extends = [full_box(b"mehd", 1, 0, struct.pack(">Q", duration_ticks))] if duration_ticks else []
        extends.append(full_box(b"trex", 0, 0, struct.pack(">5I", TRACK_ID, 1, 0, 0, 0)))
        return brands + box(b"moov", movie, self._track_box(), box(b"mvex", *extends))

    def _track_box(self) -> bytes:
        size = struct.pack(">II", self.size.width_px << 16, self.size.height_px << 16)
        head = full_box(b"tkhd", 1, 3, struct.pack(">QQIIQ", 0, 0, TRACK_ID, 0, 0), bytes(16), _MATRIX, size)
        media = full_box(b"mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, TIMESCALE, 0, 0x55C4, 0))  # language `und`
        handler = full_box(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"video\0")
        source = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
        tables = box(
            b"stbl",
            full_box(b"stsd", 0, 0, struct.pack(">I", 1), self._sample_entry()),
            *(full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")),
            full_box(b"stsz", 0, 0, bytes(8)),
        )
        information = box(b"minf", full_box(b"vmhd", 0, 1, bytes(8)), source, tables)
        return box(b"trak", head, box(b"mdia", media, handler, information))

    def _sample_entry(self) -> bytes:
        kind, configuration = (
            (b"avc1", box(b"avcC", self._h264_configuration()))
            if self.codec == "h264"
            else (b"hvc1", box(b"hvcC", self._h265_configuration()))
        )
        size = struct.pack(">HH", self.size.width_px, self.size.height_px)
        resolution = struct.pack(">II", 0x480000, 0x480000)  # 72 dpi
        tail = struct.pack(">IH32sHh", 0, 1, b"", 0x18, -1)
        return box(kind, bytes(6), struct.pack(">H", 1), bytes(16), size, resolution, tail, configuration)

    def _h264_configuration(self) -> bytes:
        """Return an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3)."""
        sps, pps = self._of_kind(7), self._of_kind(8)
        record = b"".join(
            (
                bytes((1, *sps[0][1:4], 0xFF, 0xE0 | len(sps))),
                *map(_counted, sps),
                bytes((len(pps),)),
                *map(_counted, pps),
            )
        )
        if sps[0][1] in _H264_HIGH:
            size = self.size
            record += bytes((0xFC | size.chroma_format, 0xF8 | size.luma_bits - 8, 0xF8 | size.chroma_bits - 8, 0))
        return record

    def _h265_configuration(self) -> bytes:
        """Return an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3)."""
        plain = _plain(self._of_kind(33)[0])
        size = self.size
        layers = (plain[0] >> 1 & 7) + 1
        formats = (0xFC | size.chroma_format, 0xF8 | size.luma_bits - 8, 0xF8 | size.chroma_bits - 8)
        order = layers << 3 | (plain[0] & 1) << 2 | 3  # lengths of four bytes
        head = struct.pack(">B12sHBBBBHBB", 1, plain[_H265_PROFILE], 0xF000, 0xFC, *formats, 0, order, 3)
        return b"".join((head, *(self._h265_array(kind) for kind in _H265_KINDS)))

    def _h265_array(self, kind: int) -> bytes:
        units = self._of_kind(kind)
        return b"".join((struct.pack(">BH", 0x80 | kind, len(units)), *map(_counted, units)))

    def _of_kind(self, kind: int) -> list[bytes]:
        syntax = Syntax.of(self.codec)
        return [unit for unit in self.sets if syntax.type_of(unit[0]) == kind]


def _counted(unit: bytes) -> bytes:
    return struct.pack(">H", len(unit)) + unit


def _plain(sps: bytes) -> bytes:
    """Return an H.265 sequence parameter set without NAL header and emulation prevention."""
    return sps[2:].replace(b"\x00\x00\x03", b"\x00\x00")


def _h264_name(sps: bytes) -> str:
    return f"avc1.{sps[1:4].hex()}"


def _h265_name(sps: bytes) -> str:
    """Return the codec string of ISO/IEC 14496-15 annex E."""
    profile = _plain(sps)[_H265_PROFILE]
    space = ("", "A", "B", "C")[profile[0] >> 6]
    compatibility = int(f"{int.from_bytes(profile[1:5]):032b}"[::-1], 2)
    tier = "H" if profile[0] & 0x20 else "L"
    constraints = profile[5:11].rstrip(b"\0")
    parts = [f"hvc1.{space}{profile[0] & 31}", f"{compatibility:x}", f"{tier}{profile[11]}"]
    return ".".join([*parts, *(f"{byte:x}" for byte in constraints)])
