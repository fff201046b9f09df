"""First-fit placement over capability and free capacity."""

from hypothesis import given
from hypothesis import strategies as st

from hub.scheduling.placement import FirstFit, Placed, PlacementRequest, Unit, Unplaced, place_all


def request(task_id: str = "t1", point_id: str = "p1", cost: float = 1.0, priority: int = 5) -> PlacementRequest:
    return PlacementRequest(task_id=task_id, point_id=point_id, analyse_cost=cost, priority=priority)


def unit(node_id: str = "n1", *, analyse: float = 4, pull: float = 10, online: bool = True, **more: object) -> Unit:
    pulled = frozenset(str(point) for point in more.get("pulled", ()))  # type: ignore[attr-defined]
    return Unit(node_id=node_id, online=online, offered={"analyse": analyse, "pull": pull}, used={}, pulled=pulled)


def test_the_first_appliance_by_name_with_room_takes_the_task() -> None:
    decision = FirstFit().place(request(cost=3), [unit("n3"), unit("n1", analyse=2), unit("n2")])

    assert decision == Placed(node_id="n2")


def test_an_appliance_that_pulls_the_point_already_is_preferred() -> None:
    decision = FirstFit().place(request(), [unit("n1"), unit("n2", pulled=["p1"])])

    assert decision == Placed(node_id="n2")


def test_a_point_that_is_pulled_already_costs_no_further_pull() -> None:
    decision = FirstFit().place(request(), [unit("n1", pull=0, pulled=["p1"])])

    assert decision == Placed(node_id="n1")


def test_an_appliance_that_is_offline_gets_nothing() -> None:
    decision = FirstFit().place(request(), [unit(online=False)])

    assert isinstance(decision, Unplaced)
    assert decision.code == "no_node_online"


def test_what_is_short_is_named() -> None:
    decision = FirstFit().place(request(cost=6), [unit("n1", analyse=4), unit("n2", analyse=1)])

    assert isinstance(decision, Unplaced)
    assert decision.reason == "no_capacity: short of 2 analyse on n1"


def test_the_urgent_task_gets_the_last_place() -> None:
    wanted = [request("a", priority=1), request("b", priority=9)]

    decisions = place_all(wanted, [unit(analyse=1)], FirstFit())

    assert decisions["b"] == Placed(node_id="n1")
    assert isinstance(decisions["a"], Unplaced)


requests = st.lists(
    st.builds(
        request,
        task_id=st.uuids().map(str),
        point_id=st.sampled_from(["p1", "p2", "p3", "p4"]),
        cost=st.sampled_from([0.1, 0.5, 1.0, 2.0]),
        priority=st.integers(1, 9),
    ),
    max_size=30,
    unique_by=lambda wanted: wanted.task_id,
)


@given(wanted=requests, offers=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=4))
def test_no_appliance_is_ever_given_more_than_it_offers(
    wanted: list[PlacementRequest], offers: list[tuple[int, int]]
) -> None:
    units = [unit(f"n{number}", analyse=analyse, pull=pull) for number, (analyse, pull) in enumerate(offers)]

    decisions = place_all(wanted, units, FirstFit())

    for present in units:
        taken = [item for item in wanted if decisions[item.task_id] == Placed(node_id=present.node_id)]
        assert sum(item.analyse_cost for item in taken) <= present.offered["analyse"] + 1e-6
        assert len({item.point_id for item in taken}) <= present.offered["pull"]


@given(wanted=requests)
def test_the_same_question_has_the_same_answer_in_any_order(wanted: list[PlacementRequest]) -> None:
    units = [unit("n1"), unit("n2", analyse=2)]

    assert place_all(wanted, units, FirstFit()) == place_all(wanted[::-1], units[::-1], FirstFit())
