"""Lists as CSV files that office programs open: UTF-8 with BOM, and no cell that runs as a formula."""

import csv
import io
from collections.abc import AsyncIterable, Iterable, Sequence

from aiohttp import web

from federation.http import Call
from federation.http.sheet import BOM, FORMULA_STARTS

_ROWS_AT_ONCE = 500


async def send(
    call: Call, filename: str, header: Sequence[str], rows: AsyncIterable[Sequence[object]]
) -> web.StreamResponse:
    """Stream `header` and `rows` as the CSV download `filename`; None is an empty cell."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{filename}"',
            "Cache-Control": "no-store",
        }
    )
    waiting: list[Sequence[object]] = [header]
    async for row in rows:
        waiting.append(row)
        if len(waiting) >= _ROWS_AT_ONCE:
            await _write(call, response, waiting)
            waiting.clear()
    await _write(call, response, waiting)
    await response.write_eof()
    return response


async def _write(call: Call, response: web.StreamResponse, rows: Sequence[Sequence[object]]) -> None:
    # Nothing is sent before the first rows are there, so that what is wrong with the question can still be said.
    if not response.prepared:
        await response.prepare(call.request)
        await response.write(BOM.encode())
    await response.write(text(rows).encode())


def text(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV text with cells that no office program takes for a formula."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows([[_cell(value) for value in row] for row in rows])
    return buffer.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float | int):
        return str(value)
    shown = str(value)
    return "'" + shown if shown.startswith(FORMULA_STARTS) else shown
