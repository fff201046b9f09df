"""Which parcels of a sender were taken: none is used twice, and numbers that are missing can be named."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from federation.custody.ranges import Ranges, Span
from federation.exchange.parcel import Header
from federation.exchange.words import MOST_SPANS, TakenParcels
from federation.messages.wire import WireModel

MOST_STREAMS = 20


class StreamTaken(WireModel):
    """What was taken of one stream of a sender."""

    stream: str
    spans: tuple[Span, ...]


class Inbound(WireModel):
    """What was taken of a sender: of each of its newest streams, and in all.

    A number of a stream is taken once. A sender begins a stream whenever it starts and goes on numbering, so that its
    numbers in all tell what is missing. `newest_at` is the sender's time of the newest parcel: older ones may bring
    rows, but no news of how things stand.
    """

    spans: tuple[Span, ...] = ()
    streams: tuple[StreamTaken, ...] = Field(default=(), max_length=MOST_STREAMS)
    newest_at: AwareDatetime | None = None

    def is_taken(self, header: Header) -> bool:
        """Tell whether the number was taken before."""
        return header.serial in Ranges(self._spans_of(header.stream))

    def is_newest(self, header: Header) -> bool:
        """Tell whether nothing newer was taken."""
        return self.newest_at is None or header.created_at >= self.newest_at

    def take(self, header: Header) -> "Inbound":
        """Return what is taken after this parcel."""
        serial = header.serial
        others = tuple(each for each in self.streams if each.stream != header.stream)
        own = StreamTaken(stream=header.stream, spans=_with(self._spans_of(header.stream), serial))
        newest_at = header.created_at if self.is_newest(header) else self.newest_at
        return Inbound(spans=_with(self.spans, serial), streams=(*others, own)[-MOST_STREAMS:], newest_at=newest_at)

    @property
    def highest(self) -> int:
        """The highest number that was taken."""
        return Ranges(self.spans).highest

    def missing(self) -> tuple[Span, ...]:
        """Return the numbers below the highest that never came: files that were lost, or are still on their way."""
        return Ranges(self.spans).missing(1, self.highest)

    def to_tell(self, at: datetime) -> TakenParcels:
        """Return what to tell the sender."""
        return TakenParcels(spans=self.spans[-MOST_SPANS:], at=at)

    def _spans_of(self, stream: str) -> tuple[Span, ...]:
        return next((each.spans for each in self.streams if each.stream == stream), ())


def _with(spans: tuple[Span, ...], serial: int) -> tuple[Span, ...]:
    """Return the numbers with one more; where there are too many holes, the lowest is closed."""
    grown = Ranges(spans).add(serial, serial).spans
    if len(grown) > MOST_SPANS:
        (first, _), (_, last) = grown[:2]
        grown = ((first, last), *grown[2:])
    return grown
