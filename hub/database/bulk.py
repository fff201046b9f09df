"""Many rows by few statements: for each row by itself, the database would wait for the program, and cost it more.

Statements here are texts with `?` for values: SQLAlchemy would prepare each value anew, which costs more than the
database takes for it.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

ROWS_PER_STATEMENT = 50  # more is no faster, and PostgreSQL takes 65,535 values
KEYS_PER_STATEMENT = 300


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, in order; each gives its values in the order of `columns`, as the driver takes them."""
    head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608 - names of ours
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        part = rows[start : start + ROWS_PER_STATEMENT]
        connection.exec_driver_sql(head + _marks(connection, part), tuple(chain.from_iterable(part)))


def read_by_keys(connection: Connection, query: str, keys: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield what a query finds for many keys: `{keys}` in it becomes `(?), (?)`, or for pairs `(?, ?), (?, ?)`."""
    for start in range(0, len(keys), KEYS_PER_STATEMENT):
        part = keys[start : start + KEYS_PER_STATEMENT]
        statement = query.format(keys=_marks(connection, part))
        yield from connection.exec_driver_sql(statement, tuple(chain.from_iterable(part)))


def run_for_each(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement once for each row, in order; its `?` are the row's values, as the driver takes them."""
    if rows:
        connection.exec_driver_sql(statement.replace("?", _mark(connection)), list(rows))


def _marks(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> str:
    one = f"({', '.join([_mark(connection)] * len(rows[0]))})"
    return ", ".join([one] * len(rows))


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"
