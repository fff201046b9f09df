"""Where lanes stand, in the database."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from federation.custody.any_order import Standing
from federation.messages import Lane
from hub.config import HubConfig
from hub.custody.intake import LaneKey
from hub.custody.ledger import move_cursors, read_cursors
from hub.database import Database
from hub.database.upgrade import upgrade

KEYS = [LaneKey(node_id=f"box-{number}", epoch="e1", lane=lane) for number in range(50) for lane in Lane]


async def test_lanes_that_moved_are_read_as_they_stand_and_no_others(config: HubConfig) -> None:
    database = await asyncio.to_thread(Database, config.database)
    await upgrade(database)
    first = {key: Standing(upto=number) for number, key in enumerate(KEYS, 1)}
    moved = {key: Standing(upto=standing.upto + 7, mark="m") for key, standing in list(first.items())[:10]}

    def work(connection: Any) -> dict[LaneKey, Standing]:
        move_cursors(connection, {}, first, repeated={}, rejected={}, at_us=1)
        move_cursors(connection, first, first | moved, repeated={KEYS[0]: 2}, rejected={}, at_us=2)
        return read_cursors(connection, [*KEYS[:20], KEYS[0]._replace(epoch="another")])

    found = await database.run(work)
    await database.close()

    assert found == {key: (first | moved)[key] for key in KEYS[:20]}


@pytest.mark.parametrize("database_url", [""])
async def test_reading_a_few_lanes_looks_at_no_others(config: HubConfig) -> None:
    database = await asyncio.to_thread(Database, config.database)
    await upgrade(database)

    def work(connection: Any) -> list[str]:
        said: list[tuple[str, Any]] = []
        event.listen(connection, "before_cursor_execute", lambda _c, _u, text, values, *_: said.append((text, values)))
        read_cursors(connection, KEYS[:3])
        ((text, values),) = said
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]

    plan = await database.run(work)
    await database.close()

    assert any("node_id=? AND epoch=? AND lane=?" in step for step in plan)
    assert not any(step.startswith("SCAN known") for step in plan)
