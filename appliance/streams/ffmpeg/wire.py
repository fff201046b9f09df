"""What goes between `streams`, the nursery and its children.

`streams` sends the nursery orders as datagrams of JSON: a `Begin` with one file descriptor, into which the child
writes, and an `End`. A child writes frames: two big-endian uint32 (length of header, length of payload), a header in
JSON and a payload. A header is a stream's beginning, a picture, or the reason of the end.
"""

import struct
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from appliance.streams.access_unit import Codec

LENGTHS = struct.Struct(">II")
HEADER_LIMIT_BYTES = 64 << 10
PAYLOAD_LIMIT_BYTES = 16 << 20
ORDER_LIMIT_BYTES = 64 << 10


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pull(_Value):
    """What a child shall pull: a `url` without credentials, or `file:` and the name of a file in `folder`."""

    url: str
    username: str = ""
    password: str = Field(default="", repr=False)
    folder: str | None = None


class Begin(_Value):
    """The order to let a child pull; `number` is its name from then on."""

    order: Literal["begin"] = "begin"
    number: int
    pull: Pull


class End(_Value):
    """The order to kill the child of that number."""

    order: Literal["end"] = "end"
    number: int


class Began(_Value):
    """The stream is there."""

    says: Literal["began"] = "began"
    codec: Codec
    transport: str


class Shown(_Value):
    """One picture, which the payload holds; `sets` in hex come with key pictures."""

    says: Literal["shown"] = "shown"
    key: bool
    pts: int
    sets: tuple[str, ...] | None = None


class Ended(_Value):
    """Why the stream is over."""

    says: Literal["ended"] = "ended"
    kind: Literal["refused", "stalled", "unreachable"]
    code: str
    detail: str


Order = Begin | End
Header = Began | Shown | Ended
ORDER: TypeAdapter[Order] = TypeAdapter(Annotated[Order, Field(discriminator="order")])
HEADER: TypeAdapter[Header] = TypeAdapter(Annotated[Header, Field(discriminator="says")])


def frame(header: Header, payload: bytes = b"") -> bytes:
    """Return a frame as it goes into the socket."""
    content = header.model_dump_json().encode()
    return LENGTHS.pack(len(content), len(payload)) + content + payload
