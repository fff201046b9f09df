"""Shots to bytes: heads made anew, pictures as they lie in the files. Everything here blocks: call it on a thread."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.mp4.boxes import BadBox
from appliance.mp4.fragments import Head, Timed
from appliance.mp4.reading import Place, fragments, init_bytes, track_of
from appliance.playback.catalogue import Footage
from appliance.playback.reel import Shot


class Gone(Exception):
    """The footage is not there any more, or cannot be read."""


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """Bytes of a file."""

    path: Path
    offset: int
    size_bytes: int

    def read(self, start: int, stop: int) -> bytes:
        """Return the part's bytes from `start` to `stop`; raise Gone."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                content = os.pread(descriptor, stop - start, self.offset + start)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Gone(f"{self.path.name} cannot be read") from error
        if len(content) < stop - start:
            raise Gone(f"{self.path.name} is shorter than it was")
        return content


Part = bytes | FilePart


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A fragment as it is sent."""

    head: Head
    content: FilePart

    def parts(self) -> tuple[Part, Part]:
        """Return its bytes."""
        return self.head.to_bytes(), self.content


def init_of(footage: Footage) -> bytes:
    """Return the init segment of a segment; raise Gone."""
    try:
        with footage.path.open("rb", buffering=0) as file:
            return init_bytes(file)
    except (OSError, BadBox) as error:
        raise Gone(f"{footage.path.name} cannot be read") from error


def render(shot: Shot, sequence: int) -> Rendered:
    """Return a shot's fragment with the times of its stream; raise Gone."""
    place = _place(shot)
    samples = place.head.samples
    if shot.only_key:
        samples = (Timed(shot.duration_ticks, samples[0].size_bytes, True, 0),)
    head = Head(sequence=sequence, decode_ticks=shot.at_ticks, samples=samples, at_us=shot.span.at_us)
    content = FilePart(path=shot.footage.path, offset=place.content_offset, size_bytes=head.content_bytes)
    return Rendered(head=head, content=content)


def key_picture(shot: Shot) -> tuple[str, bytes]:
    """Return codec and Annex B bytes of a shot's key frame, its parameter sets before it; raise Gone."""
    track = track_of(init_of(shot.footage))
    place = _place(shot)
    first = place.head.samples[0].size_bytes
    content = FilePart(path=shot.footage.path, offset=place.content_offset, size_bytes=first).read(0, first)
    units = [*track.sets, *_units(content)]
    return track.codec, b"".join(b"\0\0\0\1" + unit for unit in units)


def _place(shot: Shot) -> Place:
    span = shot.span
    try:
        with shot.footage.path.open("rb", buffering=0) as file:
            return next(fragments(file, span.offset, span.offset + span.size_bytes))
    except (OSError, StopIteration) as error:
        raise Gone(f"{shot.footage.path.name} cannot be read") from error


def _units(content: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a sample."""
    at = 0
    while at + 4 <= len(content):
        stop = at + 4 + int.from_bytes(content[at : at + 4])
        yield content[at + 4 : stop]
        at = stop
