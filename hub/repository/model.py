"""Algorithms as they go over the wire."""

from typing import Any

from pydantic import AwareDatetime, Field

from federation.http import Input, Output, PageQuery


class EventKind(Output):
    """One kind of event that an algorithm reports."""

    code: str
    name_zh: str
    name_en: str


class Algorithm(Output):
    """The newest version of one algorithm; `source` is `builtin` or `upload`."""

    id: str
    version: str
    versions: tuple[str, ...]
    name_zh: str
    name_en: str
    description_zh: str
    description_en: str
    kind: str
    backend: str
    source: str
    on_shelf: bool
    labels: tuple[str, ...]
    events: tuple[EventKind, ...]
    rule_kind: str
    parameters: dict[str, Any] = Field(description="defaults")
    parameters_schema: dict[str, Any] = Field(description="JSON Schema of the parameters' form")
    needs_region: bool
    needs_line: bool
    cost: float = Field(description="units of `analyse` for one stream")
    digest: str | None
    size_bytes: int
    imported_at: AwareDatetime
    tasks: int


class AlgorithmQuery(PageQuery):
    """Filters of the algorithm list."""

    text: str | None = Field(default=None, max_length=100)
    source: str | None = Field(default=None, pattern="^(builtin|upload)$")
    on_shelf: bool | None = None


class ShelfChange(Input):
    """Put an algorithm on the shelf 上架, or take it off 下架."""

    on_shelf: bool
