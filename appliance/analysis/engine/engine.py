"""The engine of a box: holds the packages that are wanted, and has their models look at frames."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from appliance.analysis.decoding import CannotDecode
from appliance.analysis.engine.cards import Card
from appliance.analysis.engine.devices import Device
from appliance.analysis.engine.dispatcher import Clock, Dispatcher
from appliance.analysis.engine.frame import Dropped, Frame, Gallery
from appliance.analysis.engine.host import Host, Hosts
from appliance.analysis.engine.loaded import LoadedModels
from appliance.analysis.engine.loading import Loader
from appliance.analysis.engine.model import Model, Sighted
from appliance.analysis.engine.packages import Asked, PackageKey, Ready, Unusable
from appliance.analysis.engine.queue import Lane, Limits
from appliance.analysis.engine.reporting import card_reports
from appliance.analysis.engine.second_try import next_try_s
from appliance.analysis.finding import Picture
from appliance.analysis.outside.calling import Bound
from appliance.local import EngineReport

LOOK_AROUND_EVERY_S = 5.0


class Engine:
    """Its methods run on the event loop; models work on threads and in processes of their own."""

    def __init__(
        self,
        *,
        devices: tuple[Device, ...],
        memory_bytes: int,
        systems: Mapping[str, Bound] | None = None,
        clock: Clock = time.monotonic,
        hosts: Hosts = Host,
    ) -> None:
        """Set up for these devices, so much memory for all models, and these systems of others by their names."""
        self.packages: dict[PackageKey, Ready | Unusable] = {}
        self.gallery = Gallery()
        self.on_change: Callable[[], None] = _nothing
        self._clock = clock
        self._wanted: Mapping[PackageKey, Path] = {}
        self._group = asyncio.TaskGroup()
        self._models = LoadedModels(
            devices=devices, memory_bytes=memory_bytes, group=self._group, clock=clock, hosts=hosts
        )
        self._loader = Loader(self._models, systems or {})
        self._loading: dict[PackageKey, asyncio.Task[None]] = {}
        self._eyes: Dispatcher[Frame, Picture] = Dispatcher(
            place=self._models.places[devices[0]], limits=Limits(), serve=_pictures, clock=clock
        )
        self._news = asyncio.Event()

    def want(self, packages: Mapping[PackageKey, Path]) -> None:
        """Hold exactly these packages from now on; `on_change` tells of each that is ready, or unusable."""
        changed, self._wanted = packages != self._wanted, dict(packages)
        for key in [key for key in self.packages if key not in packages]:
            found = self.packages.pop(key)
            if isinstance(found, Ready):
                self._models.leave(found.network, key)
        for key in self._loading.keys() - packages.keys():
            self._loading[key].cancel()
        for key, state in list(self.packages.items()):
            if changed and isinstance(state, Unusable) and state.reason.startswith("memory_short"):
                del self.packages[key]  # there may be room now
        self._news.set()

    async def run(self) -> None:
        """Load and unload until cancelled."""
        try:
            async with self._group:
                self._group.create_task(self._eyes.run(), name="pictures")
                sweeping: asyncio.Task[None] | None = None
                while True:
                    for key in self._due():
                        self._loading[key] = self._group.create_task(self._load(key, self._wanted[key]), name="load")
                    if sweeping is None or sweeping.done():
                        sweeping = self._group.create_task(self._models.sweep(), name="sweep")
                    self._news.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AROUND_EVERY_S):
                            await self._news.wait()
        finally:
            await asyncio.to_thread(self._models.end)

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
        return self._models.dropped + self._eyes.queue.dropped.total()

    def shares(self) -> dict[Model, dict[Path, Ready]]:
        """Return for every loaded model the packages that share it, by their files."""
        found: dict[Model, dict[Path, Ready]] = {}
        for key, state in self.packages.items():
            model = self._models[state.network].model if isinstance(state, Ready) else None
            if isinstance(state, Ready) and isinstance(model, Model) and key in self._wanted:
                found.setdefault(model, {})[self._wanted[key]] = state
        return found

    @property
    def devices(self) -> tuple[Device, ...]:
        """What models run on."""
        return self._models.devices

    def report(self, cards: Sequence[Card] = ()) -> EngineReport:
        """Return what is held, what it costs and what waits, and how busy its cards are."""
        return EngineReport(
            devices=tuple(device.name for device in self.devices),
            cards=card_reports(cards, self.devices, self._models.report()),
            memory_mb=self._models.memory_bytes >> 20,
            models=self._models.report(),
            loading=tuple(" ".join(key) for key in self._wanted if key not in self.packages),
            unusable={
                " ".join(key): state.reason for key, state in self.packages.items() if isinstance(state, Unusable)
            },
            next_tries_s={" ".join(key): max(0.0, due_s - self._clock()) for key, due_s in self._next_tries().items()},
        )

    def _due(self) -> list[PackageKey]:
        """Return the packages to load now: those not tried yet, then those that are to be tried again."""
        fresh = [key for key in self._wanted if key not in self.packages]
        tries = sorted((due_s, key) for key, due_s in self._next_tries().items() if due_s <= self._clock())
        return [key for key in (*fresh, *(key for _, key in tries)) if key not in self._loading]

    def _next_tries(self) -> dict[PackageKey, float]:
        """Return when packages that could not be held are tried again by themselves, by the clock."""
        found: dict[PackageKey, float] = {}
        for key, state in self.packages.items():
            if isinstance(state, Unusable):
                freed_s = self._models.freed_s
                due_s = next_try_s(state.reason, tries=state.tries, tried_s=state.tried_s, freed_s=freed_s)
                if due_s is not None:
                    found[key] = due_s
        return found

    async def _load(self, key: PackageKey, path: Path) -> None:
        try:
            state = await self._loader.state_of(key, path)
        finally:
            del self._loading[key]
            self._news.set()
        before = self.packages.get(key)
        tries = before.tries + 1 if isinstance(before, Unusable) else 1
        if isinstance(state, Unusable):
            state = replace(state, tries=tries, tried_s=self._clock())
        self.packages[key] = state
        self.on_change()


def _pictures(frames: Sequence[Frame]) -> list[Picture | Dropped]:
    found: list[Picture | Dropped] = []
    for frame in frames:
        try:
            found.append(frame.picture())
        except CannotDecode as error:
            found.append(Dropped(reason="unreadable", detail=str(error)))
    return found


def _nothing() -> None:
    """Do nothing."""
