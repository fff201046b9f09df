"""What the hub concludes of a node that speaks, falls silent, or is looked after."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.fleet.liveness import (
    MOST_WITNESSES,
    Cause,
    Condition,
    Findings,
    Life,
    Neighbour,
    Summons,
    findings_of,
    may_move,
    summon,
)

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
OBSTACLES = (Cause.NO_WITNESS, Cause.SITE_SILENT, Cause.NO_ADDRESS)

names = st.lists(st.sampled_from(["w1", "w2", "w3"]), unique=True, max_size=3).map(tuple)
findings = st.one_of(
    st.sampled_from(OBSTACLES).map(lambda cause: Findings(obstacle=cause)),
    st.builds(Findings, reached=names, denied=names),
)
words = st.one_of(
    st.just("spoke"),
    st.sampled_from([Cause.SILENT, Cause.LINK_LOST]),
    findings,
    st.booleans(),  # an operator says: dead, or alive
)


def life(condition: Condition = Condition.ONLINE, cause: Cause = Cause.SPOKE) -> Life:
    return Life(condition=condition, cause=cause, since=AT)


def after(present: Life, word: object, now: datetime) -> Life:
    if word == "spoke":
        return present.spoke(now)
    if isinstance(word, Cause):
        return present.quiet(word, now)
    if isinstance(word, Findings):
        return present.examined(word, now)
    return present if present.condition is Condition.ONLINE else present.declared(dead=bool(word), by="op", now=now)


@given(st.lists(words, max_size=30))
def test_a_node_is_dead_only_if_all_witnesses_denied_it_or_an_operator_said_so(
    said: list[object],
) -> None:
    present = life()

    for minute, word in enumerate(said):
        before, present = present, after(present, word, AT + timedelta(minutes=minute))
        if present.condition is Condition.DEAD and before.condition is not Condition.DEAD:
            denied = isinstance(word, Findings) and word.denied and not word.reached and word.obstacle is None
            assert denied or word is True


@given(st.lists(words, max_size=30))
def test_who_speaks_is_online_whatever_was_said_of_it(said: list[object]) -> None:
    present = life()
    for word in said:
        present = after(present, word, AT)

    assert present.spoke(AT).condition is Condition.ONLINE


@given(st.lists(words, max_size=30))
def test_a_node_is_online_only_while_its_own_word_is_the_last_that_counts(said: list[object]) -> None:
    present = life()

    for word in said:
        present = after(present, word, AT)
        assert (present.condition is Condition.ONLINE) == (present.cause is Cause.SPOKE)
        if isinstance(word, Cause):
            assert present.condition is not Condition.ONLINE


@given(st.sampled_from([True, False]), st.lists(findings, max_size=10))
def test_an_operators_word_stands_against_all_witnesses(dead: bool, said: list[Findings]) -> None:  # noqa: FBT001
    present = life(Condition.SUSPECT, Cause.SILENT).declared(dead=dead, by="li", now=AT)

    for found in said:
        present = present.examined(found, AT)

    assert (present.condition is Condition.DEAD, present.cause, present.by) == (dead, Cause.OPERATOR, "li")


def test_since_is_when_a_condition_began_and_not_when_it_was_confirmed() -> None:
    suspect = life().quiet(Cause.SILENT, AT)
    dead = suspect.examined(Findings(denied=("w1",)), AT + timedelta(seconds=5))

    again = dead.examined(Findings(denied=("w2",)), AT + timedelta(seconds=35))

    assert (again.since, again.witnesses) == (AT + timedelta(seconds=5), ("w2",))


def test_a_testimony_of_death_stands_while_nobody_can_be_asked_and_falls_once_somebody_reaches_it() -> None:
    dead = life(Condition.DEAD, Cause.DENIED)

    assert all(dead.examined(Findings(obstacle=cause), AT) == dead for cause in OBSTACLES)
    assert dead.examined(Findings(), AT) == dead
    assert dead.examined(Findings(reached=("w1",)), AT).condition is Condition.UNKNOWN


def neighbour(key: str, *, site: str = "east", online: bool = True, boot: str = "", urls: str = "lan") -> Neighbour:
    places = {"lan": (f"http://10.0.0.{len(key)}:8090",), "loopback": ("http://127.0.0.1:8090",), "none": ()}
    return Neighbour(id=key, site=site, online=online, boot_id=boot, probe_urls=places[urls])


SILENT = neighbour("silent", online=False)


@pytest.mark.parametrize(
    ("node", "others", "expected"),
    [
        (SILENT, [neighbour("w")], ("w",)),
        (SILENT, [], Cause.NO_WITNESS),
        (SILENT, [neighbour("w", site="west")], Cause.NO_WITNESS),
        (neighbour("silent", site=""), [neighbour("w", site="")], Cause.NO_WITNESS),
        (SILENT, [neighbour("w", online=False), neighbour("x", online=False)], Cause.SITE_SILENT),
        (neighbour("silent", urls="none"), [neighbour("w")], Cause.NO_ADDRESS),
        (neighbour("silent", urls="loopback", boot="b"), [neighbour("w", boot="c")], Cause.NO_ADDRESS),
        (neighbour("silent", urls="loopback"), [neighbour("w")], Cause.NO_ADDRESS),
        (neighbour("silent", urls="loopback", boot="b"), [neighbour("w", boot="b")], ("w",)),
    ],
)
def test_only_an_online_neighbour_that_can_know_is_asked(
    node: Neighbour, others: list[Neighbour], expected: Cause | tuple[str, ...]
) -> None:
    summons = summon(node, [node, *others])

    assert expected in {summons.obstacle, summons.witnesses}


def test_at_most_three_are_asked_and_the_next_time_others() -> None:
    others = [neighbour(f"w{number}") for number in range(5)]

    first = summon(SILENT, others)
    second = summon(SILENT, others, asked_last=first.witnesses)

    assert len(first.witnesses) == len(second.witnesses) == MOST_WITNESSES
    assert {"w3", "w4"} <= set(second.witnesses)


def test_what_is_not_answered_counts_neither_way() -> None:
    assert findings_of(("a", "b", "c"), {"b": True, "c": False}) == Findings(reached=("b",), denied=("c",))
    assert Findings().conclusion()[:2] == (Condition.UNKNOWN, Cause.NO_TESTIMONY)
    assert Summons(urls={}).witnesses == ()


@pytest.mark.parametrize(
    ("present", "silent_s", "fence_after_s", "moves"),
    [
        (life(Condition.DEAD, Cause.DENIED), 300, None, True),
        (life(Condition.DEAD, Cause.DENIED), 299, None, False),
        (life(Condition.DEAD, Cause.OPERATOR), 1, None, True),
        (life(Condition.UNKNOWN, Cause.REACHED), 9_999, None, False),
        (life(Condition.UNKNOWN, Cause.NO_WITNESS), 9_999, None, False),
        (life(Condition.UNKNOWN, Cause.REACHED), 300, 60, True),
        (life(Condition.UNKNOWN, Cause.NO_WITNESS), 419, 400, False),
        (life(Condition.UNKNOWN, Cause.NO_WITNESS), 420, 400, True),
        (life(Condition.UNKNOWN, Cause.SITE_SILENT), 9_999, 60, False),
        (life(Condition.SUSPECT, Cause.SILENT), 9_999, 60, False),
        (life(Condition.ONLINE), 9_999, 60, False),
    ],
)
def test_a_task_moves_from_the_dead_or_after_it_has_fenced_itself(
    present: Life, silent_s: float, fence_after_s: float | None, *, moves: bool
) -> None:
    assert may_move(present, silent_s=silent_s, move_after_s=300, fence_after_s=fence_after_s, grace_s=20) is moves
