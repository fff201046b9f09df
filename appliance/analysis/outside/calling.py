"""A system of others at the other end of HTTP: where it is, what may be sent there, and one call after the other."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, Field, ValidationError

from appliance.analysis.decoding import jpeg
from appliance.analysis.finding import Picture
from appliance.analysis.outside.answers import detections_in
from appliance.analysis.outside.errors import OutsideFault
from appliance.analysis.outside.requests import authorization, request_of, widest_px
from appliance.capture.reach import ForbiddenAddress, check
from federation.messages import Detection
from federation.packages.endpoints import AnswerReading, Auth, Endpoint

ANSWER_LIMIT_BYTES = 1 << 20
SECRET_LIMIT_CHARS = 4096
POLL_S = 0.1

HTTP_V1 = AnswerReading(
    items="/detections",
    may_lack=False,
    label="/label",
    score="/score",
    box=("/box/x", "/box/y", "/box/width", "/box/height"),
    unit="share",
)
"""How an answer of protocol `http-v1` is read."""


class _Job(BaseModel):
    job: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Where a system is for this box, and what it is shown; the secret is read anew for every call."""

    url: str
    secret_file: Path | None = None
    ca_file: Path | None = None

    def secret(self) -> str:
        """Return the secret, empty where there is none; raise OutsideFault."""
        if self.secret_file is None:
            return ""
        try:
            secret = self.secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise OutsideFault("refuses", f"its secret cannot be read: {self.secret_file}") from error
        if not secret.isascii() or not secret.isprintable() or len(secret) > SECRET_LIMIT_CHARS:
            raise OutsideFault("refuses", f"no secret of one line: {self.secret_file}")
        return secret


class Line:
    """Calls one system. Thread-safe; follows no redirect and no proxy of the environment."""

    def __init__(self, bound: Bound, auth: Auth | None) -> None:
        """Prepare; nothing is sent yet. Raises OSError for a certificate file that cannot be read."""
        self._bound = bound
        self._auth = auth
        self._base = httpx.URL(bound.url.rstrip("/"))
        self._to_this_box = _is_loopback(self._base.host)
        context = ssl.create_default_context(cafile=bound.ca_file) if self._base.scheme == "https" else False
        self._client = httpx.Client(trust_env=False, verify=context)

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def send(self, method: str, path: str, *, within_s: float, **more: Any) -> httpx.Response:
        """Return the answer with its content; raise OutsideFault for what is no success."""
        until_s = time.monotonic() + within_s
        shown = authorization(self._auth, self._bound.secret())
        name, headers, extensions = self._directed(path)
        headers |= shown | more.pop("headers", {})
        try:
            with self._client.stream(
                method, name, headers=headers, extensions=extensions, timeout=within_s, **more
            ) as response:
                content = _content(response, until_s)
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise OutsideFault("away", f"{self._base} does not answer: {_words(error)}") from error
        _refuse(response, f"{self._base}{path}")
        return httpx.Response(response.status_code, content=content)

    def _directed(self, path: str) -> tuple[httpx.URL, dict[str, str], dict[str, Any]]:
        """Return the URL with an address that was checked in it, so that no other is looked up afterwards."""
        host = self._base.host
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        try:
            found = socket.getaddrinfo(host, url.port or None, type=socket.SOCK_STREAM)
            for *_, address in found:
                check(str(address[0]), to_this_box=self._to_this_box)
        except ForbiddenAddress as error:
            raise OutsideFault("away", str(error)) from error
        except OSError as error:
            raise OutsideFault("away", f"{host} is not known here: {error.strerror or error}") from error
        headers = {"Host": url.netloc.decode()}
        return url.copy_with(host=str(found[0][4][0])), headers, {"sni_hostname": host}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Shows pictures to one algorithm of a system."""

    line: Line
    endpoint: Endpoint
    labels: Sequence[str]

    def ask(self, picture: Picture) -> tuple[Detection, ...]:
        """Return what the algorithm sees in a picture; raise OutsideFault."""
        endpoint = self.endpoint
        content, width, height = jpeg(picture, widest_px=widest_px(endpoint))
        draft = request_of(endpoint, content)
        until_s = time.monotonic() + endpoint.timeout_s
        answer = self.line.send(draft.method, draft.path, within_s=endpoint.timeout_s, **draft.more)
        if endpoint.mode == "async":
            answer = self._fetched(answer, until_s)
        return detections_in(answer.content, endpoint.answer or HTTP_V1, size=(width, height), labels=self.labels)

    def _fetched(self, accepted: httpx.Response, until_s: float) -> httpx.Response:
        job = _job(accepted)
        while (left_s := until_s - time.monotonic()) > 0:
            answer = self.line.send("GET", f"/jobs/{job}", within_s=left_s)
            if answer.status_code != httpx.codes.ACCEPTED:
                return answer
            time.sleep(min(POLL_S, left_s))
        raise OutsideFault("away", f"no answer within {self.endpoint.timeout_s:g} s")


def _content(response: httpx.Response, until_s: float) -> bytes:
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > ANSWER_LIMIT_BYTES:
            raise OutsideFault("answer", f"the answer has more than {ANSWER_LIMIT_BYTES} bytes")
        if time.monotonic() > until_s:
            raise OutsideFault("away", "the answer takes too long")
    return content


def _refuse(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise OutsideFault("refuses", f"{url} answers {status}: its secret is missing or wrong")
    if status == httpx.codes.NOT_FOUND:
        raise OutsideFault("unknown", f"{url} is not there: the system knows no such algorithm")
    raise OutsideFault("away", f"{url} answers {status}", pause_s=_wish_s(response.headers))


def _wish_s(headers: Mapping[str, str]) -> float:
    said = headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 7 else 0.0


def _job(accepted: httpx.Response) -> str:
    try:
        return _Job.model_validate_json(accepted.content).job
    except ValidationError as error:
        raise OutsideFault("answer", "the answer names no job") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
