"""A vendor's algorithm server with a protocol of its own, as packages of protocol `mapped` describe such.

`POST /detect` takes a picture as JPEG, as the part `image` of a form, or as Base64 at `/picture/data` of a JSON
document, and wants to see its key in `X-Api-Key`. It answers `{"code": 0, "data": {"objects": [...]}}`, each object
with the vendor's word for what it is, a score of 100, and a rectangle in px: always the same two. At
`POST /v1/chat/completions` it is a vision language model instead, which wants its key as a bearer token.
"""

import base64
import binascii
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_BODY_BYTES = 16 << 20
HELD_AT_MOST_S = 60.0
PATHS = ("/detect", "/v1/chat/completions")
OBJECTS: list[dict[str, Any]] = [
    {"type": "灯", "conf": 87, "rect": [10, 20, 110, 70]},
    {"type": "树", "conf": "99.5", "rect": [0, 0, 5, 5]},
]
_PART = re.compile(rb'name="image"; filename="[^"]*"\r\nContent-Type: image/jpeg\r\n\r\n(.*?)\r\n--', re.DOTALL)


@dataclass(kw_only=True)
class VendorSystem:
    """Where it answers, its key, and what it was shown; tests change what it answers, and whether it holds on to it."""

    url: str = ""
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    status: int = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=lambda: {"code": 0, "data": {"objects": OBJECTS}})
    pictures: list[bytes] = field(default_factory=list)
    asked: int = 0
    at_once: int = 0
    most_at_once: int = 0
    open: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Hold nothing back."""
        self.open.set()

    def take(self, picture: bytes) -> None:
        """Note a picture, and hold it until the door is open."""
        with self._lock:
            self.asked += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.pictures.append(picture)
        self.open.wait(HELD_AT_MOST_S)
        with self._lock:
            self.at_once -= 1


@contextmanager
def vendor_system() -> Iterator[VendorSystem]:
    """Run one on a free loopback port."""
    system = VendorSystem()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing: a test's output is its own."""

        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers["Content-Length"]), LONGEST_BODY_BYTES))
            if system.key not in {self.headers.get("X-Api-Key"), self.headers.get("Authorization", "")[7:]}:
                self._say(HTTPStatus.UNAUTHORIZED, {})
                return
            picture = _picture(self.headers.get("Content-Type", ""), body)
            if self.path not in PATHS or picture is None:
                self._say(HTTPStatus.BAD_REQUEST, {"code": 7})
                return
            system.take(picture)
            self._say(system.status, system.answer)

        def _say(self, status: int, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**system.headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="vendor system")
        thread.start()
        system.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield system
        finally:
            system.open.set()
            server.shutdown()
            thread.join(10)


def _encoded(document: Any) -> str:
    if "picture" in document:
        return str(document["picture"]["data"])
    url = str(document["messages"][0]["content"][1]["image_url"]["url"])
    return url.removeprefix("data:image/jpeg;base64,")


def _picture(content_type: str, body: bytes) -> bytes | None:
    """Return the JPEG of a request, None where there is none."""
    if content_type.startswith("multipart/form-data"):
        found = _PART.search(body)
        body = found.group(1) if found else b""
    elif content_type.startswith("application/json"):
        try:
            body = base64.b64decode(_encoded(json.loads(body)), validate=True)
        except (ValueError, KeyError, TypeError, IndexError, binascii.Error):
            return None
    return body if body.startswith(b"\xff\xd8") else None
