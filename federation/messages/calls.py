"""Calls: what the hub asks of a node that it cannot reach, for the node may stand behind NAT.

The hub publishes a `NodeCall`; the node comes by HTTPS to `GET /api/v1/calls/{ticket}`, upgrades to a WebSocket, and
answers over it: one text message, a `CallHead`; the body as binary messages; and a close with code 1000 once the body
is whole. A call with an `upload` has a body that does not go over MQTT: the node fetches it first, from
`GET /api/v1/calls/{ticket}/body`. A call for a live view has no end: its binary and text messages are those of
`federation.viewing.message`.
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from federation.messages.wire import WireModel

MOST_CALLS = 64
"""So many calls does a node answer at once; the hub asks no more of it."""

ANSWER_HEADERS = (
    "Content-Type",
    "Content-Length",
    "Content-Range",
    "Content-Disposition",
    "Accept-Ranges",
    "Fengsui-Start",
)
"""What of an answer's headers is passed on; no other gets from a node to somebody's browser."""

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,1000}$")]

TICKET_PATTERN = r"^[0-9a-f]{32}$"


class Upload(WireModel):
    """The body of a request that is fetched for it."""

    size_bytes: int = Field(ge=0)
    content_type: str = Field(pattern=r"^[a-z]+/[a-z0-9.+-]{1,60}$")


class NodeCall(WireModel):
    """One request of the hub."""

    ticket: str = Field(pattern=TICKET_PATTERN)
    method: Literal["GET", "POST", "PUT", "DELETE"] = "GET"
    path: str = Field(pattern=r"^/api/v1/[A-Za-z0-9._/%-]{1,900}$")
    query: dict[str, str] = Field(default_factory=dict)
    range: str = Field(default="", max_length=100, description="the header Range")
    body: JsonValue = None
    upload: Upload | None = Field(default=None, description="in place of `body`")
    live: bool = Field(default=False, description="a live view, which lasts until the hub closes it")
    actor: str = Field(default="", max_length=64, description="who asks at the hub, for the node's own record")


class CallHead(WireModel):
    """How the answer to a call begins."""

    status: int = Field(ge=100, le=599)
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=32)
