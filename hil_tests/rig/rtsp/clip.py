"""A clip: the access units of a video file, cut for RTP once and sent many times."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.bitstream
import av.error
import av.video

from hil_tests.rig.errors import FootageError
from hil_tests.rig.rtsp import nal

CLOCK_HZ = 90_000
"""RTP clock of every video format."""

_CODECS: dict[str, nal.Codec] = {"h264": "h264", "hevc": "h265"}


@dataclass(frozen=True, kw_only=True)
class AccessUnit:
    """One coded picture. Times are ticks of 90 kHz from the start of the clip."""

    payloads: tuple[bytes, ...]
    is_key: bool
    sent_at_ticks: int
    shown_at_ticks: int


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Access units in decode order. The first is a key unit; each key unit carries its parameter sets."""

    codec: nal.Codec
    parameter_sets: tuple[bytes, ...]
    units: tuple[AccessUnit, ...]
    loop_ticks: int

    @property
    def loop_s(self) -> float:
        """Length of one round, in seconds."""
        return self.loop_ticks / CLOCK_HZ

    @property
    def longest_gop_s(self) -> float:
        """Longest time between two key units, in seconds, over the seam of the loop too."""
        keys = [unit.sent_at_ticks for unit in self.units if unit.is_key]
        ends = [*keys[1:], self.loop_ticks]
        return max(end - key for key, end in zip(keys, ends, strict=True)) / CLOCK_HZ


def codec_of(path: Path) -> str:
    """Return FFmpeg's name of the video codec in `path`; raise FootageError if there is none."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise FootageError(f"{path.name}: no video in this file")
            return container.streams.video[0].codec_context.name
    except (av.error.FFmpegError, OSError) as error:
        raise FootageError(f"{path.name}: cannot be read as video ({error.strerror})") from error


def read_clip(path: Path) -> Clip:
    """Read an H.264 or H.265 file whole; blocks. Raise FootageError if it cannot be served."""
    try:
        with av.open(str(path)) as container:
            return _clip(container, path.name)
    except (av.error.FFmpegError, OSError) as error:
        raise FootageError(f"{path.name}: cannot be read as video ({error.strerror})") from error


def _clip(container: "av.container.InputContainer", name: str) -> Clip:
    if not container.streams.video:
        raise FootageError(f"{name}: no video in this file")
    stream = container.streams.video[0]
    codec = _CODECS.get(stream.codec_context.name)
    if codec is None:
        raise FootageError(f"{name}: {stream.codec_context.name} cannot be served, only H.264 and H.265")
    coded = list(_annex_b(container, stream))
    rate = stream.average_rate or Fraction(25)
    return _assemble(coded, codec=codec, frame_ticks=round(CLOCK_HZ / rate), name=name)


def _annex_b(
    container: "av.container.InputContainer", stream: "av.video.stream.VideoStream"
) -> Iterator[tuple[bytes, int, int]]:
    """Yield (Annex B bytes, dts, pts) of every packet, times in 90 kHz ticks."""
    name = "h264_mp4toannexb" if stream.codec_context.name == "h264" else "hevc_mp4toannexb"
    to_annex_b = av.bitstream.BitStreamFilterContext(name, stream)
    scale = cast("Fraction", stream.time_base) * CLOCK_HZ
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        for filtered in to_annex_b.filter(packet):
            if filtered.dts is None or filtered.pts is None:
                continue
            yield bytes(filtered), round(filtered.dts * scale), round(filtered.pts * scale)


def _assemble(coded: list[tuple[bytes, int, int]], *, codec: nal.Codec, frame_ticks: int, name: str) -> Clip:
    units: list[AccessUnit] = []
    sets: tuple[bytes, ...] = ()
    origin = 0
    for data, sent_at, shown_at in coded:
        parts = nal.split(data)
        is_key = any(nal.starts_decoding(part, codec) for part in parts)
        own_sets = tuple(part for part in parts if nal.is_parameter_set(part, codec))
        sets = own_sets or sets
        if not units:
            if not is_key:
                continue  # a decoder can do nothing with these
            origin = sent_at
        if is_key and not own_sets:
            parts = [*sets, *parts]
        units.append(
            AccessUnit(
                payloads=tuple(piece for part in parts for piece in nal.payloads(part, codec)),
                is_key=is_key,
                sent_at_ticks=sent_at - origin,
                shown_at_ticks=shown_at - origin,
            )
        )
    if not units:
        raise FootageError(f"{name}: no picture that a decoder could start at")
    return Clip(
        codec=codec,
        parameter_sets=sets,
        units=tuple(units),
        loop_ticks=units[-1].sent_at_ticks + frame_ticks,
    )
