"""Films that lie on the box, picture by picture; one that is damaged or cut off gives what can be read, and says so."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer

from appliance.analysis.decoding import CannotDecode, jpeg
from appliance.analysis.finding import Picture

MOST_PIXELS = 64 << 20
"""Of a picture, by itself or of a film."""

CUT_OFF_S = 3.0
"""A film whose last picture is so long before its end is cut off; sound may last a little longer than pictures."""

_FORMATS = "mov,mp4,matroska,webm,avi,mpegts,flv"
"""What a film may be: FFmpeg knows lists, too, which lead to other files."""

_TOLD_S = 0.0005  # times are told in whole milliseconds


def pictures_of(path: Path, every_s: float, after_s: float | None = None) -> Generator[tuple[float, Picture]]:
    """Yield pictures of a film with their time in s: one every so often, from `every_s` after `after_s` on. Blocks.

    Raises CannotDecode or av.FFmpegError for what is no film, and after the last picture for one that is not whole.
    """
    due_s = 0.0 if after_s is None else after_s + max(every_s, 3 * _TOLD_S)
    damaged, last_s = 0, due_s
    with _opened(path) as film:
        if after_s is not None:
            film.seek(int(due_s * av.time_base), backward=True)
        for frames in _decoded(film):
            damaged += frames is None
            for frame in frames or ():
                last_s = at_s = float(frame.time or 0.0)
                if at_s >= due_s - _TOLD_S:
                    due_s = at_s + every_s
                    yield at_s, cast("Picture", frame.to_ndarray(format="bgr24"))
        of_s = _length_s(film)
    if of_s - last_s > CUT_OFF_S:
        raise CannotDecode(f"film_cut_off: its last picture is at {last_s:.1f} s of {of_s:.1f} s")
    if damaged:
        raise CannotDecode(f"film_damaged: {damaged} parts are damaged; the pictures in them were not looked at")


def length_s(path: Path) -> float:
    """Return the length of a film in seconds, 0 where its file does not tell; raise CannotDecode or av.FFmpegError."""
    with _opened(path) as film:
        return _length_s(film)


def jpeg_at(path: Path, at_s: float) -> bytes:
    """Return the first picture that is not before `at_s`, from the key frame before it on.

    Raises CannotDecode or av.FFmpegError.
    """
    with _opened(path) as film:
        film.seek(max(0, int(at_s * av.time_base)), backward=True)
        for frames in _decoded(film):
            for frame in frames or ():
                if float(frame.time or 0.0) >= at_s - _TOLD_S:
                    return jpeg(cast("Picture", frame.to_ndarray(format="bgr24")))[0]
    raise CannotDecode(f"the film has no picture at {at_s:g} s")


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Open a film that has pictures, and none larger than any camera's."""
    with av.open(str(path), metadata_errors="ignore", options={"format_whitelist": _FORMATS}) as film:
        if not film.streams.video:
            raise CannotDecode("film_without_pictures: it has sound or text alone")
        context = film.streams.video[0].codec_context
        if context.width * context.height > MOST_PIXELS:
            raise CannotDecode(f"too_many_pixels: its pictures have more than {MOST_PIXELS >> 20} million pixels")
        yield film


def _decoded(film: InputContainer) -> Iterator[list["av.VideoFrame"] | None]:
    """Yield the pictures that each part of the film completes, None for a part that is damaged."""
    parts = film.demux(film.streams.video[0])
    while True:
        try:
            part = next(parts, None)
        except av.InvalidDataError:
            yield None
            return
        if part is None:
            return
        try:
            frames = part.decode()
        except av.InvalidDataError:
            yield None
        else:
            yield frames


def _length_s(film: InputContainer) -> float:
    return 0.0 if film.duration is None else round(film.duration / av.time_base, 3)
