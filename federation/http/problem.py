"""Errors on the wire: RFC 9457 problem+json with a stable code."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from multidict import CIMultiDict
from pydantic import BaseModel, Field, ValidationError


class FieldError(BaseModel):
    """One field at fault: where it is, and what to do about it."""

    field: str
    message: str


class ProblemBody(BaseModel):
    """The body of every error response (RFC 9457 §3)."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="stable, for programs")
    detail: str = Field(description="for people: what is wrong and what to do")
    errors: list[FieldError] = Field(default_factory=list)


class Problem(Exception):
    """An error to be shown to the caller as it is, with `headers` of the response that say more."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    ) -> None:
        """Describe an error with HTTP `status`, stable `code` and a sentence for people."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers: CIMultiDict[str] = CIMultiDict(headers)

    def with_headers(self, more: CIMultiDict[str]) -> "Problem":
        """Return the same problem with more headers; several callers may hold this one, each has its own headers."""
        headers = [*self.headers.items(), *more.items()]
        return Problem(self.status, self.code, self.detail, errors=self.errors, headers=headers)

    def body(self) -> ProblemBody:
        """Return the problem as it goes over the wire."""
        return ProblemBody(
            title=self.code.replace("_", " "),
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=list(self.errors),
        )

    def response(self) -> web.Response:
        """Return the problem as an HTTP response."""
        return web.Response(
            status=self.status,
            body=self.body().model_dump_json().encode(),
            content_type="application/problem+json",
            headers=self.headers,
        )


def not_found(what: str, identifier: str) -> Problem:
    """Return the problem that `what` with `identifier` does not exist."""
    return Problem(404, "not_found", f"There is no {what} {identifier!r}.")


def conflict(code: str, detail: str) -> Problem:
    """Return the problem that the request contradicts the present state."""
    return Problem(409, code, detail)


def invalid(field: str, message: str) -> Problem:
    """Return the problem that one field of a well-formed request is wrong."""
    return Problem(422, "invalid_input", message, errors=(FieldError(field=field, message=message),))


def from_validation(error: ValidationError, *, where: str) -> Problem:
    """Return the problem for a pydantic error in `where` (body, query or path)."""
    errors = tuple(
        FieldError(field=".".join([where, *map(str, item["loc"])]), message=item["msg"])
        for item in error.errors(include_url=False, include_context=False, include_input=False)
    )
    detail = "; ".join(f"{item.field}: {item.message}" for item in errors[:3])
    return Problem(422, "invalid_input", detail, errors=errors[:20])


def from_json_error(error: json.JSONDecodeError | UnicodeDecodeError) -> Problem:
    """Return the problem for a body that is not JSON."""
    return Problem(400, "invalid_json", f"The body is not valid JSON: {_first_line(error)}.")


def _first_line(error: Any) -> str:
    return str(error).splitlines()[0][:120]
