"""RTSP requests and responses as values (RFC 2326); nothing here touches a socket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from hil_tests.rig.errors import RequestError
from hil_tests.rig.rtsp.behaviour import Behaviour

HEAD_LIMIT_BYTES = 8192
BODY_LIMIT_BYTES = 4096

_REASONS = {
    200: "OK",
    302: "Moved Temporarily",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    503: "Service Unavailable",
}
_HEADER_LIMIT = 64
_URI = re.compile(r"[!-~]{1,2048}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    uri: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """Path of the URI without a slash at its ends, for example `cam1/trackID=0`."""
        try:
            return unquote(urlsplit(self.uri).path).strip("/")
        except ValueError as error:
            raise RequestError(400, "the URI cannot be read") from error

    @property
    def body_size_bytes(self) -> int:
        """Size that Content-Length tells; raise RequestError if it is no number or too large."""
        text = self.headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()) or int(text[:9]) > BODY_LIMIT_BYTES:
            raise RequestError(400, "Content-Length is not acceptable")
        return int(text)


def parse_request(head: bytes) -> Request:
    """Return the request in `head`, which ends with an empty line; raise RequestError if it is none."""
    try:
        first, *rest = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
    except UnicodeDecodeError as error:
        raise RequestError(400, "the request is not ASCII") from error
    parts = first.split(" ")
    if len(parts) != 3 or parts[2] != "RTSP/1.0" or not _TOKEN.fullmatch(parts[0]) or not _URI.fullmatch(parts[1]):
        raise RequestError(400, "the request line is not RTSP/1.0")
    if len(rest) > _HEADER_LIMIT:
        raise RequestError(400, "too many headers")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise RequestError(400, "a header cannot be read")
        headers[name.lower()] = value.strip()
    if not headers.get("cseq", "").isdigit():
        raise RequestError(400, "CSeq is missing or no number")
    return Request(method=parts[0], uri=parts[1], headers=headers)


@dataclass(frozen=True, kw_only=True)
class Response:
    """One response; `cseq` is what the request had, or None when it could not be read."""

    status: int
    cseq: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def encode(self, behaviour: Behaviour | None = None) -> bytes:
        """Return the bytes of this response, as a camera of some behaviour writes it."""
        ways = behaviour or Behaviour()
        headers = {} if self.cseq is None or ways.odd else {"CSeq": self.cseq}
        if ways.giant_header_bytes:
            headers["X-Giant"] = "x" * ways.giant_header_bytes
        headers |= self.headers
        if self.body and not ways.odd:
            headers["Content-Length"] = str(len(self.body.encode()))
        lines = [f"{name.lower()}:{value}" if ways.odd else f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"RTSP/1.0 {self.status} {_REASONS[self.status]}", *lines, "", ""])
        return (head + self.body).encode()


@dataclass(frozen=True, kw_only=True)
class TransportOffer:
    """What a client asked for in SETUP: interleaved channels, or a pair of UDP ports."""

    protocol: Literal["tcp", "udp"]
    first: int


def choose_transport(header: str) -> TransportOffer:
    """Return the first offer in a Transport header that the server speaks; raise RequestError if none."""
    for offer in header.split(","):
        fields = [part.strip() for part in offer.split(";")]
        values = dict(part.split("=", 1) for part in fields[1:] if "=" in part)
        if "multicast" in fields:
            continue
        if fields[0].upper() == "RTP/AVP/TCP":
            return TransportOffer(protocol="tcp", first=_pair_start(values.get("interleaved", "0-1"), 0, 254))
        if fields[0].upper() in ("RTP/AVP", "RTP/AVP/UDP") and "client_port" in values:
            return TransportOffer(protocol="udp", first=_pair_start(values["client_port"], 1024, 65534))
    raise RequestError(461, "only RTP over TCP or unicast UDP is served")


def _pair_start(text: str, lowest: int, highest: int) -> int:
    found = re.fullmatch(r"(\d{1,5})(?:-\d{1,5})?", text, re.ASCII)
    if not found or not lowest <= int(found[1]) <= highest:
        raise RequestError(400, "the Transport header cannot be read")
    return int(found[1])
