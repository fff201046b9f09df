import itertools
from datetime import UTC, datetime, timedelta

import pytest

from federation.identity.member import HubIdentity
from federation.identity.renewal import Pace, due
from federation.messages import BrokerEndpoint

OBTAINED = datetime(2026, 11, 1, tzinfo=UTC)
LIFE = timedelta(days=60)


def identity(obtained: datetime = OBTAINED) -> HubIdentity:
    return HubIdentity(
        hub_url="https://hub:1",
        hub_id="0193b2c0",
        hub_name="hub",
        node_id="n",
        brokers=(BrokerEndpoint(host="hub", port=1),),
        ca="",
        certificate="",
        obtained_at=obtained,
        renew_after_s=int(LIFE.total_seconds()),
        signing_key="",
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (OBTAINED, False),
        (OBTAINED + LIFE - timedelta(seconds=1), False),
        (OBTAINED + LIFE, True),
        (OBTAINED + timedelta(days=400), True),
        (OBTAINED - timedelta(days=1), False),  # the clock was set back by a day
        (OBTAINED - timedelta(days=3), True),  # by more than anybody does: nothing is known
    ],
)
def test_a_certificate_is_renewed_after_two_thirds_of_its_time(now: datetime, *, expected: bool) -> None:
    assert due(identity(), now) is expected


@pytest.mark.parametrize("years", [-50, 70])
def test_a_clock_that_is_always_wrong_does_no_harm(years: int) -> None:
    wrong = timedelta(days=365 * years)

    assert not due(identity(OBTAINED + wrong), OBTAINED + wrong + timedelta(days=59))
    assert due(identity(OBTAINED + wrong), OBTAINED + wrong + timedelta(days=61))


def test_a_hub_that_refuses_is_asked_more_and_more_seldom_until_it_lets_us_in() -> None:
    pace, now_s, asked = Pace(), 0.0, []
    for _ in range(8):
        while not pace.may_ask(now_s):
            now_s += 30.0
        pace.asked(now_s)
        asked.append(now_s)

    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert pauses == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0]
    pace.let_in()
    assert pace.may_ask(now_s)
