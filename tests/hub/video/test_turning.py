"""Turning a camera from afar: how many orders it gets, and which of them are noted."""

from hub.video.turning import AT_IT_FOR_S, MOST_ORDERS, WITHIN_S, TurnBook


def test_a_camera_gets_so_many_orders_in_a_while_and_more_after_it() -> None:
    book = TurnBook()

    admitted = [book.admits("gate", 0.0) for _ in range(MOST_ORDERS + 1)]

    assert admitted == [True] * MOST_ORDERS + [False]
    assert book.admits("yard", 0.0)
    assert not book.admits("gate", WITHIN_S - 0.01)
    assert book.admits("gate", WITHIN_S)


def test_a_person_who_goes_on_moving_a_camera_begins_once() -> None:
    book = TurnBook()

    begun = [book.begins("gate", "li", at_s) for at_s in (0.0, 1.0, AT_IT_FOR_S, 2 * AT_IT_FOR_S)]

    assert begun == [True, False, False, True]
    assert book.begins("gate", "wang", 1.0)
    assert book.begins("yard", "li", 1.0)
