"""One question to an appliance through its tunnel, and its answer as a value, or as the appliance's own problem."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from federation.http import Problem
from federation.http.problem import ProblemBody
from federation.messages import NodeCall
from federation.messages.calls import Upload
from hub.security.audit import Actor
from hub.video.calls import Answer, Calls, CutOff, new_ticket, node_failed

ANSWER_LIMIT_BYTES = 8 << 20

Model = TypeVar("Model", bound=BaseModel)


def call_of(
    method: Literal["GET", "POST", "PUT", "DELETE"],
    path: str,
    actor: Actor,
    *,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    byte_range: str = "",
    upload: Upload | None = None,
) -> NodeCall:
    """Return a call in somebody's name."""
    return NodeCall(
        ticket=new_ticket(),
        method=method,
        path=path,
        query=dict(query or {}),
        body=body,
        upload=upload,
        range=byte_range[:100],
        actor=actor.name[:64],
    )


@asynccontextmanager
async def answered(
    calls: Calls,
    node_id: str,
    call: NodeCall,
    body: AsyncIterator[bytes] | None = None,
    *,
    within_s: float | None = None,
) -> AsyncIterator[Answer]:
    """Give a node's answer, which begins `within_s`; raise Problem with the node's own words where it says no."""
    try:
        async with calls.answered(node_id, call, body, within_s=within_s) as answer:
            if answer.head.status >= 400:
                raise _said(answer.head.status, await answer.read(limit_bytes=ANSWER_LIMIT_BYTES))
            yield answer
    except CutOff as error:
        raise node_failed() from error


async def read_from(
    calls: Calls,
    node_id: str,
    call: NodeCall,
    model: type[Model],
    body: AsyncIterator[bytes] | None = None,
    *,
    within_s: float | None = None,
) -> Model:
    """Return a node's answer as a `model`; raise Problem."""
    async with answered(calls, node_id, call, body, within_s=within_s) as answer:
        content = await answer.read(limit_bytes=ANSWER_LIMIT_BYTES)
    try:
        return TypeAdapter(model).validate_json(content)
    except ValidationError as error:
        raise node_failed() from error


def _said(status: int, content: bytes) -> Problem:
    """Return what a node says is wrong."""
    try:
        body = ProblemBody.model_validate_json(content)
    except ValidationError:
        return node_failed()
    if status == 401:  # it means whoever asks here, and a page would have him sign in anew
        return node_failed()
    return Problem(status, body.code, body.detail, errors=tuple(body.errors))
