"""An outside algorithm system that speaks `http-v1`: it finds what is bright. The reference for those who write one."""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST_PICTURE_BYTES = 16 << 20

OFFER: Mapping[str, Any] = {
    "id": "lamp",
    "version": "1.2.0",
    "name": {"zh": "亮灯检测", "en": "Lamp"},
    "events": [{"code": "lit", "name": {"zh": "亮灯", "en": "Lit"}, "labels": ["lamp"]}],
}

_SEEN = {"label": "lamp", "score": 0.9, "box": {"x": 0.25, "y": 0.25, "width": 0.5, "height": 0.5}}


@dataclass(frozen=True, kw_only=True)
class AlgorithmSystem:
    """Where it answers, and the token that it wants to see."""

    url: str
    token: str


@contextmanager
def algorithm_system(*, answer: bytes | None = None, later: bool = False) -> Iterator[AlgorithmSystem]:
    """Run one on a free loopback port; `answer` stands in for every analysis, `later` makes jobs of them.

    A JPEG of more than 3,000 bytes shows a lamp, a smaller one nothing: the system knows no more of pictures.
    """
    token = secrets.token_hex(8)
    jobs: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing: a test's output is its own."""

        def do_GET(self) -> None:
            if self._known() and self.path == "/v1/algorithms":
                self._say(HTTPStatus.OK, json.dumps({"algorithms": [OFFER]}).encode())
            elif self.path.startswith("/v1/jobs/"):
                self._say(HTTPStatus.OK, jobs[self.path.removeprefix("/v1/jobs/")])

        def do_POST(self) -> None:
            picture = self.rfile.read(min(int(self.headers["Content-Length"]), LONGEST_PICTURE_BYTES))
            if not self._known():
                return
            if self.path != f"/v1/algorithms/{OFFER['id']}/analyse":
                self._say(HTTPStatus.NOT_FOUND, b"{}")
                return
            found = [_SEEN] if len(picture) > 3000 else []
            said = json.dumps({"detections": found}).encode() if answer is None else answer
            if not later:
                self._say(HTTPStatus.OK, said)
                return
            job = secrets.token_hex(8)
            jobs[job] = said
            self._say(HTTPStatus.ACCEPTED, json.dumps({"job": job}).encode())

        def _known(self) -> bool:
            if self.headers.get("Authorization") == f"Bearer {token}":
                return True
            self._say(HTTPStatus.UNAUTHORIZED, b"{}")
            return False

        def _say(self, status: HTTPStatus, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="algorithm system")
        thread.start()
        try:
            yield AlgorithmSystem(url=f"http://127.0.0.1:{server.server_port}/v1", token=token)
        finally:
            server.shutdown()
            thread.join(10)
