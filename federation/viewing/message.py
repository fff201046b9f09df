"""The messages of a live view, each one binary WebSocket message whose first byte is its kind.

- `INIT`: one byte with the length of the codec string, the string (as `MediaSource` takes it), the init segment of MP4.
- `KEY` and `DELTA`: one fragment of MP4 with one picture; a viewer can begin at a `KEY` only.

Text messages are JSON objects `{"kind": "state", …}` with the state of the camera.
"""

from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """What a message holds."""

    INIT = 0
    KEY = 1
    DELTA = 2


class Message(NamedTuple):
    """One message; `content` begins with the byte of its kind."""

    kind: Kind
    content: bytes

    @classmethod
    def of(cls, content: bytes) -> "Message":
        """Return the message that arrived as `content`; raise ValueError for another."""
        if len(content) < 2:
            msg = "a message of a live view has a kind and a content"
            raise ValueError(msg)
        return cls(Kind(content[0]), content)


def init_message(mime: str, segment: bytes) -> Message:
    """Return the message that a viewer needs before all others."""
    name = mime.encode("ascii")
    return Message(Kind.INIT, bytes((Kind.INIT, len(name))) + name + segment)


def read_init(message: Message) -> tuple[str, bytes]:
    """Return codec string and init segment of an `INIT`."""
    end = 2 + message.content[1]
    return message.content[2:end].decode("ascii", "replace"), message.content[end:]
