"""Events with their pictures on their way from vision to the agent: many in one body, so that they share a commit.

A body is a big-endian uint32, the length of a header; the header, JSON `{"events": [LocalEvent …], "sizes": [[…] …]}`
with the sizes in bytes of each event's pictures; and the pictures, JPEG, one behind the other.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from appliance.local.messages import LocalEvent

MOST_EVENTS = 100
MOST_PICTURES = 8
PICTURE_LIMIT_BYTES = 32 << 20
_LENGTH = struct.Struct("!I")


class BadParcel(ValueError):
    """The body is no parcel of events; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One event with its JPEG pictures."""

    event: LocalEvent
    pictures: list[bytes]

    @property
    def size_bytes(self) -> int:
        """What the pictures take."""
        return sum(len(picture) for picture in self.pictures)


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """An event as it arrived, not yet checked, with its pictures."""

    event: dict[str, Any]
    pictures: list[bytes]

    def checked(self) -> Outgoing:
        """Return the event, or raise ValueError if it is none, or its pictures do not fit it."""
        event = LocalEvent.model_validate(self.event)
        if len(self.pictures) != len(event.pictures):
            msg = "an event comes with as many pictures as it names"
            raise ValueError(msg)
        if any(not picture or len(picture) > PICTURE_LIMIT_BYTES for picture in self.pictures):
            msg = "a picture is empty or larger than 32 MiB"
            raise ValueError(msg)
        return Outgoing(event=event, pictures=self.pictures)


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True)

    events: list[dict[str, Any]] = Field(min_length=1, max_length=MOST_EVENTS)
    sizes: list[list[NonNegativeInt]]


def pack(parcel: Sequence[Outgoing]) -> bytes:
    """Return the body for at most `MOST_EVENTS` events."""
    events = ",".join(each.event.model_dump_json() for each in parcel)
    sizes = [[len(picture) for picture in each.pictures] for each in parcel]
    header = f'{{"events":[{events}],"sizes":{sizes}}}'.encode()
    return b"".join((_LENGTH.pack(len(header)), header, *(picture for each in parcel for picture in each.pictures)))


def unpack(body: bytes) -> list[Arrived]:
    """Return the events of a body in order; raise BadParcel."""
    start = _LENGTH.size + (_LENGTH.unpack_from(body)[0] if len(body) >= _LENGTH.size else 0)
    try:
        header = _Header.model_validate_json(body[_LENGTH.size : start])
    except ValidationError as error:
        raise BadParcel(f"the header is wrong: {error.errors(include_url=False)[0]['msg']}") from error
    if len(header.sizes) != len(header.events) or any(len(sizes) > MOST_PICTURES for sizes in header.sizes):
        raise BadParcel(f"each event comes with the sizes of its pictures, {MOST_PICTURES} at most")
    if len(body) - start != sum(sum(sizes) for sizes in header.sizes):
        raise BadParcel("the pictures do not have the sizes that the header says")
    arrived: list[Arrived] = []
    for event, sizes in zip(header.events, header.sizes, strict=True):
        pictures = []
        for size in sizes:
            pictures.append(body[start : start + size])
            start += size
        arrived.append(Arrived(event=event, pictures=pictures))
    return arrived
