"""All models of a box: loaded when a package needs them, shared by all who do, ended when nobody does."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.declaration import HeadOf, ModelOf, declared_by
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.dispatcher import Clock, Dispatcher, Place
from appliance.analysis.engine.frame import Dropped, Frame, Gallery
from appliance.analysis.engine.host import HostLost, ModelFails
from appliance.analysis.engine.model import Model, Seen, Sighted
from appliance.analysis.engine.queue import Lane, Limits
from appliance.analysis.engine.reporting import model_report
from appliance.analysis.finding import Picture
from appliance.analysis.outside.calling import Bound
from appliance.analysis.outside.system import HEAD, OutsideSystem, called
from appliance.local import EngineReport
from federation.packages import Manifest, PackageError, open_package
from federation.packages.endpoints import Endpoint

PackageKey = tuple[str, str]
"""Id and version of an algorithm."""

WARM_S = 300.0
"""A model that nobody needs any more stays for so long, unless another needs its memory."""

LOOK_AROUND_EVERY_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A package whose model is loaded: which model, and which of its heads."""

    manifest: Manifest
    network: str
    head: str


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A package that cannot work here; the reason is `code: what is wrong`."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A frame on its way through one model. `heads` says whose answer is whose."""

    heads: Mapping[PackageKey, str]
    answer: asyncio.Future[Seen | Dropped]


@dataclass(kw_only=True)
class _Loaded:
    model: Model | OutsideSystem
    dispatcher: Dispatcher[Sighted, Seen]
    feeding: asyncio.Task[None]
    users: dict[PackageKey, str] = field(default_factory=dict)
    idle_since_s: float | None = None


class Engine:
    """Its methods run on the event loop; models work on threads and in processes of their own."""

    def __init__(
        self,
        *,
        devices: tuple[Device, ...],
        memory_bytes: int,
        systems: Mapping[str, Bound] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        """Set up for these devices, so much memory for all models, and these systems of others by their names."""
        self.packages: dict[PackageKey, Ready | Unusable] = {}
        self.gallery = Gallery()
        self.on_change: Callable[[], None] = _nothing
        self._devices = devices
        self._memory_bytes = memory_bytes
        self._systems = systems or {}
        self._clock = clock
        self._places = {device: _place(device) for device in devices}
        self._wanted: Mapping[PackageKey, Path] = {}
        self._models: dict[str, _Loaded] = {}
        self._eyes: Dispatcher[Frame, Picture] = Dispatcher(
            place=self._places[devices[0]], limits=Limits(), serve=_pictures, clock=clock
        )
        self._gone = 0
        self._news = asyncio.Event()
        self._group = asyncio.TaskGroup()

    def want(self, packages: Mapping[PackageKey, Path]) -> None:
        """Hold exactly these packages from now on; `on_change` tells of each that is ready, or unusable."""
        changed, self._wanted = packages != self._wanted, dict(packages)
        for key in [key for key in self.packages if key not in packages]:
            found = self.packages.pop(key)
            if isinstance(found, Ready):
                self._leave(found.network, key)
        for key, state in list(self.packages.items()):
            if changed and isinstance(state, Unusable) and state.reason.startswith("memory_short"):
                del self.packages[key]  # there may be room now
        self._news.set()

    async def run(self) -> None:
        """Load and unload until cancelled."""
        try:
            async with self._group:
                self._group.create_task(self._eyes.run(), name="pictures")
                while True:
                    key = next((key for key in self._wanted if key not in self.packages), None)
                    if key is not None:
                        await self._load(key, self._wanted[key])
                        continue
                    await self._unload(self._cold())
                    await self._forget()
                    self._news.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AROUND_EVERY_S):
                            await self._news.wait()
        finally:
            await asyncio.to_thread(self._end)

    def look(self, frame: Frame, packages: Collection[PackageKey], *, lane: Lane) -> list[Asked]:
        """Let every model that these packages need look at the frame, once each; those not ready are left out."""
        heads: dict[str, dict[PackageKey, str]] = {}
        for key in packages:
            state = self.packages.get(key)
            if isinstance(state, Ready):
                heads.setdefault(state.network, {})[key] = state.head
        return [
            Asked(
                heads=mine,
                answer=self._models[network].dispatcher.ask(
                    Sighted(frame=frame, heads=frozenset(mine.values())), source=frame.source, lane=lane
                ),
            )
            for network, mine in heads.items()
        ]

    def decode(self, frame: Frame, *, lane: Lane) -> asyncio.Future[Picture | Dropped]:
        """Have the frame decoded for those who need no model; it waits its turn as for one."""
        return self._eyes.ask(frame, source=frame.source, lane=lane)

    @property
    def dropped(self) -> int:
        """Frames that somebody needed and did not see, of all models together."""
        return self._gone + self._eyes.queue.dropped.total() + sum(map(_dropped, self._models.values()))

    def report(self) -> EngineReport:
        """Return what is held, what it costs and what waits."""
        now_s = self._clock()
        return EngineReport(
            devices=tuple(device.name for device in self._devices),
            memory_mb=self._memory_bytes >> 20,
            models=tuple(
                model_report(item.model, item.dispatcher.queue, item.users, now_s) for item in self._models.values()
            ),
            loading=tuple(" ".join(key) for key in self._wanted if key not in self.packages),
            unusable={
                " ".join(key): state.reason for key, state in self.packages.items() if isinstance(state, Unusable)
            },
        )

    async def _load(self, key: PackageKey, path: Path) -> None:
        state = await self._state_of(key, path)
        if key in self._wanted:
            self.packages[key] = state
            self.on_change()
        elif isinstance(state, Ready):
            self._leave(state.network, key)

    async def _state_of(self, key: PackageKey, path: Path) -> Ready | Unusable:
        try:
            kinds = {device.kind for device in self._devices}
            package = await asyncio.to_thread(open_package, path)
            outside = package.manifest.outside
            if outside is not None:
                return await self._attached(key, package.manifest, outside)
            declared, head = await asyncio.to_thread(declared_by, package, kinds)
            short = await self._make_room(declared, head)
            if short is not None:
                return short
            model = await self._loaded(declared)
            await asyncio.to_thread(model.teach, head)
        except (HostLost, ModelFails) as error:
            await self._unload([network for network, item in self._models.items() if not item.users])
            return Unusable(reason=_reason(error))
        except (PackageError, ValueError) as error:
            return Unusable(reason=f"package_unusable: {str(error).splitlines()[0][:200]}")
        return self._ready(key, package.manifest, declared.network, head.id)

    def _ready(self, key: PackageKey, manifest: Manifest, network: str, head: str) -> Ready:
        loaded = self._models[network]
        loaded.users[key], loaded.idle_since_s = head, None
        return Ready(manifest=manifest, network=network, head=head)

    async def _attached(self, key: PackageKey, manifest: Manifest, endpoint: Endpoint) -> Ready | Unusable:
        """Have a system of others asked; packages that ask it the same share the answer."""
        bound = self._systems.get(endpoint.system)
        if bound is None:
            return Unusable(
                reason=f"system_unbound: the box's configuration has no [[analysis.systems]] {endpoint.system}"
            )
        name = called(endpoint, manifest.labels)
        if name not in self._models:
            try:
                system = await asyncio.to_thread(OutsideSystem, name, endpoint, bound, manifest.labels)
            except OSError as error:
                return Unusable(reason=f"system_refuses: {error}")
            place = Place(turns=asyncio.Semaphore(system.at_once), threads=system.threads)
            self._feed(name, system, place, Limits())
        return self._ready(key, manifest, name, HEAD)

    async def _make_room(self, declared: ModelOf, head: HeadOf) -> Unusable | None:
        """End idle models until there is room for what is not loaded yet of a model and its head."""
        loaded = self._models.get(declared.network)
        needed_bytes = declared.memory_bytes if loaded is None else 0
        known = loaded is not None and isinstance(loaded.model, Model) and head.id in loaded.model.heads
        needed_bytes += 0 if known else head.memory_bytes
        short_bytes = needed_bytes - self._free_bytes()
        for network in self._idle():
            if short_bytes > 0 and network != declared.network:
                short_bytes -= self._models[network].model.cost.memory_bytes
                await self._unload([network])
        if needed_bytes and short_bytes > 0:
            free = max(0, self._free_bytes()) >> 20
            return Unusable(reason=f"memory_short: the model declares {needed_bytes >> 20} MB, {free} MB are free")
        return None

    async def _loaded(self, declared: ModelOf) -> Model:
        present = self._models.get(declared.network)
        if present is not None and isinstance(present.model, Model):
            return present.model
        device = self._emptiest(declared.kind)
        model = Model(declared, device)
        try:
            await asyncio.to_thread(model.load)
        except BaseException:
            await asyncio.to_thread(model.end)
            raise
        self._feed(declared.network, model, self._places[device], device.limits(model.batch))
        return model

    def _feed(self, name: str, model: Model | OutsideSystem, place: Place, limits: Limits) -> None:
        dispatcher: Dispatcher[Sighted, Seen] = Dispatcher(
            place=place, limits=limits, serve=model.look, clock=self._clock
        )
        feeding = self._group.create_task(dispatcher.run(), name="model")
        self._models[name] = _Loaded(model=model, dispatcher=dispatcher, feeding=feeding)

    def _leave(self, network: str, key: PackageKey) -> None:
        """Note that a package needs its model no more."""
        loaded = self._models[network]
        loaded.users.pop(key, None)
        if not loaded.users:
            loaded.idle_since_s = self._clock()

    async def _forget(self) -> None:
        """Let the heads go that nobody needs any more, of models that others need."""
        for loaded in list(self._models.values()):
            model = loaded.model
            if isinstance(model, Model) and loaded.users:
                for head in set(model.heads) - set(loaded.users.values()):
                    await asyncio.to_thread(model.forget, head)

    def _free_bytes(self) -> int:
        """Return the room that is left: what is loaded counts by what it was measured to take."""
        return self._memory_bytes - sum(item.model.cost.memory_bytes for item in self._models.values())

    def _idle(self) -> list[str]:
        """Return the models that nobody needs, those first that have been idle for longest."""
        idle = [(item.idle_since_s, network) for network, item in self._models.items() if not item.users]
        return [network for _, network in sorted((since_s or 0.0, network) for since_s, network in idle)]

    def _cold(self) -> list[str]:
        now_s = self._clock()
        return [network for network in self._idle() if now_s - (self._models[network].idle_since_s or 0.0) > WARM_S]

    async def _unload(self, networks: Collection[str]) -> None:
        for network in networks:
            loaded = self._models.pop(network)
            self._gone += _dropped(loaded)
            loaded.feeding.cancel()
            await asyncio.to_thread(loaded.model.end)

    def _emptiest(self, kind: str) -> Device:
        able = [device for device in self._devices if device.kind == kind] or list(self._devices)
        used = [item.model.device for item in self._models.values() if isinstance(item.model, Model)]
        return min(able, key=used.count)

    def _end(self) -> None:
        for loaded in self._models.values():
            loaded.model.end()
        for place in self._places.values():
            place.threads.shutdown(wait=False, cancel_futures=True)


def _dropped(loaded: _Loaded) -> int:
    return loaded.dispatcher.queue.dropped.total() + loaded.model.cost.dropped.total()


def _pictures(frames: Sequence[Frame]) -> list[Picture | Dropped]:
    found: list[Picture | Dropped] = []
    for frame in frames:
        try:
            found.append(frame.picture())
        except CannotDecode as error:
            found.append(Dropped(reason="unreadable", detail=str(error)))
    return found


def _place(device: Device) -> Place:
    threads = ThreadPoolExecutor(device.workers, thread_name_prefix=device.name)
    return Place(turns=asyncio.Semaphore(device.workers), threads=threads)


def _reason(error: HostLost | ModelFails) -> str:
    if isinstance(error, HostLost):
        return f"model_crashed: {error}"
    code = "memory_short" if error.code == "memory_short" else "package_unusable"
    return f"{code}: {error}"


def _nothing() -> None:
    """Do nothing."""
