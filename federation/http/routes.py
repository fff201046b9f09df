"""Typed routes: a handler's annotations say what comes in and what goes out.

A parameter named `body` is the JSON body, `query` the query string, `call` the request itself;
every other parameter is a part of the path. The return annotation is the response's model.
"""

import asyncio
import inspect
import json
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from multidict import CIMultiDict
from pydantic import BaseModel, TypeAdapter, ValidationError

from federation.http import problem
from federation.http.access import Access, Principal

Handler = Callable[..., Awaitable[Any]]
Model = TypeVar("Model", bound=BaseModel)
SIGNED_IN = Access()
BODY_WITHIN_S = 60.0  # and as long as its bytes take on a slow line
SLOW_BYTES_PER_S = 20_000


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request with its authenticated caller; anonymous callers have the kind `anonymous`.

    What a handler puts into `headers` is added to the response, whatever it turns out to be.
    """

    request: web.Request
    principal: Principal
    headers: CIMultiDict[str] = field(default_factory=CIMultiDict)

    @property
    def peer(self) -> str:
        """The network address of the caller, for the audit."""
        return self.request.remote or "local"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One operation of the API."""

    method: str
    path: str
    handler: Handler
    access: Access
    tag: str
    status: int
    summary: str
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    path_types: dict[str, Any]
    returns: Any
    produces: str
    consumes: str
    takes_call: bool
    head: bool
    body_limit_bytes: int | None

    async def answer(self, call: Call) -> web.StreamResponse:
        """Validate the request, run the handler and serialise what it returns."""
        arguments: dict[str, Any] = {}
        if self.takes_call:
            arguments["call"] = call
        for name, kind in self.path_types.items():
            arguments[name] = _parse_path(name, kind, call.request.match_info[name])
        if self.query is not None:
            arguments["query"] = _parse_query(self.query, call.request)
        if self.body is not None:
            arguments["body"] = await _parse_body(self.body, call.request, self.body_limit_bytes)
        return self._respond(await self.handler(**arguments))

    def _respond(self, result: Any) -> web.StreamResponse:
        if isinstance(result, web.StreamResponse):
            return result
        if result is None:
            return web.Response(status=204)
        content = TypeAdapter(self.returns).dump_json(result)
        return web.Response(body=content, status=self.status, content_type="application/json")


@dataclass(frozen=True, kw_only=True)
class Routes:
    """The operations of one part of the API, collected by decorators."""

    tag: str
    items: list[Route] = field(default_factory=list)

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a handler that reads."""
        return self._add("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a handler that creates or acts."""
        return self._add("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a handler that replaces."""
        return self._add("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a handler that changes some fields."""
        return self._add("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Register a handler that removes."""
        return self._add("DELETE", path, **options)

    def _add(
        self,
        method: str,
        path: str,
        *,
        access: Access = SIGNED_IN,
        status: int = 200,
        produces: str = "application/json",
        consumes: str = "application/json",
        head: bool = False,
        body_limit_bytes: int | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a handler.

        `produces` and `consumes` name the media type of a response or body that is not JSON; such
        a handler returns a `web.StreamResponse`, or reads `call.request` itself. With `head`, it answers HEAD too.
        `body_limit_bytes` bounds its JSON body where that of the whole API is too small.
        """

        def register(handler: Handler) -> Handler:
            hints = typing.get_type_hints(handler, include_extras=True)
            returns = hints.pop("return", None)
            takes_call = hints.pop("call", None) is not None
            self.items.append(
                Route(
                    method=method,
                    path=path,
                    handler=handler,
                    access=access,
                    tag=self.tag,
                    status=status,
                    summary=(inspect.getdoc(handler) or handler.__name__).splitlines()[0],
                    body=hints.pop("body", None),
                    query=hints.pop("query", None),
                    path_types=hints,
                    returns=returns,
                    produces=produces,
                    consumes=consumes,
                    takes_call=takes_call,
                    head=head,
                    body_limit_bytes=body_limit_bytes,
                )
            )
            return handler

        return register


def _parse_path(name: str, kind: Any, text: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        # A malformed name cannot name anything that exists.
        raise problem.not_found(name, text[:80]) from error


def _parse_query(model: type[BaseModel], request: web.Request) -> BaseModel:
    values: dict[str, Any] = {}
    for key in request.query:
        found = request.query.getall(key)
        field_info = model.model_fields.get(key)
        many = field_info is not None and typing.get_origin(field_info.annotation) in (tuple, list)
        values[key] = found if many else found[-1]
        if not many and len(found) > 1:
            raise problem.invalid(f"query.{key}", "give this parameter once")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise problem.from_validation(error, where="query") from error


async def _parse_body(model: type[BaseModel], request: web.Request, limit_bytes: int | None) -> BaseModel:
    if request.content_type not in ("application/json", "application/octet-stream"):
        raise problem.Problem(415, "unsupported_media_type", "Send the body as application/json.")
    asked = request.clone(client_max_size=limit_bytes) if limit_bytes else request
    within_s = BODY_WITHIN_S + asked.client_max_size / SLOW_BYTES_PER_S
    try:
        async with asyncio.timeout(within_s):
            raw = await asked.read()
    except TimeoutError as error:
        text = f"Send the body within {within_s:.0f} s."
        raise problem.Problem(408, "request_timeout", text) from error
    except web.HTTPRequestEntityTooLarge as error:
        text = f"Send a body of at most {asked.client_max_size} bytes."
        raise problem.Problem(413, "request_entity_too_large", text) from error
    return read_body(model, raw)


def read_body(model: type[Model], raw: bytes) -> Model:
    """Return what a body of JSON says; raise Problem."""
    try:
        json.loads(raw)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise problem.from_json_error(error) from error
    except RecursionError as error:
        raise problem.Problem(400, "invalid_json", "The body is nested too deeply.") from error
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise problem.from_validation(error, where="body") from error
