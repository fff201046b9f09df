"""What must be known of NAL units: their kinds (H.264 table 7-1, H.265 table 7-1) and the picture size."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from appliance.streams.access_unit import Codec, CodecParameters
from appliance.streams.rtp.bits import Bits


class Kind(Enum):
    """What a NAL unit is to us."""

    KEY_SLICE = auto()
    SLICE = auto()
    PARAMETER_SET = auto()
    OTHER = auto()


@dataclass(frozen=True, kw_only=True)
class Syntax:
    """The numbers in which H.264 and H.265 over RTP differ."""

    header_bytes: int
    aggregate_type: int
    aggregate_header_bytes: int
    fragment_type: int
    fragment_type_mask: int
    unsupported_types: frozenset[int]
    set_types: tuple[int, ...]
    sps_type: int
    kinds: tuple[Kind, ...]
    type_shift: int

    @classmethod
    def of(cls, codec: Codec) -> "Syntax":
        """Return the numbers of one codec."""
        return _H264 if codec == "h264" else _H265

    def type_of(self, first: int) -> int:
        """Return the type in the first byte of a NAL unit."""
        return first & 0x1F if self.type_shift == 0 else first >> 1 & 0x3F

    def kind_of(self, nal_type: int) -> Kind:
        """Return what a NAL unit type is to us."""
        return self.kinds[nal_type]

    def fragment_header(self, payload: memoryview, nal_type: int) -> bytes:
        """Return the header of the NAL unit that `payload`, its first fragment, begins."""
        if self.type_shift == 0:
            return bytes([payload[0] & 0xE0 | nal_type])
        return bytes([payload[0] & 0x81 | nal_type << 1, payload[1]])


def _kinds(count: int, *, keys: set[int], slices: set[int], sets: set[int]) -> tuple[Kind, ...]:
    named = {
        **dict.fromkeys(slices, Kind.SLICE),
        **dict.fromkeys(keys, Kind.KEY_SLICE),
        **dict.fromkeys(sets, Kind.PARAMETER_SET),
    }
    return tuple(named.get(number, Kind.OTHER) for number in range(count))


_H264 = Syntax(
    header_bytes=1,
    aggregate_type=24,  # STAP-A
    aggregate_header_bytes=1,
    fragment_type=28,  # FU-A
    fragment_type_mask=0x1F,
    unsupported_types=frozenset({0, 25, 26, 27, 29, 30, 31}),
    set_types=(7, 8),
    sps_type=7,
    kinds=_kinds(32, keys={5}, slices={1, 2, 3, 4}, sets={7, 8}),
    type_shift=0,
)

_H265 = Syntax(
    header_bytes=2,
    aggregate_type=48,  # AP
    aggregate_header_bytes=2,
    fragment_type=49,  # FU
    fragment_type_mask=0x3F,
    unsupported_types=frozenset(range(50, 64)),
    set_types=(32, 33, 34),
    sps_type=33,
    kinds=_kinds(64, keys=set(range(16, 22)), slices=set(range(10)), sets={32, 33, 34}),
    type_shift=1,
)


@dataclass(frozen=True, kw_only=True)
class PictureSize:
    """Width and height of the shown picture in px, and how it is sampled (`chroma_format` 1 is 4:2:0)."""

    width_px: int
    height_px: int
    chroma_format: int = 1
    luma_bits: int = 8
    chroma_bits: int = 8

    @classmethod
    def none(cls) -> Self:
        """Return the size of a picture of which nothing is known."""
        return cls(width_px=0, height_px=0)


def codec_parameters(codec: Codec, sets: tuple[bytes, ...]) -> CodecParameters:
    """Return what parameter sets tell of a stream; the size is 0x0 if they cannot be understood."""
    syntax = Syntax.of(codec)
    found = next((item for item in sets if item and syntax.type_of(item[0]) == syntax.sps_type), b"")
    size = picture_size(codec, found)
    return CodecParameters(codec=codec, sets=sets, width_px=size.width_px, height_px=size.height_px)


def picture_size(codec: Codec, sequence_parameter_set: bytes) -> PictureSize:
    """Return the picture size that a sequence parameter set tells, 0x0 if it cannot be understood."""
    try:
        bits = Bits(sequence_parameter_set[:4096])
        return _h264_size(bits) if codec == "h264" else _h265_size(bits)
    except EOFError:
        return PictureSize.none()


def _plausible(width: int, height: int, chroma: int, depths: tuple[int, int]) -> PictureSize:
    if not (0 < width <= 16384 and 0 < height <= 16384 and chroma <= 3 and max(depths) <= 15):
        return PictureSize.none()
    return PictureSize(
        width_px=width, height_px=height, chroma_format=chroma, luma_bits=depths[0], chroma_bits=depths[1]
    )


def _h264_size(bits: Bits) -> PictureSize:
    bits.read(8)
    profile = bits.read(8)
    bits.read(16)
    bits.unsigned()
    chroma = layout = 1
    depths = (8, 8)
    if profile in {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}:
        chroma = layout = bits.unsigned()
        if chroma == 3 and bits.read(1):
            layout = 0
        depths = (8 + bits.unsigned(), 8 + bits.unsigned())
        bits.read(1)
        if bits.read(1):
            _skip_scaling_lists(bits, 8 if chroma != 3 else 12)
    bits.unsigned()
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.read(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()
    bits.unsigned()
    bits.read(1)
    width = 16 * (bits.unsigned() + 1)
    units = bits.unsigned() + 1
    frames_only = bits.read(1)
    height = 16 * units * (2 - frames_only)
    if not frames_only:
        bits.read(1)
    bits.read(1)
    if bits.read(1):
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * (2 if layout in {1, 2} else 1)
        height -= (top + bottom) * (2 if layout == 1 else 1) * (2 - frames_only)
    return _plausible(width, height, chroma, depths)


def _skip_scaling_lists(bits: Bits, count: int) -> None:
    for number in range(count):
        if bits.read(1):
            last = following = 8
            for _ in range(16 if number < 6 else 64):
                if following:
                    following = (last + bits.signed()) % 256
                last = following or last


def _h265_size(bits: Bits) -> PictureSize:
    bits.read(16 + 4)
    layers = bits.read(3)
    bits.read(1)
    bits.read(88 + 8)
    present = [(bits.read(1), bits.read(1)) for _ in range(layers)]
    if layers:
        bits.read(2 * (8 - layers))
    for profile, level in present:
        bits.read(88 * profile + 8 * level)
    bits.unsigned()
    chroma = bits.unsigned()
    if chroma == 3:
        bits.read(1)
    width, height = bits.unsigned(), bits.unsigned()
    if bits.read(1):
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        width -= (left + right) * (2 if chroma in {1, 2} else 1)
        height -= (top + bottom) * (2 if chroma == 1 else 1)
    depths = (8 + bits.unsigned(), 8 + bits.unsigned())
    return _plausible(width, height, chroma, depths)
