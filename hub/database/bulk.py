"""Many rows by few statements: for each row by itself, the database would wait for the program, and cost it more."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

ROWS_PER_STATEMENT = 50  # more is no faster, and PostgreSQL takes 65,535 values


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, in order; each gives its values in the order of `columns`, as the driver takes them."""
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608 - names of ours
    row = f"({', '.join([mark] * len(columns))})"
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        part = rows[start : start + ROWS_PER_STATEMENT]
        connection.exec_driver_sql(head + ", ".join([row] * len(part)), tuple(chain.from_iterable(part)))
