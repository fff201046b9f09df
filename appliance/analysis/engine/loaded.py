"""The models that are loaded: on which device each is, who uses it, and what room is left."""

import asyncio
import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from appliance.analysis.engine.declaration import HeadOf, ModelOf
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.dispatcher import Clock, Dispatcher, Place
from appliance.analysis.engine.host import Host, HostLost, Hosts, ModelFails
from appliance.analysis.engine.model import Model, Seen, Sighted
from appliance.analysis.engine.packages import PackageKey
from appliance.analysis.engine.queue import Limits
from appliance.analysis.engine.reporting import model_report
from appliance.analysis.outside.system import OutsideSystem
from appliance.local import ModelReport

log = logging.getLogger(__name__)

WARM_S = 300.0
"""A model that nobody needs any more stays for so long, unless another needs its memory."""


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

    def use(self, network: str, key: PackageKey, head: str) -> None:
        """Note that a package needs a model by one of its heads."""
        loaded = self._by_network[network]
        loaded.users[key], loaded.idle_since_s = head, None

    def leave(self, network: str, key: PackageKey) -> None:
        """Note that a package needs its model no more."""
        loaded = self._by_network[network]
        loaded.users.pop(key, None)
        if not loaded.users:
            self.freed_s = loaded.idle_since_s = self._clock()

    async def hold(self, declared: ModelOf, head: HeadOf) -> None:
        """Have a model loaded that knows this head; raise HostLost or ModelFails where that does not work."""
        model = await self._model(declared)
        await asyncio.to_thread(model.teach, head)

    def attach(self, name: str, system: OutsideSystem) -> None:
        """Feed a system of others as a model is fed."""
        self._feed(name, system, Place(turns=asyncio.Semaphore(system.at_once), threads=system.threads), Limits())

    async def make_room(self, declared: ModelOf, head: HeadOf) -> str | None:
        """End idle models until there is room for what is not loaded yet of a model and its head.

        Returns why there is not enough.
        """
        needed_bytes = self._needed_bytes(declared, head)
        short_bytes = needed_bytes - self._free_bytes()
        for network in self._idle():
            if short_bytes > 0 and network != declared.network:
                short_bytes -= self._by_network[network].model.cost.memory_bytes
                await self._unload([network])
        if needed_bytes and short_bytes > 0:
            free = max(0, self._free_bytes()) >> 20
            return f"memory_short: the model declares {needed_bytes >> 20} MB, {free} MB are free"
        return None

    async def sweep(self) -> None:
        """End models that nobody has needed for long, and let heads go that nobody needs any more."""
        now_s = self._clock()
        idle = self._idle()
        await self._unload([name for name in idle if now_s - (self._by_network[name].idle_since_s or 0.0) > WARM_S])
        for model, head in list(self._unneeded_heads()):
            await asyncio.to_thread(model.forget, head)
        for loaded in list(self._by_network.values()):
            if isinstance(loaded.model, Model) and loaded.model.stranded:
                await self._move(loaded, loaded.model)

    async def drop_unused(self) -> None:
        """End models that nobody needs, at once."""
        await self._unload(self._idle())

    def end(self) -> None:
        """End every model; blocks until their processes are gone."""
        for loaded in self._by_network.values():
            loaded.model.end()
        for place in self.places.values():
            place.threads.shutdown(wait=False, cancel_futures=True)

    async def _model(self, declared: ModelOf) -> Model:
        present = self._by_network.get(declared.network)
        if present is not None and isinstance(present.model, Model):
            return present.model
        model = await self._started(declared)
        self._feed(declared.network, model, self.places[model.device], model.device.limits(model.batch))
        return model

    async def _started(self, declared: ModelOf) -> Model:
        """Return a model on the emptiest device that takes it: one may be full, or have died."""
        devices = self._emptiest_first(declared.kind)
        for device in devices:
            model = Model(declared, device, self._hosts)
            try:
                await asyncio.to_thread(model.load)
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

    def _free_bytes(self) -> int:
        """Return the room that is left: what is loaded counts by what it was measured to take."""
        return self.memory_bytes - sum(item.model.cost.memory_bytes for item in self._by_network.values())

    def _idle(self) -> list[str]:
        """Return the models that nobody needs, those first that have been idle for longest."""
        idle = [(item.idle_since_s, network) for network, item in self._by_network.items() if not item.users]
        return [network for _, network in sorted((since_s or 0.0, network) for since_s, network in idle)]

    def _unneeded_heads(self) -> Iterator[tuple[Model, str]]:
        """Yield the heads that nobody needs of models that others need."""
        for loaded in self._by_network.values():
            if isinstance(loaded.model, Model) and loaded.users:
                for head in set(loaded.model.heads) - set(loaded.users.values()):
                    yield loaded.model, head

    async def _unload(self, networks: Collection[str]) -> None:
        for network in networks:
            loaded = self._by_network.pop(network)
            self._gone += loaded.dropped
            loaded.feeding.cancel()
            await asyncio.to_thread(loaded.model.end)
            if loaded.idle_since_s is not None:  # one that no package ever used, as its head failed, makes no new room
                self.freed_s = self._clock()

    def _emptiest_first(self, kind: str) -> list[Device]:
        able = [device for device in self.devices if device.kind == kind] or list(self.devices)
        used = [item.model.device for item in self._by_network.values() if isinstance(item.model, Model)]
        return sorted(able, key=used.count)


def _another_may_do(error: HostLost | ModelFails) -> bool:
    """Tell whether another device may take a model that one did not."""
    return isinstance(error, HostLost) or error.code in {"memory_short", "card_fails"}


def _place(device: Device) -> Place:
    threads = ThreadPoolExecutor(device.workers, thread_name_prefix=device.name)
    return Place(turns=asyncio.Semaphore(device.workers), threads=threads)
