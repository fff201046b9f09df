"""Points as a spreadsheet: header names in both languages, and rows read back with their faults."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from federation.http import Problem
from federation.http.problem import FieldError
from hub.points.model import NewPoint, Point
from hub.spreadsheet import BOM, plain

COLUMNS = {
    "id": "点位编号",
    "name": "点位名称",
    "gb_code": "国标编码",
    "bureau": "委办单位",
    "division": "行政区划",
    "address": "地址",
    "longitude": "经度",
    "latitude": "纬度",
    "stream_url": "视频流地址",
    "username": "用户名",
    "password": "密码",
}
MOST_ROWS = 100_000
MOST_FAULTS = 100


def header(language: str) -> list[str]:
    """Return the header of an export, `zh` or `en`; passwords are never exported."""
    return [chinese if language == "zh" else name for name, chinese in COLUMNS.items() if name != "password"]


def cells(point: Point) -> list[object]:
    """Return the row of one point."""
    return [getattr(point, name) for name in COLUMNS if name != "password"]


def read_points(content: bytes) -> list[NewPoint]:
    """Return the points of a CSV file; raise Problem that names every faulty row.

    Office programs write UTF-8 with a BOM or, in Chinese editions, GB 18030.
    """
    rows = csv.reader(io.StringIO(_decoded(content), newline=""))
    try:
        names = _names(next(rows, []))
        return _points(names, rows)
    except csv.Error as error:
        raise Problem(422, "invalid_csv", f"The file is not a readable CSV table: {error}.") from error


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return content.decode(encoding).removeprefix(BOM)
        except UnicodeDecodeError:
            continue
    raise Problem(422, "invalid_csv", "The file is neither UTF-8 nor GB 18030 text; save it as CSV UTF-8.")


def _names(first: Sequence[str]) -> list[str]:
    meanings = {chinese: name for name, chinese in COLUMNS.items()} | {name: name for name in COLUMNS}
    names = [meanings.get(cell.strip().removeprefix(BOM), "") for cell in first]
    missing = [name for name in ("id", "name", "stream_url") if name not in names]
    if missing:
        detail = f"The first line must name the columns; missing: {', '.join(missing)}."
        raise Problem(422, "invalid_csv", detail)
    return names


def _points(names: list[str], rows: Iterator[list[str]]) -> list[NewPoint]:
    found: dict[str, NewPoint] = {}
    faults: list[FieldError] = []
    for number, cells_of_row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in cells_of_row):
            continue
        if len(found) >= MOST_ROWS:
            raise Problem(422, "too_many_rows", f"Import at most {MOST_ROWS} points at once.")
        try:
            point = NewPoint.model_validate(_values(names, cells_of_row))
        except ValidationError as error:
            faults.extend(_faults(number, error))
        else:
            if point.id in found:
                faults.append(FieldError(field=f"row {number}.id", message=f"{point.id} stands twice in this file"))
            found[point.id] = point
    if faults:
        detail = f"Nothing was imported: {len(faults)} faults, the first in {faults[0].field}: {faults[0].message}"
        raise Problem(422, "invalid_rows", detail, errors=tuple(faults[:MOST_FAULTS]))
    return list(found.values())


def _values(names: list[str], row: Sequence[str]) -> dict[str, Any]:
    pairs = zip(names, row, strict=False)
    return {name: plain(cell.strip()) for name, cell in pairs if name and cell.strip()}


def _faults(number: int, error: ValidationError) -> list[FieldError]:
    items = error.errors(include_url=False, include_context=False, include_input=False)
    return [FieldError(field=f"row {number}.{'.'.join(map(str, item['loc']))}", message=item["msg"]) for item in items]
