"""What goes into the next batch, with an injected clock."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.analysis.engine.queue import MORE_URGENT_AFTER_S, TURN_S, Lane, Limits, Queue


def queue(**limits: float) -> Queue[str]:
    return Queue(limits=Limits(**limits))  # type: ignore[arg-type]


def taken(line: Queue[str], now_s: float = 0.0) -> list[str]:
    batch = line.take(now_s)
    line.free(batch)
    return [item.work for item in batch]


def test_of_a_camera_the_newest_frame_waits_in_the_place_of_the_older_one() -> None:
    line = queue()
    line.put("a1", source="a", lane=Lane.STREAM, now_s=0)
    line.put("b1", source="b", lane=Lane.STREAM, now_s=1)

    assert line.put("a2", source="a", lane=Lane.STREAM, now_s=2) == "a1"

    assert [taken(line, 3), taken(line, 3)] == [["a2"], ["b1"]]
    assert line.dropped == {"superseded": 1}


def test_the_next_frame_of_a_camera_waits_until_its_last_one_is_done() -> None:
    line = queue()
    line.put("a1", source="a", lane=Lane.STREAM, now_s=0)
    batch = line.take(0)
    line.put("a2", source="a", lane=Lane.STREAM, now_s=1)

    assert (line.ready_in_s(1), line.take(1)) == (None, [])
    line.free(batch)
    assert taken(line, 1) == ["a2"]


def test_a_frame_that_has_waited_too_long_is_dropped_and_counted() -> None:
    line = queue(stale_s=2)
    line.put("a1", source="a", lane=Lane.STREAM, now_s=0)
    line.put("job", source="j", lane=Lane.BACKLOG, now_s=0)

    assert (line.expire(2), line.expire(2.1)) == ([], ["a1"])
    assert (line.dropped["stale"], taken(line, 2.1)) == (1, ["job"])


def test_a_full_line_refuses_the_newcomer() -> None:
    line = queue(places=1)
    line.put("a1", source="a", lane=Lane.STREAM, now_s=0)

    assert line.put("b1", source="b", lane=Lane.STREAM, now_s=0) == "b1"
    assert line.put("p", source="p", lane=Lane.PERSON, now_s=0) is None
    assert line.dropped == {"full": 1}


def test_people_go_before_cameras_and_the_backlog_moves_all_the_same() -> None:
    line = queue()
    line.put("job", source="j", lane=Lane.BACKLOG, now_s=0)
    line.put("a", source="a", lane=Lane.STREAM, now_s=1)
    line.put("person", source="p", lane=Lane.PERSON, now_s=2)

    assert [taken(line, 2), taken(line, 2)] == [["person"], ["a"]]
    later_s = MORE_URGENT_AFTER_S + 1
    line.put("b", source="b", lane=Lane.STREAM, now_s=later_s)
    assert taken(line, later_s) == ["job"]


def test_a_batch_gathers_for_its_window_and_not_until_all_cameras_have_sent() -> None:
    line = queue(batch=4, window_s=0.01)
    line.put("a1", source="a", lane=Lane.STREAM, now_s=0)

    assert line.ready_in_s(0) == 0.01
    assert line.ready_in_s(0.02) == 0
    for name in "bcd":
        line.put(name, source=name, lane=Lane.STREAM, now_s=0)
    assert line.ready_in_s(0) == 0
    assert taken(line, 0) == ["a1", "b", "c", "d"]


def along(waiting: int, each_s: float | None, *, people: int = 0) -> int:
    """Return how many of so many one of two workers takes."""
    line = queue(along=4, workers=2)
    for number in range(waiting):
        line.put("a", source=str(number), lane=Lane.STREAM, now_s=0)
    for number in range(people):
        line.put("p", source=str(number), lane=Lane.PERSON, now_s=0)
    return len(line.take(0, each_s))


def test_a_worker_takes_more_along_for_as_long_as_every_worker_finds_as_many_again() -> None:
    assert [along(waiting, 0.001) for waiting in (1, 7, 8, 11, 12, 15, 16, 99)] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_worker_takes_no_more_along_than_keep_its_turn_short() -> None:
    assert [along(99, TURN_S / share) for share in (0.5, 1, 1.9, 2, 3.9, 4, 400)] == [1, 1, 1, 2, 3, 4, 4]
    assert along(99, None) == 1  # nothing is known of the model yet


def test_a_person_waits_for_no_other_picture() -> None:
    assert along(99, 0.001, people=1) == 1


MOVES = st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=60)


@settings(max_examples=60, deadline=None)
@given(MOVES, st.integers(1, 4))
def test_nothing_is_lost_uncounted_and_whoever_sends_most_is_served_no_more(
    moves: list[tuple[str, bool]], batch: int
) -> None:
    line = queue(batch=batch, stale_s=30, places=4)
    put = served = 0
    since_served: dict[str, int] = {}
    for now_s, (source, serves) in enumerate(moves):
        put += 1
        if line.put(f"{source}{now_s}", source=source, lane=Lane.STREAM, now_s=now_s) != f"{source}{now_s}":
            since_served.setdefault(source, 0)
        for work in line.expire(now_s):
            since_served.pop(work[0])
        for item in line.take(now_s) if serves else []:
            line.free([item])
            served += 1
            assert since_served.pop(item.source) <= 4  # others than it were served once each at most
            since_served = {name: count + 1 for name, count in since_served.items()}

    assert put == served + len(line) + line.dropped.total()
