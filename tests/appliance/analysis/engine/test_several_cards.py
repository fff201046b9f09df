"""Models over several cards, one of which fills or dies: real processes that compute on cores, on devices of ours.

What a real card says when it dies, and whether it takes its process along, is shown by nothing here.
"""

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from appliance.analysis.engine.cards import Card
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.frame import Dropped
from appliance.analysis.engine.host import Host, HostLost, ModelFails
from appliance.analysis.engine.packages import Ready, Unusable
from appliance.analysis.engine.reporting import card_reports
from appliance.local import ModelReport
from federation.testing.waiting import until
from tests.appliance.analysis.engine.conftest import WITHIN_S, Pack, Running, one_box, running

A, B, C, D = ((name, "1.0.0") for name in "abcd")
TWO = tuple(Device(kind="cpu", index=index, workers=2) for index in (0, 1))


@dataclass(kw_only=True)
class Rack:
    """Starts processes where their device is well; which was asked how often is counted."""

    dead: set[int] = field(default_factory=set)
    full: set[int] = field(default_factory=set)
    asked: Counter[int] = field(default_factory=Counter)

    def __call__(self, device: Device, *, memory_bytes: int, slot_bytes: int) -> Host:
        """Return a process; raise as one does whose card cannot be used."""
        self.asked[device.index] += 1
        if device.index in self.dead:
            raise HostLost("the card has fallen off the bus")
        if device.index in self.full:
            raise ModelFails("memory_short", "Failed to allocate memory on the card")
        return Host(device, memory_bytes=memory_bytes, slot_bytes=slot_bytes)


@pytest.fixture
def rack() -> Rack:
    """Two cards that are well."""
    return Rack()


@pytest.fixture
async def engine(rack: Rack) -> AsyncIterator[Running]:
    """Give an engine over both."""
    async with running(devices=TWO, hosts=rack) as found:
        yield found


def cards(engine: Running) -> dict[str, int]:
    """Return on which card each package is looked at."""
    shares = engine.engine.shares()
    return {path.stem: model.device.index for model, mine in shares.items() for path in mine}


async def test_models_spread_over_the_cards(engine: Running, pack: Pack) -> None:
    await engine.holds(
        {key: await pack(key[0], one_box(score=0.5 + number / 10)) for number, key in enumerate((A, B, C, D))}
    )

    assert Counter(cards(engine).values()) == {0: 2, 1: 2}
    assert not [found for found in (await engine.sees([A, B, C, D])).values() if isinstance(found, Dropped)]


async def test_a_model_for_which_a_card_has_no_room_goes_to_another(engine: Running, pack: Pack, rack: Rack) -> None:
    rack.full = {0}

    found = await engine.holds({A: await pack("a", one_box())})

    assert isinstance(found[A], Ready)
    assert cards(engine) == {"a": 1}


async def test_a_package_is_unusable_once_every_card_was_tried(engine: Running, pack: Pack, rack: Rack) -> None:
    rack.full, rack.dead = {0}, {1}

    state = (await engine.holds({A: await pack("a", one_box())}))[A]

    assert isinstance(state, Unusable)
    assert state.reason.startswith("model_crashed: the card has fallen")
    assert rack.asked == {0: 1, 1: 1}


async def test_a_package_that_is_broken_itself_is_not_tried_on_every_card(
    engine: Running, pack: Pack, rack: Rack
) -> None:
    found = await engine.holds({A: await pack("a", b"no model at all")})

    assert isinstance(found[A], Unusable)
    assert rack.asked.total() == 1


async def test_the_models_of_a_card_that_dies_go_on_with_another_and_those_there_notice_nothing(
    engine: Running, pack: Pack, rack: Rack
) -> None:
    await engine.holds({A: await pack("a", one_box()), B: await pack("b", one_box(label=0))})
    (mine,) = [model for model, shares in engine.engine.shares().items() if any(path.stem == "a" for path in shares)]
    dead, pid = mine.device.index, mine.pid
    rack.dead = {dead}
    os.kill(pid, signal.SIGKILL)
    others: list[object] = []

    async def back() -> bool:
        others.append((await engine.sees([B], source="yard"))[B])
        return not isinstance((await engine.sees([A]))[A], Dropped)

    await until(back, within_s=WITHIN_S, what="the model at work on the other card")
    assert mine.device.index == 1 - dead
    assert not [item for item in others if isinstance(item, Dropped)]
    (failed,) = [item.restarts for item in engine.engine.report().models if item.packages == ("a 1.0.0",)]
    assert failed >= 2


def test_figures_are_told_of_every_card() -> None:
    two = [Card(index=index, name="planted", memory_mb=1000, used_mb=100 * index, busy_percent=40) for index in (0, 1)]
    models = [
        ModelReport(network="a", device="cuda:1", pictures_per_s=2.5),
        ModelReport(network="b", device="cuda:1", pictures_per_s=1.5, reason="model_crashed: x"),
        ModelReport(network="c", device="http city"),
    ]

    first, second = card_reports(two, [Device(kind="cuda", index=1)], models)

    assert (first.device, first.is_used, first.models, first.pictures_per_s) == ("cuda:0", False, 0, 0.0)
    assert (second.device, second.is_used, second.used_mb, second.busy_percent) == ("cuda:1", True, 100, 40)
    assert (second.models, second.failing, second.pictures_per_s) == (2, 1, 4.0)
