"""Outside algorithm systems, asked by HTTP as docs/algorithm-packages.md says: protocol `http-v1`."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import cv2
import httpx
from pydantic import BaseModel, Field, ValidationError

from appliance.analysis.finding import Picture
from federation.messages import Detection
from federation.packages import Text
from federation.packages.description import AlgorithmId, Version
from federation.packages.kinds import Endpoint

ANSWER_LIMIT_BYTES = 1 << 20
POLL_S = 0.1


_Kind = TypeVar("_Kind", bound=BaseModel)


class EndpointFault(Exception):
    """The system does not answer as it should; `code` is that of the criterion it fails."""

    def __init__(self, code: str, detail: str) -> None:
        """Name the criterion, and say what happened."""
        super().__init__(detail)
        self.code = code


class OfferedEvent(BaseModel):
    """A kind of event that an algorithm of the system reports, and the labels that make it."""

    code: AlgorithmId
    name: Text
    labels: tuple[str, ...] = Field(min_length=1, max_length=1000)


class Offer(BaseModel):
    """An algorithm that the system offers."""

    id: AlgorithmId
    version: Version
    name: Text
    events: tuple[OfferedEvent, ...] = Field(min_length=1, max_length=1000)


class _Offers(BaseModel):
    algorithms: tuple[Offer, ...] = Field(max_length=1024)


class _Job(BaseModel):
    job: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Answer(BaseModel):
    detections: tuple[Detection, ...] = Field(max_length=10_000)


def offers(url: str, *, token: str = "", timeout_s: float = 10.0) -> tuple[Offer, ...]:
    """Return what the system at `url` offers; raise EndpointFault."""
    with _client(timeout_s, token) as client:
        return _read(_sent(client, "GET", f"{url.rstrip('/')}/algorithms"), _Offers).algorithms


def ask(endpoint: Endpoint, picture: Picture, *, labels: Collection[str], token: str = "") -> tuple[Detection, ...]:
    """Return what an algorithm of a system sees in a picture; raise EndpointFault, also for a label not in `labels`."""
    _, jpeg = cv2.imencode(".jpg", picture)
    with _client(endpoint.timeout_s, token) as client:
        found = _answer(client, endpoint, jpeg.tobytes()).detections
    strange = sorted({item.label for item in found} - set(labels))
    if strange:
        raise EndpointFault("output_differs", f"the system names {strange[0]!r}, which labels does not")
    return found


def _answer(client: httpx.Client, endpoint: Endpoint, jpeg: bytes) -> _Answer:
    base = endpoint.url.rstrip("/")
    headers = {"Content-Type": "image/jpeg"}
    target = f"{base}/algorithms/{endpoint.algorithm}/analyse"
    response = _sent(client, "POST", target, content=jpeg, headers=headers)
    if endpoint.mode == "sync":
        return _read(response, _Answer)
    job = _read(response, _Job).job
    end = time.monotonic() + endpoint.timeout_s
    while time.monotonic() < end:
        response = _sent(client, "GET", f"{base}/jobs/{job}")
        if response.status_code != httpx.codes.ACCEPTED:
            return _read(response, _Answer)
        time.sleep(POLL_S)
    raise EndpointFault("trial_failed", f"no answer within {endpoint.timeout_s:g} s")


@contextmanager
def _client(timeout_s: float, token: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(timeout=timeout_s, headers=headers, trust_env=False) as client:
        yield client


def _sent(client: httpx.Client, method: str, url: str, **more: Any) -> httpx.Response:
    try:
        with client.stream(method, url, **more) as response:
            content = b""
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > ANSWER_LIMIT_BYTES:
                    raise EndpointFault("output_differs", f"{url} answers more than {ANSWER_LIMIT_BYTES} bytes")
    except httpx.HTTPError as error:
        raise EndpointFault("trial_failed", f"{url} does not answer: {str(error) or type(error).__name__}") from error
    if response.status_code == httpx.codes.NOT_FOUND:
        raise EndpointFault("tensors_differ", f"{url} is not there: the system knows no such algorithm")
    if not response.is_success:
        raise EndpointFault("trial_failed", f"{url} answers {response.status_code}")
    return httpx.Response(response.status_code, content=content)


def _read(response: httpx.Response, kind: type[_Kind]) -> _Kind:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EndpointFault("output_differs", f"the answer is not as agreed: {where}: {first['msg']}") from error
