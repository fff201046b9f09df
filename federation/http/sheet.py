"""Tables that people bring as CSV files: header names in both languages, and rows read back with their faults."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from federation.http.problem import FieldError, Problem

BOM = "\ufeff"
MOST_FAULTS = 100
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Sheet(Generic[M]):
    """How rows become values of `model`.

    `columns` are the Chinese header names by field, `required` the fields that need a column, `key` the field in which
    no two rows agree.
    """

    model: type[M]
    columns: Mapping[str, str]
    required: tuple[str, ...]
    key: str
    most_rows: int

    def read(self, content: bytes) -> list[M]:
        """Return the values in a CSV file; raise Problem that names every faulty row.

        Office programs write UTF-8 with a BOM or, in Chinese editions, GB 18030.
        """
        rows = csv.reader(io.StringIO(_decoded(content), newline=""))
        try:
            return self._values(self._fields(next(rows, [])), rows)
        except csv.Error as error:
            raise Problem(422, "invalid_csv", f"The file is not a readable CSV table: {error}.") from error

    def _fields(self, first: Sequence[str]) -> list[str]:
        meanings = {chinese: name for name, chinese in self.columns.items()} | {name: name for name in self.columns}
        fields = [meanings.get(cell.strip().removeprefix(BOM), "") for cell in first]
        missing = [name for name in self.required if name not in fields]
        if missing:
            detail = f"The first line must name the columns; missing: {', '.join(missing)}."
            raise Problem(422, "invalid_csv", detail)
        return fields

    def _values(self, fields: list[str], rows: Iterator[list[str]]) -> list[M]:
        found: dict[str, M] = {}
        faults: list[FieldError] = []
        for number, row in enumerate(rows, start=2):
            if not any(cell.strip() for cell in row):
                continue
            if len(found) >= self.most_rows:
                raise Problem(422, "too_many_rows", f"Import at most {self.most_rows} rows at once.")
            try:
                value = self.model.model_validate(_cells(fields, row))
            except ValidationError as error:
                faults.extend(_faults(number, error))
                continue
            name = str(getattr(value, self.key))
            if name in found:
                faults.append(FieldError(field=f"row {number}.{self.key}", message=f"{name} stands twice in this file"))
            found[name] = value
        if faults:
            detail = f"Nothing was imported: {len(faults)} faults, the first in {faults[0].field}: {faults[0].message}"
            raise Problem(422, "invalid_rows", detail, errors=tuple(faults[:MOST_FAULTS]))
        return list(found.values())


def plain(cell: str) -> str:
    """Return what a cell meant before it was guarded against being taken for a formula."""
    guarded = cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS)
    return cell[1:] if guarded else cell


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding).removeprefix(BOM)
        except UnicodeDecodeError:
            continue
    raise Problem(422, "invalid_csv", "The file is neither UTF-8 nor GB 18030 text; save it as CSV UTF-8.")


def _cells(fields: list[str], row: Sequence[str]) -> dict[str, Any]:
    pairs = zip(fields, row, strict=False)
    return {name: plain(cell.strip()) for name, cell in pairs if name and cell.strip()}


def _faults(number: int, error: ValidationError) -> list[FieldError]:
    items = error.errors(include_url=False, include_context=False, include_input=False)
    return [FieldError(field=f"row {number}.{'.'.join(map(str, item['loc']))}", message=item["msg"]) for item in items]
