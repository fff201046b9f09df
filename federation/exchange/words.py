"""Messages that only files need: what a side has taken of the other's parcels and pictures."""

from pydantic import AwareDatetime, Field

from federation.messages import Digest
from federation.messages.wire import WireModel

MOST_SPANS = 500
MOST_DIGESTS = 2000

TAKEN = "x/taken"
STORED = "x/stored"
PICTURE = "picture/"
DOCUMENT = "d/t/"  # an envelope, before the name of its shard


class TakenParcels(WireModel):
    """Which numbers of the other side's parcels were taken, as first and last, the newest if there are too many."""

    spans: tuple[tuple[int, int], ...] = Field(default=(), max_length=MOST_SPANS)
    at: AwareDatetime


class StoredPictures(WireModel):
    """Pictures that came and are stored."""

    digests: tuple[Digest, ...] = Field(max_length=MOST_DIGESTS)
