"""The aiohttp application around typed routes: authentication, errors, headers, health."""

import asyncio
import functools
import logging
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from federation.http import openapi
from federation.http.access import Principal
from federation.http.problem import Problem
from federation.http.routes import Call, Route, Routes

log = logging.getLogger(__name__)

ANONYMOUS = Principal(kind="anonymous", id="", name="")
BODY_LIMIT_BYTES = 2 * 2**20
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        "style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
        "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'self'"
    ),
}


class Authenticator(Protocol):
    """Finds out who calls."""

    async def authenticate(self, request: web.Request) -> Principal | None:
        """Return the caller, None for an anonymous one; raise Problem for bad credentials."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """An HTTP API: its parts, its name, and who may call."""

    title: str
    version: str
    parts: tuple[Routes, ...]
    authenticator: Authenticator

    @property
    def routes(self) -> list[Route]:
        """All operations of all parts."""
        return [route for part in self.parts for route in part.items]

    def openapi(self) -> dict[str, object]:
        """Return the OpenAPI 3.1 document of the API."""
        return openapi.document(title=self.title, version=self.version, routes=self.routes)


def make_app(
    api: Api, *, body_limit_bytes: int = BODY_LIMIT_BYTES, refused: Counter[str] | None = None
) -> web.Application:
    """Return the aiohttp application that serves `api`, `/healthz` and `/api/openapi.json`.

    `body_limit_bytes` bounds JSON bodies; handlers that stream a larger body read it themselves. `refused` counts
    the requests that were answered with a problem, by its code.
    """
    problems = _problems(Counter() if refused is None else refused)
    app = web.Application(middlewares=[problems], client_max_size=body_limit_bytes)
    app.on_response_prepare.append(_add_headers)
    described = functools.cache(api.openapi)  # making it takes a second, which a start need not wait for

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def show_openapi(request: web.Request) -> web.Response:
        await _admit(api.authenticator, request, None)
        return web.json_response(await asyncio.to_thread(described))

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/api/openapi.json", show_openapi)
    for route in api.routes:
        handler = _aiohttp_handler(route, api.authenticator)
        for method in (route.method, "HEAD") if route.head else (route.method,):
            app.router.add_route(method, route.path, handler)
    return app


def _aiohttp_handler(route: Route, authenticator: Authenticator) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        principal = await _admit(authenticator, request, route)
        call = Call(request=request, principal=principal)
        try:
            response = await route.answer(call)
        except Problem as problem:
            raise problem.with_headers(call.headers) from problem
        if not response.prepared:
            response.headers.extend(call.headers)
        return response

    return handle


async def _admit(authenticator: Authenticator, request: web.Request, route: Route | None) -> Principal:
    """Return the caller if the route admits it; a route of None admits every signed-in caller."""
    if route is not None and route.access.anonymous:
        return await authenticator.authenticate(request) or ANONYMOUS
    principal = await authenticator.authenticate(request)
    if principal is None:
        raise Problem(401, "not_signed_in", "Sign in, or send a valid bearer token.")
    early = route is not None and route.access.before_password_change
    if principal.must_change_password and not early:
        raise Problem(403, "password_change_required", "Change the first password, then go on.")
    needed = route.access.permission if route is not None else None
    if needed is not None and not principal.may(needed):
        raise Problem(403, "forbidden", f"This needs the permission {needed!r}; ask an administrator.")
    return principal


def _problems(refused: Counter[str]) -> Middleware:
    """Return what answers errors with problems, and counts them by their code."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as problem:
            told = problem
        except web.HTTPException as error:
            if error.status < 400 or error.content_type == "application/problem+json":
                raise
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            told = Problem(error.status, error.reason.lower().replace(" ", "_"), _sentence(error), headers=allow)
        except ConnectionError:
            raise
        except Exception:  # the last barrier: the caller gets a problem, the log the trace
            log.exception("request failed: %s %s", request.method, request.path)
            told = Problem(500, "internal_error", "Something failed inside; the log of the server has the details.")
        refused[told.code] += 1
        return told.response()

    return answer


def _sentence(error: web.HTTPException) -> str:
    sentences = {
        404: "There is nothing at this address; see /api/openapi.json.",
        405: "This address does not take this method; see the Allow header.",
        413: "The body is larger than this route accepts.",
    }
    return sentences.get(error.status, error.text or error.reason)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Say to browsers what they may do with a response, also with one that is sent bit by bit."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
