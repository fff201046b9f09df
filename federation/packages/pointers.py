"""JSON pointers (RFC 6901): where in a document something is."""

from typing import Annotated

from pydantic import JsonValue, StringConstraints

Pointer = Annotated[str, StringConstraints(pattern=r"^(/([^~/]|~0|~1)*)*$", max_length=200)]
"""Empty for the whole document."""


class PointsNowhere(Exception):
    """There is nothing in the document at this place."""


def value_at(document: JsonValue, pointer: str) -> JsonValue:
    """Return what is at the place; raise PointsNowhere."""
    found = document
    for part in _parts(pointer):
        found = _step(found, part, pointer)
    return found


def placed(document: JsonValue, pointer: str, value: JsonValue) -> JsonValue:
    """Return the document with the value at the place, whose last name may be new; raise PointsNowhere."""
    return _placed(document, _parts(pointer), value, pointer)


def _placed(document: JsonValue, parts: list[str], value: JsonValue, pointer: str) -> JsonValue:
    if not parts:
        return value
    first, *rest = parts
    if isinstance(document, dict) and not rest:
        return {**document, first: value}
    inner = _placed(_step(document, first, pointer), rest, value, pointer)
    if isinstance(document, dict):
        return {**document, first: inner}
    items = document if isinstance(document, list) else []
    return [inner if index == int(first) else item for index, item in enumerate(items)]


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _step(document: JsonValue, part: str, pointer: str) -> JsonValue:
    if isinstance(document, dict) and part in document:
        return document[part]
    if isinstance(document, list) and part.isascii() and part.isdigit() and len(part) < 8 and int(part) < len(document):
        return document[int(part)]
    msg = f"there is nothing at {pointer!r}"
    raise PointsNowhere(msg)
