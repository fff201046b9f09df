"""Packages load several at once: one that hangs keeps nobody else waiting, and memory is promised to one of two."""

import asyncio
from collections.abc import Sequence

from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.host import LOAD_WITHIN_S, Host
from appliance.analysis.engine.loaded import LOADS_AT_ONCE
from appliance.analysis.engine.packages import Ready
from appliance.analysis.engine.wire import Answer, Message
from appliance.analysis.finding import Picture
from appliance.analysis.judging import Judging
from appliance.analysis.outgoing import EventQueue
from appliance.local import LocalPackage, Plan
from federation.testing.waiting import until
from tests.appliance.analysis.engine.conftest import ROWS, Pack, Running, one_box, running
from tests.appliance.analysis.engine.test_engine import demanding, labels, reason
from tests.appliance.analysis.test_detector import manifest
from tests.appliance.packaging.test_examination import endless

A, B, C = ((name, "1.0.0") for name in "abc")
LONG = [(f"long{number}", "1.0.0") for number in range(LOADS_AT_ONCE - 1)]


class Watched:
    """Starts real processes; all that were started are known, and each may load for so long."""

    def __init__(self, load_within_s: float = LOAD_WITHIN_S) -> None:
        self.load_within_s = load_within_s
        self.started: list[Host] = []

    def __call__(self, device: Device, *, memory_bytes: int, slot_bytes: int) -> Host:
        """Return a process."""
        host = _Patient(device, memory_bytes=memory_bytes, slot_bytes=slot_bytes, most_s=self.load_within_s)
        self.started.append(host)
        return host

    @property
    def alive(self) -> int:
        """How many processes run."""
        return sum(host.alive for host in self.started)


class _Patient(Host):
    def __init__(self, device: Device, *, memory_bytes: int, slot_bytes: int, most_s: float) -> None:
        super().__init__(device, memory_bytes=memory_bytes, slot_bytes=slot_bytes)
        self._most_s = most_s

    def ask(
        self, message: Message, *, model: bytes = b"", canvases: Sequence[Picture] = (), within_s: float = 30.0
    ) -> Answer:
        return super().ask(message, model=model, canvases=canvases, within_s=min(within_s, self._most_s))


async def loaded(engine: Running, *packages: tuple[str, str]) -> None:
    """Return once these packages work."""

    def work() -> bool:
        return all(isinstance(engine.engine.packages.get(key), Ready) for key in packages)

    await until(work, within_s=30, what="the packages at work")


async def test_while_models_hang_that_load_others_load_and_work(pack: Pack) -> None:
    hanging = {key: await pack(key[0], endless() + bytes([0x32, 1, 65 + at])) for at, key in enumerate(LONG)}
    good = {A: await pack("a", one_box()), B: await pack("b", one_box(label=0))}
    hosts = Watched()
    async with running(memory_mb=1 << 20, hosts=hosts) as engine:
        engine.engine.want(hanging | good)
        await loaded(engine, A, B)

        seen = await engine.sees([A, B])

        assert [labels(found) for found in seen.values()] == [["person"], ["bin"]]
        assert sorted(engine.engine.report().loading) == sorted(" ".join(key) for key in hanging)
        assert hosts.alive == len(hanging) + len(good)
    assert hosts.alive == 0


async def test_a_model_that_hangs_until_its_time_is_over_is_unusable_and_says_so(pack: Pack) -> None:
    hosts = Watched(load_within_s=5.0)
    async with running(hosts=hosts) as engine:
        found = await engine.holds({A: await pack("a", endless()), B: await pack("b", one_box())})

        assert reason(found[A]) == "model_crashed: no answer within 5 s"
        assert isinstance(found[B], Ready)
        assert [item.packages for item in engine.engine.report().models] == [("b 1.0.0",)]


async def test_a_package_that_is_wanted_no_more_while_it_loads_is_ended_at_once(pack: Pack) -> None:
    path, other = await pack("a", endless()), await pack("b", one_box())
    hosts = Watched()
    async with running(hosts=hosts) as engine:
        engine.engine.want({A: path})
        await until(lambda: hosts.alive == 1, within_s=30, what="the process of the model that hangs")

        engine.engine.want({B: other})
        await loaded(engine, B)

        await until(lambda: hosts.alive == 1, within_s=10, what="the end of the process that hangs")
        assert engine.engine.report().loading == ()
        assert set(engine.engine.packages) == {B}
        engine.engine.want({A: path, B: other})
        await until(lambda: hosts.alive == 2, within_s=30, what="the model that is wanted again")


async def test_an_engine_that_ends_while_a_model_hangs_does_not_wait_for_it(pack: Pack) -> None:
    hosts = Watched()
    path = await pack("a", endless())
    async with asyncio.timeout(30), running(hosts=hosts) as engine:
        engine.engine.want({A: path})
        await until(lambda: hosts.alive == 1, within_s=20, what="the process of the model that hangs")

    assert hosts.alive == 0


async def test_those_that_fit_alone_and_not_together_wait_for_what_those_before_them_really_take(pack: Pack) -> None:
    packages = {
        (f"a{number}", "1.0.0"): await pack(f"a{number}", one_box(score=0.4 + number / 20), demanding(450))
        for number in range(8)
    }
    async with running(memory_mb=1000) as engine:
        found = await engine.holds(packages)

    assert {type(state) for state in found.values()} == {Ready}  # each takes less than it declares


async def test_what_is_promised_to_a_model_that_hangs_is_not_given_to_another(pack: Pack) -> None:
    hanging, large, small = (
        await pack("a", endless(), demanding(700)),
        await pack("b", one_box(), demanding(700)),
        await pack("c", one_box(label=0), demanding(100)),
    )
    hosts = Watched()
    async with running(memory_mb=1000, hosts=hosts) as engine:
        engine.engine.want({A: hanging, B: large, C: small})
        await loaded(engine, C)

        waiting = engine.engine.report().loading
        engine.engine.want({B: large, C: small})
        await loaded(engine, B, C)

        assert waiting == ("a 1.0.0", "b 1.0.0")


async def test_packages_of_one_model_that_load_at_once_share_its_process(pack: Pack) -> None:
    conf = {(f"a{number}", "1.0.0"): 0.5 + number / 10 for number in range(LOADS_AT_ONCE + 1)}
    hosts = Watched()
    async with running(hosts=hosts) as engine:
        await engine.holds(
            {key: await pack(key[0], one_box(score=0.85), manifest({**ROWS, "conf": at})) for key, at in conf.items()}
        )

        seen = await engine.sees(conf)

        assert [labels(seen[key]) for key in conf] == [["person"]] * 4 + [[]]
        assert len(hosts.started) == 1
        assert len(engine.engine.report().models) == 1


async def test_packages_of_a_model_that_hangs_take_one_place_together(pack: Pack) -> None:
    hanging = {
        (f"a{number}", "1.0.0"): await pack(f"a{number}", endless(), manifest({**ROWS, "conf": (1 + number) / 10}))
        for number in range(LOADS_AT_ONCE + 1)
    }
    hosts = Watched()
    async with running(memory_mb=1 << 20, hosts=hosts) as engine:
        engine.engine.want({**hanging, B: await pack("b", one_box())})

        await loaded(engine, B)

        assert hosts.alive == 2


async def test_a_package_that_only_the_pictures_of_a_plan_need_is_loaded(engine: Running, pack: Pack) -> None:
    path, other = await pack("a", one_box()), await pack("b", one_box(label=0))
    packages = (
        LocalPackage(algorithm_id="a", version="1.0.0", path=path, for_pictures=True),
        LocalPackage(algorithm_id="b", version="1.0.0", path=other),
    )
    judging = Judging(engine=engine.engine, events=EventQueue())
    async with asyncio.TaskGroup() as group:
        running_ = group.create_task(judging.run())
        await judging.adopt(Plan(version=1, packages=packages))

        await loaded(engine, A)
        running_.cancel()

    assert set(engine.engine.packages) == {A}
