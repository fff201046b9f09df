"""What was exported, when it is due again, and what an answer settles."""

import sqlite3
from typing import Any

import pytest

from appliance.store import epochs, exports, outbox, parcels
from appliance.store.database import Database
from appliance.store.exports import Policy
from appliance.store.parcels import Content
from federation.messages import Ack, Lane, new_id

TWO_WAY = Policy(copies=None, repeat_us=100)
ONE_WAY = Policy(copies=3, repeat_us=100)


def export(
    db: sqlite3.Connection, now_us: int, *, policy: Policy = TWO_WAY, most: int = 10**6
) -> list[tuple[int, int]]:
    """Export all that is wanted, at most `most` rows at a time."""
    found = []
    while (span := exports.wanted(db, Lane.EVENTS, now_us)) is not None:
        part = (span[0], min(span[1], span[0] + most - 1))
        exports.exported(db, Lane.EVENTS, part, policy, now_us)
        found.append(part)
    return found


def ack(db: sqlite3.Connection, upto: int, *beyond: tuple[int, int]) -> Ack:
    return Ack(epoch=outbox.state_of(db, Lane.EVENTS).epoch, lane=Lane.EVENTS, upto=upto, beyond=beyond)


async def test_new_rows_are_exported_once_and_again_after_pauses_that_double(database: Database, recorder: Any) -> None:
    await recorder.record(5)

    def work(db: sqlite3.Connection) -> list[Any]:
        return [export(db, now_us) for now_us in (0, 99, 100, 299, 300, 699, 700)]

    assert await database.run(work) == [[(1, 5)], [], [(1, 5)], [], [(1, 5)], [], [(1, 5)]]


async def test_over_a_one_way_border_everything_is_exported_so_often_and_no_more(
    database: Database, recorder: Any
) -> None:
    await recorder.record(5)

    def work(db: sqlite3.Connection) -> list[Any]:
        return [export(db, now_us, policy=ONE_WAY) for now_us in (0, 100, 200, 300, 10**9)]

    assert await database.run(work) == [[(1, 5)], [(1, 5)], [(1, 5)], [], []]
    (events, *_) = await database.read(exports.figures)
    assert (events.lane, events.upto, events.repeating) == (Lane.EVENTS, 5, 0)


async def test_what_an_answer_confirms_is_not_exported_again(database: Database, recorder: Any) -> None:
    await recorder.record(12)

    def work(db: sqlite3.Connection) -> list[Any]:
        export(db, 0, most=4)
        exports.confirmed(db, ack(db, 2, (5, 6), (11, 12)), 50)
        return [export(db, 100)]

    assert await database.run(work) == [[(3, 4), (7, 8), (9, 10)]]


async def test_a_hub_that_went_back_gets_again_what_it_forgot(database: Database, recorder: Any) -> None:
    await recorder.record(9)

    def work(db: sqlite3.Connection) -> list[Any]:
        export(db, 0)
        exports.confirmed(db, ack(db, 9), 10)
        assert export(db, 10**9) == []
        exports.confirmed(db, ack(db, 3, (6, 7)), 20)
        return sorted(export(db, 20))

    assert await database.run(work) == [(4, 5), (8, 9)]


async def test_what_went_by_the_broker_is_not_exported(database: Database, recorder: Any) -> None:
    await recorder.record(9)

    def work(db: sqlite3.Connection) -> list[Any]:
        outbox.acknowledge(db, Lane.EVENTS, outbox.state_of(db, Lane.EVENTS).epoch, 7)
        return export(db, 0)

    assert await database.run(work) == [(8, 9)]


@pytest.mark.parametrize(("asked", "rows"), [((3, 4), 2), ((1, 99), 9), ((12, 20), 0), ((5, 4), 0)])
async def test_a_range_can_be_exported_again_as_far_as_it_was_exported_before(
    database: Database, recorder: Any, asked: tuple[int, int], rows: int
) -> None:
    await recorder.record(9)

    def work(db: sqlite3.Connection) -> tuple[int, list[Any]]:
        export(db, 0, policy=Policy(copies=1, repeat_us=1))
        return exports.request(db, Lane.EVENTS, asked, 5), export(db, 5, policy=Policy(copies=1, repeat_us=1))

    requested, again = await database.run(work)

    assert requested == rows
    assert sum(last - first + 1 for first, last in again) == rows


async def test_a_new_epoch_is_exported_from_its_beginning(database: Database, recorder: Any) -> None:
    await recorder.record(4)

    def work(db: sqlite3.Connection) -> list[Any]:
        export(db, 0)
        epochs.begin(db, Lane.EVENTS, new_id(), 0)
        return export(db, 1)

    assert await database.run(work) == [(1, 4)]


async def test_a_parcel_that_was_not_written_is_known_after_a_restart(database: Database) -> None:
    content = Content(spans=((Lane.EVENTS, "e1", 1, 4),), state=True)

    drawn = await database.run(lambda db: [parcels.draw(db, "s1", content, 0), parcels.draw(db, "s1", content, 0)])
    await database.run(lambda db: parcels.written(db, drawn[0].serial, 100))

    assert [each.serial for each in drawn] == [1, 2]
    assert await database.read(parcels.unwritten) == [drawn[1]]


async def test_numbers_go_on_behind_files_that_a_restored_database_does_not_know(database: Database) -> None:
    await database.run(lambda db: parcels.go_on_after(db, 41))
    await database.run(lambda db: parcels.go_on_after(db, 7))

    drawn = await database.run(lambda db: parcels.draw(db, "s1", Content(), 0))

    assert drawn.serial == 42


async def test_another_hub_is_given_everything_from_number_one(database: Database, recorder: Any) -> None:
    await recorder.record(4)

    def work(db: sqlite3.Connection) -> tuple[list[Any], int]:
        export(db, 0)
        parcels.draw(db, "s1", Content(), 0)
        exports.forget(db)
        return export(db, 0), parcels.draw(db, "s2", Content(), 0).serial

    assert await database.run(work) == ([(1, 4)], 1)
