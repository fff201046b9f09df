"""The models that are loaded: on which device each is, who uses it, and what room is left."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from appliance.analysis.engine.declaration import HeadOf, ModelOf
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.dispatcher import Clock, Dispatcher, Place
from appliance.analysis.engine.host import Host, HostLost, Hosts, ModelFails
from appliance.analysis.engine.model import Model, Seen, Sighted
from appliance.analysis.engine.packages import PackageKey
from appliance.analysis.engine.queue import Limits
from appliance.analysis.engine.reporting import model_report
from appliance.analysis.engine.room import Room
from appliance.analysis.outside.system import OutsideSystem
from appliance.local import ModelReport

log = logging.getLogger(__name__)

WARM_S = 300.0
"""A model that nobody needs any more stays for so long, unless another needs its memory."""

LOADS_AT_ONCE = 4
"""One that hangs is given up after minutes; so many have to hang before others wait for them."""


@dataclass(kw_only=True)
class Turn:
    """Those who load the same model, or heads of it, do so one after the other; `failed` is why it did not start."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    failed: HostLost | ModelFails | None = None


@dataclass(kw_only=True)
class Loaded:
    """A model, or a system of others, with its line and those who use it, each by its head."""

    model: Model | OutsideSystem
    dispatcher: Dispatcher[Sighted, Seen]
    feeding: asyncio.Task[None]
    users: dict[PackageKey, str] = field(default_factory=dict)
    idle_since_s: float | None = None

    @property
    def dropped(self) -> int:
        """Frames that somebody needed and it did not see."""
        return self.dispatcher.queue.dropped.total() + self.model.cost.dropped.total()


class LoadedModels:
    """Loads models where there is room and ends them; all methods run on the event loop."""

    def __init__(
        self,
        *,
        devices: tuple[Device, ...],
        memory_bytes: int,
        group: asyncio.TaskGroup,
        clock: Clock,
        hosts: Hosts = Host,
    ) -> None:
        """Load on these devices, within so much memory for all; their lines are fed by tasks of `group`."""
        self._hosts = hosts
        self.devices = devices
        self.memory_bytes = memory_bytes
        self.places = {device: _place(device) for device in devices}
        self._group = group
        self._clock = clock
        self._by_network: dict[str, Loaded] = {}
        self._room = Room(memory_bytes=memory_bytes, taken=self._taken)
        self._turns: dict[str, Turn] = {}
        self._loads = asyncio.Semaphore(LOADS_AT_ONCE)
        self._threads = ThreadPoolExecutor(LOADS_AT_ONCE, thread_name_prefix="load")
        self._unloading = asyncio.Lock()
        self._starting: Counter[Device] = Counter()
        self._failing: set[Device] = set()
        self._gone = 0
        self.freed_s = clock()
        """When a model was last given up, or a device that had failed took one again."""

    def __contains__(self, network: str) -> bool:
        """Tell whether a model is loaded."""
        return network in self._by_network

    def __getitem__(self, network: str) -> Loaded:
        """Return a loaded model."""
        return self._by_network[network]

    @property
    def dropped(self) -> int:
        """Frames that somebody needed and did not see, of all that were ever loaded."""
        return self._gone + sum(loaded.dropped for loaded in self._by_network.values())

    def report(self) -> tuple[ModelReport, ...]:
        """Return what every model costs, and what waits for it."""
        now_s = self._clock()
        return tuple(
            model_report(item.model, item.dispatcher.queue, item.users, now_s) for item in self._by_network.values()
        )

    def leave(self, network: str, key: PackageKey) -> None:
        """Note that a package needs its model no more."""
        loaded = self._by_network[network]
        loaded.users.pop(key, None)
        if not loaded.users:
            self.freed_s = loaded.idle_since_s = self._clock()

    async def hold(self, key: PackageKey, declared: ModelOf, head: HeadOf) -> str | None:
        """Have the model of a package loaded that knows this head; return why there is not enough memory for it.

        Raises HostLost or ModelFails where that does not work. Several may load at once, each another model.
        """
        async with self._turn(declared.network) as turn:
            if turn.failed is not None:
                raise turn.failed  # as it was tried for another package while this one waited
            with self._room.in_line() as number:
                return await self._hold(key, declared, head, turn, number)

    async def attach(self, name: str, key: PackageKey, head: str, system: Callable[[], OutsideSystem]) -> None:
        """Feed a system of others as a model is fed, unless it is already; raise OSError where it cannot be set up."""
        async with self._turn(name):
            if name not in self:
                made = await asyncio.to_thread(system)
                place = Place(turns=asyncio.Semaphore(made.at_once), threads=made.threads)
                self._feed(name, made, place, Limits())
            self._use(name, key, head)

    async def sweep(self) -> None:
        """End models that nobody has needed for long, and let heads go that nobody needs any more."""
        now_s = self._clock()
        idle = self._idle()
        await self._unload([name for name in idle if now_s - (self._by_network[name].idle_since_s or 0.0) > WARM_S])
        for network in list(self._by_network):
            await self._forget(network)
        for loaded in list(self._by_network.values()):
            if isinstance(loaded.model, Model) and loaded.model.stranded:
                await self._move(loaded, loaded.model)

    def end(self) -> None:
        """End every model; blocks until their processes are gone."""
        for loaded in self._by_network.values():
            loaded.model.end()
        for place in self.places.values():
            place.threads.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    @asynccontextmanager
    async def _turn(self, network: str) -> AsyncIterator[Turn]:
        """Wait until nobody else loads this model or teaches it; it stays loaded as long as somebody waits."""
        turn = self._turns.setdefault(network, Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield turn
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[network]

    async def _hold(self, key: PackageKey, declared: ModelOf, head: HeadOf, turn: Turn, number: int) -> str | None:
        short = await self._promise(declared, head, number)
        if short is not None:
            return short
        try:
            async with self._loads:
                model = await self._model(declared, turn)
                await self._on_thread(lambda: model.teach(head))
            self._use(declared.network, key, head.id)
        except BaseException:
            if declared.network in self and not self[declared.network].users:
                await self._end_one(declared.network)
            raise
        finally:
            self._room.settle(declared.network)
        return None

    async def _promise(self, declared: ModelOf, head: HeadOf, number: int) -> str | None:
        """Promise room for what is not loaded yet of a model and its head; return why there is not enough.

        Idle models are ended for it, and those that came before it are waited for: they may take less than declared.
        """
        network, needed_bytes = declared.network, self._needed_bytes(declared, head)
        while True:
            async with self._unloading:
                await self._end_idle(needed_bytes)
                if not needed_bytes or needed_bytes <= self._room.free_bytes():
                    self._room.promise(network, self._taken().get(network, 0) + needed_bytes)
                    return None
            if self._room.is_first(number):
                free = max(0, self._room.free_bytes()) >> 20
                return f"memory_short: the model declares {needed_bytes >> 20} MB, {free} MB are free"
            await self._room.changed()

    async def _end_idle(self, needed_bytes: int) -> None:
        """End idle models, one after the other, until so much is free."""
        for network in self._idle():
            if needed_bytes > self._room.free_bytes() and network in self._idle():
                await self._end_one(network)

    async def _model(self, declared: ModelOf, turn: Turn) -> Model:
        present = self._by_network.get(declared.network)
        if present is not None and isinstance(present.model, Model):
            return present.model
        try:
            model = await self._started(declared)
        except (HostLost, ModelFails) as error:
            turn.failed = error
            raise
        self._feed(declared.network, model, self.places[model.device], model.device.limits(model.batch))
        return model

    async def _started(self, declared: ModelOf) -> Model:
        """Return a model on the emptiest device that takes it: one may be full, or have died."""
        devices = self._emptiest_first(declared.kind)
        for device in devices:
            model = Model(declared, device, self._hosts)
            self._starting[device] += 1
            try:
                await self._on_thread(model.load)
            except (HostLost, ModelFails) as error:
                await asyncio.to_thread(model.end)
                if not _another_may_do(error):
                    raise
                self._failing.add(device)
                if device is devices[-1]:
                    raise
                log.warning("model %s does not start on %s: %s", declared.network[:12], device.name, error)
            except BaseException:
                await asyncio.to_thread(model.end)
                raise
            else:
                self._works(device)
                return model
            finally:
                self._starting[device] -= 1
        raise HostLost("there is no device")

    def _works(self, device: Device) -> None:
        """Note that a device takes models; where it did not before, others may be tried there again."""
        if device in self._failing:
            self._failing.remove(device)
            self.freed_s = self._clock()

    async def _move(self, loaded: Loaded, model: Model) -> None:
        """Have a model go on where others do: what it has in hand is answered, and the next frame starts it there."""
        others = [device for device in self._emptiest_first(model.declared.kind) if device != model.device]
        if others:
            log.warning("model %s goes from %s to %s", model.name[:12], model.device.name, others[0].name)
            await asyncio.to_thread(model.move, others[0])
            loaded.dispatcher.place = self.places[others[0]]

    def _feed(self, name: str, model: Model | OutsideSystem, place: Place, limits: Limits) -> None:
        dispatcher: Dispatcher[Sighted, Seen] = Dispatcher(
            place=place, limits=limits, serve=model.look, clock=self._clock
        )
        feeding = self._group.create_task(dispatcher.run(), name="model")
        self._by_network[name] = Loaded(model=model, dispatcher=dispatcher, feeding=feeding)

    def _needed_bytes(self, declared: ModelOf, head: HeadOf) -> int:
        loaded = self._by_network.get(declared.network)
        if loaded is None:
            return declared.memory_bytes + head.memory_bytes
        known = isinstance(loaded.model, Model) and head.id in loaded.model.heads
        return 0 if known else head.memory_bytes

    def _taken(self) -> dict[str, int]:
        """Return what is loaded, by what it was measured to take."""
        return {network: loaded.model.cost.memory_bytes for network, loaded in self._by_network.items()}

    def _use(self, network: str, key: PackageKey, head: str) -> None:
        loaded = self._by_network[network]
        loaded.users[key], loaded.idle_since_s = head, None

    def _idle(self) -> list[str]:
        """Return the models that nobody needs or is about to, those first that have been idle for longest."""
        idle = [
            (loaded.idle_since_s or 0.0, network)
            for network, loaded in self._by_network.items()
            if not loaded.users and network not in self._turns
        ]
        return [network for _, network in sorted(idle)]

    async def _forget(self, network: str) -> None:
        """Let the heads of a model go that nobody needs; one that somebody is just loading has its turn later."""
        if network in self._turns:
            return
        async with self._turn(network):
            loaded = self._by_network.get(network)
            if loaded is not None and isinstance(loaded.model, Model) and loaded.users:
                for head in set(loaded.model.heads) - set(loaded.users.values()):
                    await asyncio.to_thread(loaded.model.forget, head)

    async def _unload(self, networks: Collection[str]) -> None:
        for network in networks:
            async with self._unloading:
                if network in self._idle():  # somebody may have come meanwhile
                    await self._end_one(network)

    async def _end_one(self, network: str) -> None:
        loaded = self._by_network.pop(network)
        self._gone += loaded.dropped
        loaded.feeding.cancel()
        await asyncio.to_thread(loaded.model.end)
        if loaded.idle_since_s is not None:  # one that no package ever used, as its head failed, makes no new room
            self.freed_s = self._clock()

    async def _on_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _emptiest_first(self, kind: str) -> list[Device]:
        able = [device for device in self.devices if device.kind == kind] or list(self.devices)
        used = Counter(item.model.device for item in self._by_network.values() if isinstance(item.model, Model))
        return sorted(able, key=(used + self._starting).__getitem__)


def _another_may_do(error: HostLost | ModelFails) -> bool:
    """Tell whether another device may take a model that one did not."""
    return isinstance(error, HostLost) or error.code in {"memory_short", "card_fails"}


def _place(device: Device) -> Place:
    threads = ThreadPoolExecutor(device.workers, thread_name_prefix=device.name)
    return Place(turns=asyncio.Semaphore(device.workers), threads=threads)
