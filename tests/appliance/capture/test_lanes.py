"""Orders that wait: the urgent first, those for one picture together, never more than there is room for."""

from datetime import UTC, datetime, timedelta

from appliance.capture.lanes import LIMITS, Lanes, Taking
from appliance.capture.order import Order, Origin
from federation.messages import Box, PresetAim, Want, WayAim

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def at_any_time(_origin: Origin) -> float:
    return 0.0


def order(
    name: str,
    origin: Origin = Origin.PLAN,
    *,
    point: str = "p1",
    want: Want | None = None,
    plan: str = "",
    fresh_s: float = 2.0,
    within_s: float = 10.0,
) -> Order:
    return Order(
        id=name,
        point_id=point,
        want=want or Want(),
        origin=origin,
        asked_at=NOW,
        plan_id=plan,
        fresh_s=fresh_s,
        within_s=within_s,
    )


def put_all(lanes: Lanes, *orders: Order) -> list[bool]:
    return [lanes.put(each, NOW) for each in orders]


def picked(lanes: Lanes) -> list[list[str]]:
    """Take out all that waits; return the ids of the orders of each picture."""
    found: list[list[str]] = []
    while (taking := lanes.pick(at_any_time, lambda _taking: 0.0)[0]) is not None:
        found.append([each.id for each in taking.orders])
    return found


def test_who_waits_for_an_answer_comes_first_then_the_queue_then_plans() -> None:
    lanes = Lanes()
    put_all(
        lanes,
        order("plan", point="a"),
        order("later", Origin.ASYNC, point="b"),
        order("plan 2", point="c"),
        order("now", Origin.SYNC, point="d"),
    )

    assert picked(lanes) == [["now"], ["later"], ["plan"], ["plan 2"]]


def test_orders_for_one_picture_stand_together_where_the_most_urgent_stands() -> None:
    lanes = Lanes()
    region = Want(region=Box(x=0, y=0, width=0.5, height=0.5))
    put_all(lanes, order("other", point="p2"), order("plan"), order("part", want=region), order("now", Origin.SYNC))

    assert picked(lanes) == [["plan", "now"], ["other"], ["part"]]


def test_a_shared_picture_is_as_fresh_as_the_strictest_order_wants_and_as_patient_as_the_most_patient() -> None:
    lanes = Lanes()
    put_all(lanes, order("a", fresh_s=5.0, within_s=3.0), order("b", fresh_s=1.0, within_s=20.0))

    taking, _ = lanes.pick(at_any_time, lambda _taking: 0.0)

    assert taking is not None
    assert (taking.order.fresh_s, taking.order.within_s) == (1.0, 20.0)


def test_ways_to_turn_are_never_shared() -> None:
    lanes = Lanes()
    put_all(lanes, order("a", want=Want(aim=WayAim(pan=0.1))), order("b", want=Want(aim=WayAim(pan=0.1))))
    put_all(lanes, order("c", want=Want(aim=PresetAim(preset="1"))), order("d", want=Want(aim=PresetAim(preset="1"))))

    assert picked(lanes) == [["a"], ["b"], ["c", "d"]]


def test_a_picture_that_is_being_taken_serves_who_finds_it_fresh_enough() -> None:
    taking = Taking(orders=[order("a", fresh_s=2.0)])
    taking.begin(NOW)
    later = NOW + timedelta(seconds=3)

    assert taking.serves(order("b", fresh_s=5.0), later)
    assert not taking.serves(order("c", fresh_s=4.9), later)


def test_a_full_lane_takes_no_more_and_counts_what_it_dropped() -> None:
    lanes = Lanes(limits={**LIMITS, Origin.PLAN: 2})

    taken = put_all(lanes, *(order(f"{n}", point=f"p{n}") for n in range(4)), order("now", Origin.SYNC, point="p9"))

    assert taken == [True, True, False, False, True]
    assert dict(lanes.dropped) == {Origin.PLAN: 2}
    assert len(lanes) == 3


def test_one_that_may_not_begin_keeps_nobody_behind_it_waiting() -> None:
    lanes = Lanes()
    put_all(lanes, order("blocked", point="busy"), order("slow", point="slow"), order("free", point="p3"))
    waits = {"busy": None, "slow": 4.0, "p3": 0.0}

    taking, _ = lanes.pick(at_any_time, lambda one: waits[one.orders[0].point_id])
    nothing, pause_s = lanes.pick(at_any_time, lambda one: waits[one.orders[0].point_id])

    assert taking is not None
    assert taking.orders[0].id == "free"
    assert (nothing, pause_s) == (None, 4.0)


def test_no_picture_of_a_lane_is_looked_at_while_the_lane_may_not_begin() -> None:
    lanes = Lanes()
    put_all(lanes, *(order(f"{n}", point=f"p{n}") for n in range(50)), order("later", Origin.ASYNC, point="other"))
    looked_at: list[str] = []

    def at_once(taking: Taking) -> float:
        looked_at.append(taking.orders[0].id)
        return 0.0

    waits_s = {Origin.SYNC: 9.0, Origin.ASYNC: 0.0, Origin.PLAN: 0.5}
    taking, _ = lanes.pick(waits_s.__getitem__, at_once)
    nothing, pause_s = lanes.pick(waits_s.__getitem__, at_once)

    assert taking is not None
    assert looked_at == ["later"]
    assert (nothing, pause_s) == (None, 0.5)
