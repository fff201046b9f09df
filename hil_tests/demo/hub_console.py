"""The hub as the operator of its machine sees it: the API over the console's Unix socket."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from hil_tests.demo.errors import DemoError, NotReady

PAGE = 200

Json = Any
"""Whatever the hub's JSON holds; the hub's own OpenAPI document says what."""


class HubConsole:
    """A blocking client for a hub on this machine. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Prepare a client for the hub behind the socket at `path`."""
        self._path = path
        self._client = httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://hub", timeout=30.0)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._client.close()

    def wait_until_ready(self, *, within_s: float) -> None:
        """Return when the hub and its broker work; raise NotReady after `within_s` seconds."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self._is_ready():
                return
            time.sleep(0.1)
        msg = f"the hub was not ready within {within_s:.0f} s"
        raise NotReady(msg)

    def get(self, path: str, **query: str) -> Json:
        """Return the JSON answer of a GET; raise DemoError with the hub's own words."""
        return self._answer(self._client.get(path, params=query))

    def post(self, path: str, body: Json) -> Json:
        """Return the JSON answer of a POST; raise DemoError with the hub's own words."""
        return self._answer(self._client.post(path, json=body))

    def put(self, path: str, body: Json) -> Json:
        """Return the JSON answer of a PUT; raise DemoError with the hub's own words."""
        return self._answer(self._client.put(path, json=body))

    def delete(self, path: str) -> None:
        """Send a DELETE; raise DemoError with the hub's own words."""
        self._answer(self._client.delete(path))

    def upload(self, path: str, file: Path) -> Json:
        """POST the bytes of `file`; return the JSON answer."""
        with file.open("rb") as stream:
            headers = {"Content-Type": "application/octet-stream"}
            return self._answer(self._client.post(path, content=stream, headers=headers))

    def every(self, path: str, **query: str) -> Iterator[Json]:
        """Yield all items of a paged list."""
        after: str | None = None
        while True:
            cursor = {} if after is None else {"after": after}
            page = self.get(path, limit=str(PAGE), **query, **cursor)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def _is_ready(self) -> bool:
        if not self._listens():
            return False
        try:
            return self._client.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _listens(self) -> bool:
        # httpcore leaves the socket of a refused Unix connection to the garbage collector, who complains of it later.
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._path)) == 0

    def _answer(self, response: httpx.Response) -> Json:
        if response.is_success:
            return response.json() if response.content else None
        try:
            detail = response.json().get("detail", "")
        except ValueError:
            detail = response.text[:200]
        msg = f"the hub refused {response.request.url.path}: {detail}"
        raise DemoError(msg)
