"""A package that could not be held is tried again by itself, and never in haste."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from appliance.analysis.engine.packages import Ready, Unusable
from appliance.analysis.engine.second_try import FIRST_S, LONGEST_S, SOONEST_S, next_try_s
from tests.appliance.analysis.engine.conftest import Pack, Running, one_box, running
from tests.appliance.analysis.engine.test_several_cards import TWO, Rack

A, B = ("a", "1.0.0"), ("b", "1.0.0")


@pytest.mark.parametrize("reason", ["memory_short: x", "card_fails: x", "model_crashed: x"])
def test_what_may_pass_is_tried_again_the_later_the_oftener_it_was_refused(reason: str) -> None:
    pauses_s = [next_try_s(reason, tries=tries, tried_s=1000.0, freed_s=0.0) for tries in (1, 2, 3, 7, 1_000_000)]

    assert pauses_s == [1000.0 + pause_s for pause_s in (FIRST_S, 2 * FIRST_S, 4 * FIRST_S, LONGEST_S, LONGEST_S)]


def test_once_something_is_free_it_is_tried_soon_and_only_once_for_that() -> None:
    assert next_try_s("memory_short: x", tries=9, tried_s=1000.0, freed_s=1001.0) == 1000.0 + SOONEST_S
    assert next_try_s("memory_short: x", tries=10, tried_s=1010.0, freed_s=1001.0) == 1010.0 + LONGEST_S


@pytest.mark.parametrize("reason", ["package_unusable: x", "system_unbound: x", "system_refuses: x"])
def test_what_lasts_as_long_as_the_package_does_is_not_tried_again(reason: str) -> None:
    assert next_try_s(reason, tries=1, tried_s=0.0, freed_s=1.0) is None


@dataclass(kw_only=True)
class Hand:
    """A clock that goes when it is moved."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def hand() -> Hand:
    """Give the engine's clock."""
    return Hand()


@pytest.fixture
def rack() -> Rack:
    """Two cards, one full and one dead."""
    return Rack(full={0}, dead={1})


@pytest.fixture
async def engine(rack: Rack, hand: Hand) -> AsyncIterator[Running]:
    """Give an engine over both."""
    async with running(devices=TWO, hosts=rack, clock=hand) as found:
        yield found


async def test_a_package_that_every_card_refused_is_held_once_a_minute_later_one_takes_it(
    engine: Running, pack: Pack, rack: Rack, hand: Hand
) -> None:
    refused = (await engine.holds({A: await pack("a", one_box())}))[A]
    told = engine.engine.report()
    rack.full = set()
    hand.now_s += FIRST_S

    await engine.becomes(A, is_ready)

    assert isinstance(refused, Unusable)
    assert (list(told.unusable), told.next_tries_s) == (["a 1.0.0"], {"a 1.0.0": FIRST_S})
    assert engine.engine.report().next_tries_s == {}


async def test_a_refused_package_is_tried_soon_after_a_card_takes_models_again_but_not_at_once(
    engine: Running, pack: Pack, rack: Rack, hand: Hand
) -> None:
    first, other = await pack("a", one_box()), await pack("b", one_box(label=0))
    await engine.holds({A: first})
    rack.dead = set()
    hand.now_s += SOONEST_S / 2
    await engine.holds({A: first, B: other})
    early, told = engine.engine.packages[A], engine.engine.report()
    hand.now_s += SOONEST_S / 2

    await engine.becomes(A, is_ready)

    assert isinstance(early, Unusable)
    assert told.next_tries_s == {"a 1.0.0": SOONEST_S / 2}


async def test_a_package_that_is_refused_again_and_again_rests_longer_each_time(
    engine: Running, pack: Pack, hand: Hand
) -> None:
    await engine.holds({A: await pack("a", one_box())})
    hand.now_s += FIRST_S

    await engine.becomes(A, lambda state: isinstance(state, Unusable) and state.tries == 2)

    assert engine.engine.report().next_tries_s == {"a 1.0.0": 2 * FIRST_S}


def is_ready(state: Ready | Unusable) -> bool:
    return isinstance(state, Ready)
