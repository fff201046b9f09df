"""Access units to messages of a live view, one for each picture, at once and without decoding."""

from appliance.mp4.fragments import Head, Sample, Timed, nal_bounds, sample
from appliance.mp4.track import TIMESCALE, BadTrack, Track
from appliance.streams.access_unit import Codec
from appliance.streams.rtp.nal import Syntax
from federation.viewing import Kind, Message, init_message

FIRST_STEP_TICKS = TIMESCALE // 25
LONGEST_STEP_TICKS = 2 * TIMESCALE


class LiveMuxer:
    """Makes the messages of one camera; `fault` says why there are none, if so.

    A live view's time is its own: it goes on with each picture by at most twice the step before, for browsers take more
    for a gap and wait for a key frame. Where the camera sends pictures in another order than they are shown, decoding
    times are evenly spaced.
    """

    def __init__(self) -> None:
        """Start without a picture; the first message will be an init segment."""
        self.fault = ""
        self._track: Track | None = None
        self._sequence = 0
        self._session = -1
        self._step = FIRST_STEP_TICKS
        self._decoded = 0  # when the next picture is decoded at the earliest
        self._shown: int | None = None  # the camera's time of the picture before
        self._key_shown = 0
        self._key_decoded = 0
        self._since_key = 0
        self._is_reordered = False

    def take(self, codec: Codec, payload: bytes, *, key: bool, shown: int, session: int, at_us: int) -> list[Message]:
        """Return the messages for one access unit; `shown` counts 90 kHz ticks and is comparable within a session."""
        messages: list[Message] = []
        if session != self._session:
            self._session, self._shown, self._is_reordered = session, None, False
        if key:
            messages += self._adopt(codec, payload)
        if self._track is None:
            return []
        picture = sample(codec, payload, key=key, ticks=shown)
        if not picture.pieces:
            return messages
        self._sequence += 1
        timed = self._timed(picture)
        head = Head(sequence=self._sequence, decode_ticks=self._decoded, samples=(timed,), at_us=at_us)
        kind = Kind.KEY if key else Kind.DELTA
        messages.append(Message(kind, b"".join((bytes((kind,)), head.to_bytes(), *picture.pieces))))
        return messages

    def _adopt(self, codec: Codec, payload: bytes) -> list[Message]:
        """Follow the parameter sets of a key frame."""
        syntax = Syntax.of(codec)
        units = [payload[start:stop] for start, stop in nal_bounds(payload) if stop - start <= 4096]
        sets = tuple(unit for unit in units if syntax.type_of(unit[0]) in syntax.set_types)
        if self._track is not None and (self._track.codec, self._track.sets) == (codec, tuple(dict.fromkeys(sets))):
            return []
        try:
            self._track = Track.of(codec, sets)
        except BadTrack as error:
            self._track, self.fault = None, f"not_viewable: {error}"
            return []
        self.fault = ""
        return [init_message(self._track.mime, self._track.init_segment())]

    def _timed(self, picture: Sample) -> Timed:
        """Move on to the decoding time of a picture; return what its fragment says of it."""
        step = 0 if self._shown is None else picture.ticks - self._shown
        if step < 0 and not picture.key:
            self._is_reordered = True
        if picture.key and self._is_reordered and self._since_key and self._shown is not None:
            self._step = _plausible((picture.ticks - self._key_shown) // self._since_key)
        declared = self._step
        if self._shown is not None:
            self._decoded += declared if self._is_reordered else max(1, min(step, 2 * declared))
        if not self._is_reordered and 0 < step < LONGEST_STEP_TICKS:
            self._step = _plausible(step)
        self._shown = picture.ticks
        if picture.key:
            self._key_shown, self._key_decoded, self._since_key = picture.ticks, self._decoded, 0
        self._since_key += 1
        offset = 0
        if self._is_reordered:
            offset = picture.ticks - self._key_shown - (self._decoded - self._key_decoded)
        return Timed(self._step, picture.size_bytes, picture.key, offset)


def _plausible(step: int) -> int:
    return max(TIMESCALE // 240, min(step, LONGEST_STEP_TICKS))
