"""Many rows by few statements."""

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, select

from hub.database.bulk import ROWS_PER_STATEMENT, insert_rows

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
