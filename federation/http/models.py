"""Bases of what goes in and out over HTTP."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

Item = TypeVar("Item")


class Input(BaseModel):
    """A request body or query: unknown fields and NUL characters are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _has_no_nul(cls, value: Any) -> Any:
        # PostgreSQL cannot store NUL in text; refusing it here keeps both databases alike.
        if _contains_nul(value):
            msg = "text must not contain the NUL character"
            raise ValueError(msg)
        return value


class Output(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


class PageQuery(Input):
    """Cursor pagination: the page after the item named by `after`."""

    after: str | None = Field(default=None, max_length=200, description="`next` of the page before")
    limit: int = Field(default=50, ge=1, le=200, description="items per page")


class Page(Output, Generic[Item]):
    """One page of a list; `next` is None on the last page."""

    items: tuple[Item, ...]
    next: str | None = None
    total: int | None = Field(default=None, description="items over all pages, where it is cheap")


def _contains_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_contains_nul(key) or _contains_nul(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return any(_contains_nul(item) for item in value)
    return False
