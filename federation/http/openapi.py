"""The OpenAPI 3.1 document, made from the routes' models."""

import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from federation.http.problem import ProblemBody
from federation.http.routes import Route

REF_TEMPLATE = "#/components/schemas/{model}"
_SchemaMode = Literal["validation", "serialization"]


def document(*, title: str, version: str, routes: Iterable[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of `routes`, as plain JSON values."""
    listed = [route for route in routes if route.path.startswith("/api/")]
    schemas = _Schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for route in listed:
        paths.setdefault(_plain(route.path), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "fengsui_session"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


class _Schemas:
    """The schemas of all models, by route and role."""

    def __init__(self, routes: list[Route]) -> None:
        inputs: list[tuple[Any, _SchemaMode, TypeAdapter[Any]]] = []
        problem_key = "problem"
        inputs.append((problem_key, "serialization", TypeAdapter(ProblemBody)))
        for index, route in enumerate(routes):
            if route.body is not None:
                inputs.append(((index, "body"), "validation", TypeAdapter(route.body)))
            if _returns_json(route):
                inputs.append(((index, "out"), "serialization", TypeAdapter(route.returns)))
        found, shared = TypeAdapter.json_schemas(inputs, ref_template=REF_TEMPLATE)
        self.definitions: dict[str, Any] = shared.get("$defs", {})
        self._numbers = {id(route): index for index, route in enumerate(routes)}
        self._found = {key: schema for (key, _mode), schema in found.items()}
        self.problem = self._found[problem_key]

    def of(self, route: Route, role: str) -> dict[str, Any]:
        schema = self._found[(self._numbers[id(route)], role)]
        return dict(schema)


def _returns_json(route: Route) -> bool:
    return route.produces == "application/json" and route.returns not in (None, type(None))


def _plain(path: str) -> str:
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)


def _operation(route: Route, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {**_success(route, schemas), "default": _failure(schemas)},
        "security": [{}] if route.access.anonymous else [{"session": []}, {"bearer": []}],
    }
    if route.body is not None:
        content = {"application/json": {"schema": schemas.of(route, "body")}}
        operation["requestBody"] = {"required": True, "content": content}
        if route.body_limit_bytes is not None:
            operation["requestBody"]["description"] = f"of at most {route.body_limit_bytes} bytes"
    elif route.consumes != "application/json":
        content = {route.consumes: {"schema": {"type": "string", "format": "binary"}}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _success(route: Route, schemas: _Schemas) -> dict[str, Any]:
    if route.produces != "application/json":
        content = {route.produces: {"schema": {"type": "string", "format": "binary"}}}
        return {str(route.status): {"description": "done", "content": content}}
    if not _returns_json(route):
        return {"204": {"description": "done"}}
    content = {"application/json": {"schema": schemas.of(route, "out")}}
    return {str(route.status): {"description": "done", "content": content}}


def _failure(schemas: _Schemas) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": dict(schemas.problem)}}
    return {"description": "a problem that says what to do", "content": content}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": TypeAdapter(kind).json_schema(ref_template=REF_TEMPLATE),
        }
        for name, kind in route.path_types.items()
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    return [_query_parameter(route.query, name) for name in route.query.model_fields]


def _query_parameter(model: type[BaseModel], name: str) -> dict[str, Any]:
    field = model.model_fields[name]
    schema = TypeAdapter(model).json_schema(ref_template=REF_TEMPLATE)
    own = _inlined(schema["properties"][name], schema.get("$defs", {}))
    # A query parameter cannot be null: absence says so.
    choices = [item for item in own.get("anyOf", []) if item.get("type") != "null"]
    if choices and len(choices) < len(own["anyOf"]):
        rest = {key: value for key, value in own.items() if key not in ("anyOf", "default")}
        own = {**rest, **(choices[0] if len(choices) == 1 else {"anyOf": choices})}
    return {"name": name, "in": "query", "required": field.is_required(), "schema": own}


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
        return {key: _inlined(value, definitions) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    return schema
