"""Many rows by few statements."""

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, select

from hub.database.bulk import KEYS_PER_STATEMENT, ROWS_PER_STATEMENT, insert_rows, read_by_keys, run_for_each

things = Table("things", MetaData(), Column("number", Integer), Column("name", String(20)))


@pytest.mark.parametrize("count", [0, 1, ROWS_PER_STATEMENT, ROWS_PER_STATEMENT + 1, 5 * ROWS_PER_STATEMENT])
def test_every_row_is_inserted_once_and_in_order(count: int) -> None:
    rows = [(f"n'{number}\u4e1c", number) for number in range(count)]
    engine = create_engine("sqlite://")

    with engine.begin() as connection:
        things.metadata.create_all(connection)
        insert_rows(connection, things, ("name", "number"), rows)
        found = [(row.name, row.number) for row in connection.execute(select(things))]
    engine.dispose()

    assert found == rows


@pytest.mark.parametrize("count", [0, 1, KEYS_PER_STATEMENT, KEYS_PER_STATEMENT + 1])
def test_what_many_keys_name_is_read_and_changed_and_nothing_else(count: int) -> None:
    wanted = [(f"n'{number}", number) for number in range(count)]
    others = [("n'1", -1), ("another", 1)]
    query = (
        "WITH wanted (name, number) AS (VALUES {keys}) SELECT things.name, things.number FROM wanted"
        " CROSS JOIN things WHERE things.name = wanted.name AND things.number = wanted.number"
    )
    engine = create_engine("sqlite://")

    with engine.begin() as connection:
        things.metadata.create_all(connection)
        insert_rows(connection, things, ("name", "number"), [*wanted, *others])
        found = [tuple(row) for row in read_by_keys(connection, query, wanted)]
        run_for_each(
            connection,
            "UPDATE things SET number = number + ? WHERE name = ? AND number = ?",
            [(1000, name, number) for name, number in wanted],
        )
        after = {(row.name, row.number) for row in connection.execute(select(things))}
    engine.dispose()

    assert found == wanted
    assert after == {*others, *((name, number + 1000) for name, number in wanted)}
