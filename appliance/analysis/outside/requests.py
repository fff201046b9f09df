"""The HTTP requests of one picture, built without sending them."""

import base64
from dataclasses import dataclass, field
from typing import Any

from federation.packages.endpoints import Auth, Endpoint, PictureRequest
from federation.packages.pointers import placed

HTTP_V1_WIDEST_PX = 1920


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A request: what httpx is given beside method and URL. `path` follows the URL of the system."""

    method: str
    path: str
    more: dict[str, Any] = field(default_factory=dict)


def request_of(endpoint: Endpoint, jpeg: bytes) -> Draft:
    """Return the request that shows a picture to an endpoint's algorithm."""
    if endpoint.request is None:
        headers = {"Content-Type": "image/jpeg"}
        path = f"/algorithms/{endpoint.algorithm}/analyse"
        return Draft(method="POST", path=path, more={"content": jpeg, "headers": headers})
    asked = endpoint.request
    return Draft(method=asked.method, path=asked.path, more=_body(asked, jpeg))


def authorization(auth: Auth | None, secret: str) -> dict[str, str]:
    """Return the headers that show the secret; none where there is nothing to show."""
    if auth is None or not secret:
        return {}
    match auth.scheme:
        case "bearer":
            return {"Authorization": f"Bearer {secret}"}
        case "basic":
            return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
        case "header":
            return {str(auth.header): secret}


def widest_px(endpoint: Endpoint) -> int:
    """Return how wide a picture may be that is sent."""
    return HTTP_V1_WIDEST_PX if endpoint.request is None else endpoint.request.widest_px


def _body(asked: PictureRequest, jpeg: bytes) -> dict[str, Any]:
    match asked.body:
        case "jpeg":
            return {"content": jpeg, "headers": {"Content-Type": "image/jpeg"}}
        case "multipart":
            return {"files": {asked.field: ("picture.jpg", jpeg, "image/jpeg")}, "data": dict(asked.fields)}
        case "json":
            text = asked.prefix + base64.b64encode(jpeg).decode()
            return {"json": placed(asked.document, asked.at, text)}
